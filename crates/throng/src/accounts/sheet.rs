//! Accounts as tables for people. All that somebody else chose passes `printable` here.

use data_encoding::HEXLOWER;
use jiff::tz::TimeZone;
use throng_store::Time;
use throng_store::accounts::{Account, Token};
use throng_wire::printable::printable;

use super::confirm::counted;
use crate::columns::{Columns, table};

/// The heads of a list.
const HEAD: [&str; 5] = ["NAME", "STATE", "SIGNS IN BY", "MADE", "LAST SIGNED IN"];

fn cells(account: &Account, zone: &TimeZone) -> [String; 5] {
    [
        printable(account.name.as_str()).into_owned(),
        state(account).unwrap_or("-").to_owned(),
        signs_in_by(account),
        day(account.created, zone),
        account.seen.map_or("never".to_owned(), |seen| moment(seen, zone)),
    ]
}

/// The first of all these accounts.
pub(super) fn list(accounts: &[Account], all: u64, zone: &TimeZone) -> String {
    let rows: Vec<_> = accounts.iter().map(|account| cells(account, zone)).collect();
    let mut text = table(HEAD, &rows, rows.len());
    let more = all.saturating_sub(rows.len() as u64);
    if more > 0 {
        text.push_str(&format!("\n… and {more} more"));
    }
    text
}

/// A list that comes page by page: the first one decides how wide its columns are.
pub(super) struct Sheet {
    zone: TimeZone,
    columns: Option<Columns<5>>,
}

impl Sheet {
    pub(super) fn new(zone: TimeZone) -> Sheet {
        Sheet { zone, columns: None }
    }

    /// The lines of one more page, with the head before the first.
    pub(super) fn page(&mut self, accounts: &[Account]) -> String {
        let rows: Vec<_> = accounts.iter().map(|account| cells(account, &self.zone)).collect();
        let mut text = String::new();
        let columns = self.columns.get_or_insert_with(|| {
            let columns = Columns::fitting(HEAD, &rows);
            text = columns.head() + "\n";
            columns
        });
        text.extend(rows.iter().map(|row| columns.row(row) + "\n"));
        text
    }
}

/// One account with its devices.
pub(super) fn details(account: &Account, tokens: &[Token], zone: &TimeZone) -> String {
    let seen = account.seen.map_or("never".to_owned(), |seen| moment(seen, zone));
    let mut lines = vec![
        format!("{:<15} {}", "name", printable(account.name.as_str())),
        format!("{:<15} {}", "state", state(account).unwrap_or("as usual")),
        format!("{:<15} {}", "signs in by", signs_in_by(account)),
        format!("{:<15} {}", "made", moment(account.created, zone)),
        format!("{:<15} {seen}", "last signed in"),
        format!("{:<15} {}", "recognised", if account.recognised { "greeted by address" } else { "no" }),
    ];
    lines.extend(
        account.certificates.iter().map(|print| format!("{:<15} {}", "certificate", HEXLOWER.encode(print))),
    );
    if tokens.is_empty() {
        lines.push(format!("{:<15} none stays signed in", "devices"));
    } else {
        let row = |token: &Token| {
            let device = printable(&token.device).into_owned();
            [token.number.to_string(), device, moment(token.used, zone), day(token.expires, zone)]
        };
        let rows: Vec<_> = tokens.iter().map(row).collect();
        lines.push(String::new());
        lines.push(table(["DEVICE", "CALLED", "LAST USED", "GOOD UNTIL"], &rows, rows.len()));
    }
    lines.join("\n")
}

fn state(account: &Account) -> Option<&'static str> {
    match (account.operator, account.suspended) {
        (true, true) => Some("operator, suspended"),
        (true, false) => Some("operator"),
        (false, true) => Some("suspended"),
        (false, false) => None,
    }
}

fn signs_in_by(account: &Account) -> String {
    let password = account.verifier.as_ref().map(|verifier| match verifier.scram {
        Some(_) => "password, SCRAM".to_owned(),
        None => "password".to_owned(),
    });
    let certificates = account.certificates.len() as u64;
    let certificates = (certificates > 0).then(|| counted(certificates, "certificate"));
    let both: Vec<_> = password.into_iter().chain(certificates).collect();
    if both.is_empty() { "nothing".to_owned() } else { both.join(", ") }
}

fn zoned(at: Time, zone: &TimeZone) -> jiff::Zoned {
    jiff::Timestamp::from_millisecond(at.0).unwrap_or_default().to_zoned(zone.clone())
}

fn day(at: Time, zone: &TimeZone) -> String {
    zoned(at, zone).strftime("%Y-%m-%d").to_string()
}

fn moment(at: Time, zone: &TimeZone) -> String {
    zoned(at, zone).strftime("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use throng_services::chat::{Name, Names};

    use super::*;

    fn account(name: &str) -> Account {
        Account {
            name: Name::new(name, Names::Unicode).unwrap(),
            created: Time(1_795_201_540_123),
            seen: None,
            verifier: None,
            suspended: false,
            operator: false,
            recognised: false,
            certificates: Vec::new(),
        }
    }

    #[test]
    fn a_list_aligns_and_says_how_many_more_there_are() {
        let wide = Account { operator: true, certificates: vec![[1; 32]], ..account("李小龍") };
        assert_eq!(
            list(&[account("bo"), wide], 5, &TimeZone::UTC),
            "NAME    STATE     SIGNS IN BY    MADE        LAST SIGNED IN\n\
             bo      -         nothing        2026-11-20  never\n\
             李小龍  operator  1 certificate  2026-11-20  never\n\
             … and 3 more"
        );
        let mut sheet = Sheet::new(TimeZone::UTC);
        let pages = sheet.page(&[account("bo")]) + &sheet.page(&[account("cy")]);
        assert_eq!(pages.matches("NAME").count(), 1);
        assert!(pages.ends_with("cy    -      nothing      2026-11-20  never\n"), "{pages}");
    }

    #[test]
    fn what_a_device_is_called_never_moves_the_cursor() {
        let device = "\x1b[2J\u{9b}phone\u{202e}".into();
        let (created, used, expires) = (Time(0), Time(0), Time(0));
        let token = Token { number: 3, hash: [0; 32], device, created, used, expires };
        let text = details(&account("ana"), &[token], &TimeZone::UTC);
        assert!(
            text.contains("3       \\x1b[2J") && !text.contains(['\x1b', '\u{9b}', '\u{202e}']),
            "{text}"
        );
    }
}
