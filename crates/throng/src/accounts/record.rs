//! Accounts as lines of JSON: the first line says what the file is, and each one behind it is an account. Devices and addresses
//! are not among it, so people sign in anew where accounts came from a file. The verifiers of passwords are.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use throng_services::chat::{Name, Names};
use throng_services::identity::password::{Cost, needs_rehash};
use throng_services::identity::scram::Keys;
use throng_store::Time;
use throng_store::accounts::{Account, CERTIFICATES_MAX, Verifier};
use throng_wire::printable::printable;

/// The version of the form. One that is higher is refused.
const VERSION: u32 = 1;

/// What the first line is for.
const OF: &str = "accounts";

/// The longest line, in bytes: twice what an account with all its certificates takes.
pub(super) const LINE_BYTES_MAX: usize = 4096;

#[derive(Serialize, Deserialize)]
struct Head {
    throng: String,
    version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Record {
    name: String,
    created: i64,
    #[serde(default)]
    seen: Option<i64>,
    #[serde(default)]
    argon2: Option<String>,
    #[serde(default)]
    scram: Option<String>,
    #[serde(default)]
    suspended: bool,
    #[serde(default)]
    operator: bool,
    #[serde(default)]
    recognised: bool,
    #[serde(default)]
    certificates: Vec<String>,
}

/// The first line.
pub(super) fn head() -> String {
    json(&Head { throng: OF.to_owned(), version: VERSION })
}

/// Is this the first line of a file of ours?
pub(super) fn check_head(line: &str) -> Result<(), String> {
    let head: Head =
        serde_json::from_str(line).map_err(|_| format!("a file of accounts begins with {}", head()))?;
    match (head.throng.as_str(), head.version) {
        (OF, VERSION) => Ok(()),
        (OF, theirs) => Err(format!("the file has version {theirs}, and this program knows {VERSION}")),
        (other, _) => Err(format!("the file has {} and no accounts", printable(other))),
    }
}

/// An account as a line.
pub(super) fn line(account: &Account) -> String {
    let verifier = account.verifier.as_ref();
    json(&Record {
        name: account.name.as_str().to_owned(),
        created: account.created.0,
        seen: account.seen.map(|Time(at)| at),
        argon2: verifier.map(|verifier| verifier.argon2.to_string()),
        scram: verifier.and_then(|verifier| verifier.scram.as_ref()).map(ToString::to_string),
        suspended: account.suspended,
        operator: account.operator,
        recognised: account.recognised,
        certificates: account.certificates.iter().map(|print| HEXLOWER.encode(print)).collect(),
    })
}

/// A line as an account, or what is wrong with it.
pub(super) fn account(line: &str) -> Result<Account, String> {
    let record: Record = serde_json::from_str(line).map_err(|why| {
        // Where it is in the line; which line it is the caller knows.
        let why = why.to_string();
        format!("no account: {}", printable(why.split(" at line ").next().unwrap_or(&why)))
    })?;
    let name = Name::new(&record.name, Names::Unicode)
        .map_err(|why| format!("{} cannot be a name: {why}", printable(&record.name)))?;
    let of = |what: &str| format!("{}: {what}", printable(name.as_str()));
    let verifier = match (record.argon2, record.scram) {
        (None, None) => None,
        (None, Some(_)) => return Err(of("scram stands only beside argon2")),
        (Some(argon2), _) if needs_rehash(&argon2, Cost { memory_kib: 0, rounds: 0, lanes: 0 }) => {
            return Err(of("argon2 is no hash of Argon2id in the PHC string format"));
        }
        (Some(_), Some(scram)) if Keys::from_stored(&scram).is_none() => {
            return Err(of("scram is no verifier of SCRAM-SHA-256"));
        }
        (Some(argon2), scram) => Some(Verifier { argon2: argon2.into(), scram: scram.map(Into::into) }),
    };
    if record.certificates.len() > CERTIFICATES_MAX {
        return Err(of(&format!("an account has at most {CERTIFICATES_MAX} certificates")));
    }
    let fingerprint = |text: &String| {
        let bytes = HEXLOWER.decode(text.to_ascii_lowercase().as_bytes()).ok();
        bytes
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| of("a certificate is 64 hexadecimal digits"))
    };
    let certificates = record.certificates.iter().map(fingerprint).collect::<Result<Vec<_>, _>>()?;
    Ok(Account {
        verifier,
        certificates,
        created: Time(record.created),
        seen: record.seen.map(Time),
        suspended: record.suspended,
        operator: record.operator,
        recognised: record.recognised,
        name,
    })
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts, numbers and lists can always be written as JSON")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const ARGON2: &str =
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";

    #[test]
    fn an_account_comes_back_as_it_was() {
        let whole = Account {
            name: Name::new("Олена", Names::Unicode).unwrap(),
            created: Time(5),
            seen: Some(Time(7)),
            verifier: Some(Verifier { argon2: ARGON2.into(), scram: None }),
            suspended: true,
            operator: true,
            recognised: true,
            certificates: vec![[0xab; 32]; CERTIFICATES_MAX],
        };
        let bare = Account {
            seen: None,
            verifier: None,
            suspended: false,
            operator: false,
            recognised: false,
            certificates: Vec::new(),
            ..whole.clone()
        };
        for given in [whole, bare] {
            let line = line(&given);
            assert!(line.len() <= LINE_BYTES_MAX / 2, "{}", line.len());
            assert_eq!(account(&line).unwrap(), given);
        }
        assert_eq!(check_head(&head()), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_told() {
        let check = |line: &str, expected: &str| {
            let told = account(line).unwrap_err();
            assert!(told.contains(expected), "{told}");
        };
        check("", "no account");
        check("[]", "no account");
        check(r#"{"name":"ana"}"#, "missing field `created`");
        check(r#"{"name":"ana","created":1,"colour":"red"}"#, "unknown field `colour`");
        check(r#"{"name":"a b","created":1}"#, "a b cannot be a name");
        check(r#"{"name":"\u001b[2J","created":1}"#, "\\x1b[2J cannot be a name");
        check(r#"{"name":"ana","created":1,"argon2":"secret"}"#, "ana: argon2 is no hash");
        check(r#"{"name":"ana","created":1,"scram":"x"}"#, "ana: scram stands only beside argon2");
        check(
            &format!(r#"{{"name":"ana","created":1,"argon2":"{ARGON2}","scram":"x"}}"#),
            "ana: scram is no",
        );
        check(r#"{"name":"ana","created":1,"certificates":["ab"]}"#, "64 hexadecimal digits");
        let told = |line: &str| check_head(line).unwrap_err();
        assert!(told("{}").contains(r#"begins with {"throng":"accounts","version":1}"#));
        assert!(told(r#"{"throng":"accounts","version":2}"#).contains("version 2"));
        assert!(told(r#"{"throng":"rooms","version":1}"#).contains("rooms and no accounts"));
    }
}
