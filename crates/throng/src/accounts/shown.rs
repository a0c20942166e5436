//! What came of a wish, as people and programs read it, and what one is asked before. All that somebody else chose passes
//! `printable` here.

use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;
use jiff::tz::TimeZone;
use serde_json::{Value, json};
use throng_services::chat::Name;
use throng_store::Time;
use throng_store::accounts::{Account, Census, Token};
use throng_wire::printable::printable;

use super::wish::Done;
use crate::banner::shown as path_shown;
use crate::columns::{Columns, table};

/// Who wishes, and so by what the next thing is typed.
#[derive(Clone, Debug)]
pub enum By {
    /// At the server's own prompt.
    Console,
    /// On the command line, with this data folder, where one was named.
    Command(Option<PathBuf>),
}

impl By {
    /// As it stands in the log.
    pub fn name(&self) -> &'static str {
        match self {
            By::Console => "console",
            By::Command(_) => "command line",
        }
    }

    /// What puts the accounts of this backup back.
    fn undo(&self, backup: &Path) -> String {
        // The folder of backups is looked in by itself.
        let name = backup.file_name().map_or(backup, Path::new);
        match self {
            By::Console => format!("identities restore {}", path_shown(name)),
            By::Command(data) => {
                let data = data.as_ref().map_or(String::new(), |data| format!(" --data {}", quoted(data)));
                format!("throng account restore {}{data}", path_shown(name))
            }
        }
    }
}

/// A path as a shell takes it.
fn quoted(path: &Path) -> String {
    let text = printable(&path.display().to_string()).into_owned();
    let plain = |letter: char| letter.is_alphanumeric() || "/._-+,:@%".contains(letter);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

/// What is asked before something that is not easily undone.
#[derive(Debug)]
pub struct Confirm {
    /// What would be done.
    pub what: String,
    /// What is to be typed.
    pub word: String,
}

impl Confirm {
    /// Before an account is deleted.
    pub fn delete(name: &Name) -> Confirm {
        let word = printable(name.as_str()).into_owned();
        let what = format!(
            "This deletes the account {word}, with its devices, for good. Its name is free then; what {word} said stays."
        );
        Confirm { what, word }
    }

    /// Before all go.
    pub fn clear(census: &Census) -> Confirm {
        let what = format!(
            "This removes {}. Who is signed in is logged out; rooms and messages stay.\nA backup is written before.",
            everything(census)
        );
        Confirm { what, word: "clear identities".to_owned() }
    }

    /// The question.
    pub fn question(&self) -> String {
        format!("{}\nType  {}  to do it, anything else leaves all as it is.", self.what, self.word)
    }
}

/// `4 accounts and their names, 3 devices that are signed in, 1 certificate and 2 remembered addresses`
fn everything(census: &Census) -> String {
    let accounts = counted(census.accounts, "account");
    let names = if census.accounts == 1 { "its name" } else { "their names" };
    format!(
        "{accounts} and {names}, {} that {} signed in, {} and {}",
        counted(census.tokens, "device"),
        if census.tokens == 1 { "is" } else { "are" },
        counted(census.certificates, "certificate"),
        counted(census.addresses, "remembered address"),
    )
}

fn counted(count: u64, noun: &str) -> String {
    let plural = if noun.ends_with('s') { "es" } else { "s" };
    format!("{count} {noun}{}", if count == 1 { "" } else { plural })
}

/// What came of it, for people.
pub(super) fn text(done: &Done, by: &By, zone: &TimeZone) -> String {
    let shown = |name: &Name| printable(name.as_str()).into_owned();
    match done {
        Done::Listed(accounts, 0) if accounts.is_empty() => {
            "There are no accounts. One is made by: account create NAME".to_owned()
        }
        Done::Listed(accounts, all) => list(accounts, *all, zone),
        Done::Shown(account, tokens) => details(account, tokens, zone),
        Done::Created { name, password, operator } => {
            let may = if *operator { " It may operate the server." } else { "" };
            let name = shown(name);
            format!(
                "The account {name} is made.{may}{}",
                once(&name, password.as_ref().map(|word| word.expose()))
            )
        }
        Done::Reset(name, password) => {
            let name = shown(name);
            let shown = once(&name, password.as_ref().map(|word| word.expose()));
            format!("{name} has another password, and its devices are signed out.{shown}")
        }
        Done::Suspended(name) => {
            let name = shown(name);
            format!("Nobody can sign in to {name} until: account unsuspend {name}")
        }
        Done::Unsuspended(name) => format!("{} can sign in again.", shown(name)),
        Done::Deleted(name) => format!("The account {} is deleted; its name is free.", shown(name)),
        Done::OperatorSet(name, true) => format!("{} may operate the server.", shown(name)),
        Done::OperatorSet(name, false) => format!("{} may operate the server no more.", shown(name)),
        Done::Revoked(name) => format!("All devices of {} are signed out.", shown(name)),
        Done::Exported(to, accounts) => format!(
            "{} in {}, which only you can read.\nWho has it can guess at the passwords: keep it as you would keep those.",
            counted(*accounts, "account"),
            path_shown(to)
        ),
        Done::Imported { from, accounts, replaced, backup } => format!(
            "{} imported from {}, {replaced} of them in the place of what was there.\n{}",
            counted(*accounts as u64, "account"),
            path_shown(from),
            way_back(backup, by)
        ),
        Done::Cleared(census, backup) => {
            format!("Gone: {}. Rooms and messages stay.\n{}", everything(census), way_back(backup, by))
        }
        Done::Restored { from, accounts, backup } => format!(
            "{} restored from {}.\n{}",
            counted(*accounts as u64, "account"),
            path_shown(from),
            way_back(backup, by)
        ),
    }
}

fn way_back(backup: &Path, by: &By) -> String {
    format!("What was before is in {}\nTo undo it: {}", path_shown(backup), by.undo(backup))
}

fn once(name: &str, password: Option<&String>) -> String {
    password.map_or(String::new(), |password| {
        format!("\nPassword: {password}\nGive it to {name}. It is shown only here, this once.")
    })
}

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

fn list(accounts: &[Account], all: u64, zone: &TimeZone) -> String {
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

fn details(account: &Account, tokens: &[Token], zone: &TimeZone) -> String {
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

/// An account as one line for programs; with its devices, where they are asked for. No verifier is in it.
pub(super) fn machine(account: &Account, tokens: Option<&[Token]>) -> String {
    let at = |time: Time| jiff::Timestamp::from_millisecond(time.0).unwrap_or_default().to_string();
    let mut object = json!({
        "name": account.name.as_str(),
        "created": at(account.created),
        "seen": account.seen.map(at),
        "operator": account.operator,
        "suspended": account.suspended,
        "recognised": account.recognised,
        "password": account.verifier.is_some(),
        "scram": account.verifier.as_ref().is_some_and(|verifier| verifier.scram.is_some()),
        "certificates": account.certificates.iter().map(|print| HEXLOWER.encode(print)).collect::<Vec<_>>(),
    });
    if let Some(tokens) = tokens {
        let device = |token: &Token| {
            let (created, used, expires) = (at(token.created), at(token.used), at(token.expires));
            json!({"number": token.number, "device": &*token.device, "created": created, "used": used,
                   "expires": expires})
        };
        object["devices"] = Value::Array(tokens.iter().map(device).collect());
    }
    escaped(&object.to_string())
}

/// JSON in which nothing moves a cursor either: what `printable` would change is written by its number. Such letters stand in texts
/// only.
fn escaped(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for letter in json.chars() {
        let mut bytes = [0; 4];
        let text: &str = letter.encode_utf8(&mut bytes);
        if letter.is_ascii_graphic() || letter == ' ' || printable(text) == text {
            safe.push(letter);
        } else {
            safe.extend(letter.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use throng_services::chat::Names;

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

    fn shown(done: &Done) -> String {
        text(done, &By::Console, &TimeZone::UTC)
    }

    #[test]
    fn a_list_aligns_and_says_how_many_more_there_are() {
        let wide = Account { operator: true, certificates: vec![[1; 32]], ..account("李小龍") };
        assert_eq!(
            shown(&Done::Listed(vec![account("bo"), wide], 5)),
            "NAME    STATE     SIGNS IN BY    MADE        LAST SIGNED IN\n\
             bo      -         nothing        2026-11-20  never\n\
             李小龍  operator  1 certificate  2026-11-20  never\n\
             … and 3 more"
        );
        assert!(shown(&Done::Listed(Vec::new(), 0)).starts_with("There are no accounts."));
        let mut sheet = Sheet::new(TimeZone::UTC);
        let pages = sheet.page(&[account("bo")]) + &sheet.page(&[account("cy")]);
        assert_eq!(pages.matches("NAME").count(), 1);
        assert!(pages.ends_with("cy    -      nothing      2026-11-20  never\n"), "{pages}");
    }

    #[test]
    fn what_a_device_is_called_never_moves_the_cursor() {
        const MOVES: [char; 3] = ['\x1b', '\u{9b}', '\u{202e}'];
        let token = Token {
            number: 3,
            hash: [0; 32],
            device: "\x1b[2J\u{9b}phone\u{202e}".into(),
            created: Time(0),
            used: Time(0),
            expires: Time(0),
        };
        let done = Done::Shown(account("ana"), vec![token]);
        let Done::Shown(account, tokens) = &done else { unreachable!() };
        let text = shown(&done);
        assert!(text.contains("3       \\x1b[2J") && !text.contains(MOVES), "{text}");
        let line = machine(account, Some(tokens));
        assert!(!line.contains(MOVES) && line.contains(r#""number":3"#), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            read["devices"][0]["device"], "\x1b[2J\u{9b}phone\u{202e}",
            "and programs read what it is"
        );
    }

    #[test]
    fn what_is_asked_says_what_goes_and_what_stays() {
        let census = Census { accounts: 2, tokens: 1, certificates: 0, addresses: 3 };
        let asked = Confirm::clear(&census).question();
        assert!(
            asked.starts_with(
                "This removes 2 accounts and their names, 1 device that is signed in, 0 certificates and 3 remembered \
                 addresses. Who is signed in is logged out; rooms and messages stay."
            ) && asked.contains("Type  clear identities  to do it"),
            "{asked}"
        );
    }

    #[test]
    fn the_way_back_is_one_line_to_type() {
        let backup = PathBuf::from("/data/backups/throng-1.db");
        for (by, expected) in [
            (By::Console, "identities restore throng-1.db"),
            (By::Command(None), "throng account restore throng-1.db"),
            (By::Command(Some("/my data".into())), "throng account restore throng-1.db --data '/my data'"),
        ] {
            assert_eq!(by.undo(&backup), expected);
        }
    }
}
