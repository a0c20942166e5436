//! Accounts as rows of their tables, and what is read of them. The readers ask, each question in one look at the file, so
//! that an account never has the certificates of another moment.
//!
//! An account whose name nobody could ask for under the rules of a later version stays in the file, and is told to nobody.

use std::sync::Arc;

use rusqlite::types::ToSql;
use rusqlite::{Connection, OptionalExtension, Result, Row};
use throng_chat::{Name, Names, Time};

use super::{Account, Census, PAGE_MAX, Token, Verifier};
use crate::row;

/// The columns that [`named`] reads, in its order.
const ACCOUNT: &str =
    "a.id, a.name, a.created, a.seen, a.argon2, a.scram, a.suspended, a.operator, a.recognised";

/// The columns that [`token`] reads, in its order.
const TOKEN: &str = "t.number, t.hash, t.device, t.created, t.used, t.expires";

/// Reads in one look: what is changed meanwhile is not seen.
pub(crate) fn in_one_look<T>(db: &Connection, read: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
    let look = db.unchecked_transaction()?;
    read(&look)
}

/// The account of this name.
pub(crate) fn account(db: &Connection, name: &Name) -> Result<Option<Account>> {
    one(db, "accounts a WHERE a.folded = ?1", &name.folded())
}

/// The account that has this certificate.
pub(crate) fn by_certificate(db: &Connection, fingerprint: &[u8; 32]) -> Result<Option<Account>> {
    one(db, "certificates c JOIN accounts a ON a.id = c.account WHERE c.fingerprint = ?1", fingerprint)
}

/// The account and the token of which this is the hash.
pub(crate) fn by_token(db: &Connection, hash: &[u8; 32]) -> Result<Option<(Account, Token)>> {
    let Some(account) = one(db, "tokens t JOIN accounts a ON a.id = t.account WHERE t.hash = ?1", hash)?
    else {
        return Ok(None);
    };
    let mut asked = db.prepare_cached(&format!("SELECT {TOKEN} FROM tokens t WHERE t.hash = ?1"))?;
    asked.query_row([hash], token).map(|token| Some((account, token)))
}

/// The tokens of an account, by number.
pub(crate) fn tokens(db: &Connection, name: &Name) -> Result<Vec<Token>> {
    let mut asked = db.prepare_cached(&format!(
        "SELECT {TOKEN} FROM tokens t JOIN accounts a ON a.id = t.account WHERE a.folded = ?1 ORDER BY t.number"
    ))?;
    asked.query_map([name.folded()], token)?.collect()
}

/// The accounts behind this one, by folded name.
pub(crate) fn page(db: &Connection, after: Option<&Name>) -> Result<Vec<Account>> {
    let mut asked = db.prepare_cached(&format!(
        "SELECT {ACCOUNT} FROM accounts a WHERE a.folded > ?1 ORDER BY a.folded LIMIT {PAGE_MAX}"
    ))?;
    // No name is empty, so all are behind that.
    let mut rows = asked.query([after.map_or("", Name::folded)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(named(db, row)?);
    }
    Ok(found)
}

/// Who came from this address last.
pub(crate) fn by_address(db: &Connection, address: &str) -> Result<Option<Name>> {
    let mut asked = db.prepare_cached(
        "SELECT a.name FROM addresses d JOIN accounts a ON a.id = d.account WHERE d.address = ?1",
    )?;
    let found = asked.query_row([address], |row| Ok(name(row.get_ref(0)?.as_str()?)));
    found.optional().map(Option::flatten)
}

/// How many rows each table has.
pub(crate) fn census(db: &Connection) -> Result<Census> {
    let count = |table: &str| {
        let mut asked = db.prepare_cached(&format!("SELECT count(*) FROM {table}"))?;
        asked.query_row([], |row| row::sequence(row, 0))
    };
    Ok(Census {
        accounts: count("accounts")?,
        tokens: count("tokens")?,
        certificates: count("certificates")?,
        addresses: count("addresses")?,
    })
}

/// A name, unless nobody could ask for it today.
pub(crate) fn name(kept: &str) -> Option<Name> {
    Name::new(kept, Names::Unicode).ok()
}

/// No account has this number: SQLite gives them from 1 on.
const NOBODY: i64 = 0;

fn one(db: &Connection, found_in: &str, by: &dyn ToSql) -> Result<Option<Account>> {
    let mut asked = db.prepare_cached(&format!("SELECT {ACCOUNT} FROM {found_in}"))?;
    let found = asked.query_row([by], |row| named(db, row)).optional()?;
    if found.is_none() {
        // As much is read where there is none: whoever waits for a refusal learns nothing from how long it takes.
        certificates(db, NOBODY)?;
    }
    Ok(found.flatten())
}

fn named(db: &Connection, row: &Row<'_>) -> Result<Option<Account>> {
    let Some(name) = name(row.get_ref(1)?.as_str()?) else {
        return Ok(None);
    };
    let argon2: Option<Arc<str>> = row.get(4)?;
    let scram = row.get(5)?;
    Ok(Some(Account {
        name,
        created: Time(row.get(2)?),
        seen: row.get::<_, Option<i64>>(3)?.map(Time),
        verifier: argon2.map(|argon2| Verifier { argon2, scram }),
        suspended: row.get(6)?,
        operator: row.get(7)?,
        recognised: row.get(8)?,
        certificates: certificates(db, row.get(0)?)?,
    }))
}

fn certificates(db: &Connection, account: i64) -> Result<Vec<[u8; 32]>> {
    let mut asked =
        db.prepare_cached("SELECT fingerprint FROM certificates WHERE account = ?1 ORDER BY id")?;
    asked.query_map([account], |row| row.get(0))?.collect()
}

fn token(row: &Row<'_>) -> Result<Token> {
    Ok(Token {
        number: row::sequence(row, 0)?,
        hash: row.get(1)?,
        device: row.get(2)?,
        created: Time(row.get(3)?),
        used: Time(row.get(4)?),
        expires: Time(row.get(5)?),
    })
}
