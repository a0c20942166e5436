//! Accounts as lines of JSON for programs. No verifier is in them.

use std::path::Path;

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use throng_services::chat::Name;
use throng_services::identity::Secret;
use throng_store::Time;
use throng_store::accounts::{Account, Token};
use throng_wire::printable::printable;

use super::wish::Done;
use crate::units::iso;

/// What came of a wish. A password that was made up is in it, since nobody sees it otherwise.
pub(super) fn data(done: &Done) -> Value {
    let password = |word: &Option<Secret<String>>| word.as_ref().map(|word| word.expose().clone());
    let name = |name: &Name| name.as_str().to_owned();
    let file = |path: &Path| path.display().to_string();
    match done {
        Done::Listed(accounts, total) => {
            let accounts: Vec<_> = accounts.iter().map(|account| object(account, None)).collect();
            json!({ "total": total, "accounts": accounts })
        }
        Done::Shown(account, tokens) => object(account, Some(tokens)),
        Done::Created { name: of, password: made, operator } => {
            json!({ "account": name(of), "password": password(made), "operator": operator })
        }
        Done::Reset(of, made) => json!({ "account": name(of), "password": password(made) }),
        Done::Suspended(of) => json!({ "account": name(of), "suspended": true }),
        Done::Unsuspended(of) => json!({ "account": name(of), "suspended": false }),
        Done::Deleted(of) => json!({ "deleted": name(of) }),
        Done::OperatorSet(of, may) => json!({ "account": name(of), "operator": may }),
        Done::Revoked(of) => json!({ "account": name(of), "revoked": true }),
        Done::Exported(to, accounts) => json!({ "file": file(to), "accounts": accounts }),
        Done::Imported { from, accounts, replaced, backup } => {
            json!({ "file": file(from), "accounts": accounts, "replaced": replaced, "backup": file(backup) })
        }
        Done::Cleared(census, backup) => json!({
            "accounts": census.accounts, "devices": census.tokens, "certificates": census.certificates,
            "addresses": census.addresses, "backup": file(backup),
        }),
        Done::Restored { from, accounts, backup } => {
            json!({ "file": file(from), "accounts": accounts, "backup": file(backup) })
        }
    }
}

/// An account as one line; with its devices, where they are asked for.
pub(super) fn line(account: &Account, tokens: Option<&[Token]>) -> String {
    escaped(&object(account, tokens).to_string())
}

fn object(account: &Account, tokens: Option<&[Token]>) -> Value {
    let at = |time: Time| iso(time.0);
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
    object
}

/// JSON in which nothing moves a cursor either: what `printable` would change is written by its number. Such letters stand in texts
/// only.
pub fn escaped(json: &str) -> String {
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

    use throng_services::chat::Names;
    use throng_store::accounts::Verifier;

    use super::*;

    #[test]
    fn what_a_device_is_called_never_moves_the_cursor_and_no_verifier_is_shown() {
        const CALLED: &str = "\x1b[2J\u{9b}phone\u{202e}";
        let (created, used, expires) = (Time(0), Time(0), Time(0));
        let token = Token { number: 3, hash: [0; 32], device: CALLED.into(), created, used, expires };
        let account = Account {
            name: Name::new("李小龍", Names::Unicode).unwrap(),
            created,
            seen: None,
            verifier: Some(Verifier { argon2: "canary".into(), scram: None }),
            suspended: false,
            operator: false,
            recognised: false,
            certificates: vec![[0xab; 32]],
        };
        let line = line(&account, Some(&[token]));
        assert!(!line.contains(['\x1b', '\u{9b}', '\u{202e}']) && !line.contains("canary"), "{line}");
        let read: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(read["devices"][0]["device"], CALLED, "and programs read what it is");
        assert_eq!((&read["name"], &read["created"]), (&"李小龍".into(), &"1970-01-01T00:00:00Z".into()));
        assert_eq!((&read["password"], &read["scram"]), (&true.into(), &false.into()));
    }
}
