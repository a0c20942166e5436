//! A change of accounts, made in the tables. Only the writer calls it, inside a transaction. Whatever could deny a change is
//! looked at before anything is written, so what was denied has written nothing.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, Result, params};
use throng_chat::Name;

use super::{
    ADDRESSES_MAX, Account, Basis, CERTIFICATES_MAX, Change, Denied, TOKENS_MAX, Token, Verifier, remembered,
    rows,
};

/// Why a change was not made: it may not be, or the file failed.
enum Stop {
    Denied(Denied),
    Failed(rusqlite::Error),
}

impl From<Denied> for Stop {
    fn from(denied: Denied) -> Stop {
        Stop::Denied(denied)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Failed(error)
    }
}

type Done = std::result::Result<(), Stop>;

/// Makes it.
pub(crate) fn make(db: &Connection, change: &Change) -> Result<std::result::Result<(), Denied>> {
    match try_make(&Tables(db), change) {
        Ok(()) => Ok(Ok(())),
        Err(Stop::Denied(denied)) => Ok(Err(denied)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

fn try_make(tables: &Tables<'_>, change: &Change) -> Done {
    match change {
        Change::Create(account) => tables.create(account),
        Change::SetVerifier(name, verifier, before) => {
            let id = tables.id(name)?;
            before.as_ref().map_or(Ok(()), |before| tables.check_verifier(id, before))?;
            tables.set_verifier(id, verifier)?;
            tables.revoke_all(id)
        }
        Change::Rehash(name, before, after) => tables.rehash(name, before, after),
        Change::SetSuspended(name, suspended) => {
            let id = tables.id(name)?;
            tables.run("UPDATE accounts SET suspended = ?2 WHERE id = ?1", params![id, suspended])?;
            if *suspended { tables.revoke_all(id) } else { Ok(()) }
        }
        Change::SetOperator(name, operator) => {
            let id = tables.id(name)?;
            tables.run("UPDATE accounts SET operator = ?2 WHERE id = ?1", params![id, operator])
        }
        Change::SetRecognised(name, recognised) => {
            let id = tables.id(name)?;
            tables.run("UPDATE accounts SET recognised = ?2 WHERE id = ?1", params![id, recognised])?;
            if *recognised { Ok(()) } else { tables.run("DELETE FROM addresses WHERE account = ?1", [id]) }
        }
        Change::AddCertificate(name, fingerprint) => tables.add_certificate(name, fingerprint),
        Change::RemoveCertificate(name, fingerprint) => {
            let id = tables.id(name)?;
            let sql = "DELETE FROM certificates WHERE account = ?1 AND fingerprint = ?2";
            tables.run_on_one(sql, params![id, fingerprint])
        }
        Change::Seen(name, at, address) => {
            let id = tables.id(name)?;
            tables.run("UPDATE accounts SET seen = ?2 WHERE id = ?1", params![id, at.0])?;
            remembered(address.as_ref()).map_or(Ok(()), |address| tables.remember(id, address))
        }
        Change::AddToken(name, token, basis) => tables.add_token(name, token, basis),
        Change::UseToken(hash, at) => {
            tables.run_on_one("UPDATE tokens SET used = ?2 WHERE hash = ?1", params![hash, at.0])
        }
        Change::RevokeToken(name, number) => {
            let id = tables.id(name)?;
            // A number that the file could not have is one that was never given.
            let number = i64::try_from(*number).map_err(|_| Denied::NoSuch)?;
            tables.run_on_one("DELETE FROM tokens WHERE account = ?1 AND number = ?2", [id, number])
        }
        Change::RevokeTokens(name) => tables.revoke_all(tables.id(name)?),
        Change::Delete(name) => tables.delete(tables.id(name)?),
        Change::Clear => Ok(clear(tables.0)?),
    }
}

/// All accounts go, with all that belongs to them.
pub(crate) fn clear(db: &Connection) -> Result<()> {
    for table in ["addresses", "tokens", "certificates", "accounts"] {
        db.prepare_cached(&format!("DELETE FROM {table}"))?.execute([])?;
    }
    Ok(())
}

/// The tables, inside a transaction.
struct Tables<'db>(&'db Connection);

impl Tables<'_> {
    fn run(&self, sql: &str, values: impl Params) -> Done {
        self.0.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// What it is about must be there.
    fn run_on_one(&self, sql: &str, values: impl Params) -> Done {
        let rows = self.0.prepare_cached(sql)?.execute(values)?;
        if rows == 0 { Err(Denied::NoSuch.into()) } else { Ok(()) }
    }

    fn number(&self, sql: &str, values: impl Params) -> Result<Option<i64>> {
        self.0.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()
    }

    fn count(&self, table: &str, account: i64) -> Result<usize> {
        let sql = format!("SELECT count(*) FROM {table} WHERE account = ?1");
        Ok(self.number(&sql, [account])?.map_or(0, |count| count as usize))
    }

    fn id(&self, name: &Name) -> std::result::Result<i64, Stop> {
        let found = self.number("SELECT id FROM accounts WHERE folded = ?1", [name.folded()])?;
        found.ok_or(Stop::Denied(Denied::Unknown))
    }

    fn create(&self, account: &Account) -> Done {
        self.check_name(&account.name)?;
        let certificates = account.certificates_once();
        if certificates.len() > CERTIFICATES_MAX {
            return Err(Denied::TooMany.into());
        }
        for fingerprint in &certificates {
            if self.owner_of_certificate(fingerprint)?.is_some() {
                return Err(Denied::Foreign.into());
            }
        }
        let Account { name, created, seen, verifier, suspended, operator, recognised, .. } = account;
        let argon2 = verifier.as_ref().map(|verifier| &*verifier.argon2);
        let scram = verifier.as_ref().and_then(|verifier| verifier.scram.as_deref());
        self.run(
            "INSERT INTO accounts (folded, skeleton, name, created, seen, argon2, scram, suspended, operator, recognised)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            params![
                name.folded(),
                name.skeleton(),
                name.as_str(),
                created.0,
                seen.map(|seen| seen.0),
                argon2,
                scram,
                suspended,
                operator,
                recognised
            ],
        )?;
        let id = self.0.last_insert_rowid();
        certificates.iter().try_for_each(|fingerprint| self.put_certificate(id, fingerprint))
    }

    /// Whether somebody has this name, or looks like it.
    fn check_name(&self, name: &Name) -> Done {
        let mut asked =
            self.0.prepare_cached("SELECT name FROM accounts WHERE folded = ?1 OR skeleton = ?2")?;
        let mut rows = asked.query([name.folded(), name.skeleton()])?;
        let mut like = None;
        while let Some(row) = rows.next()? {
            match rows::name(&row.get::<_, String>(0)?) {
                Some(kept) if kept != *name => like = Some(kept),
                // The very name; or one that is no longer a name, which nobody can be told.
                _ => return Err(Denied::Exists.into()),
            }
        }
        like.map_or(Ok(()), |like| Err(Denied::LooksLike(like).into()))
    }

    fn set_verifier(&self, id: i64, verifier: &Verifier) -> Done {
        let Verifier { argon2, scram } = verifier;
        let sql = "UPDATE accounts SET argon2 = ?2, scram = ?3 WHERE id = ?1";
        self.run(sql, params![id, &**argon2, scram.as_deref()])
    }

    /// It must still be this one.
    fn check_verifier(&self, id: i64, expected: &Verifier) -> Done {
        let sql = "SELECT 1 FROM accounts WHERE id = ?1 AND argon2 = ?2 AND scram IS ?3";
        let same = self.number(sql, params![id, &*expected.argon2, expected.scram.as_deref()])?;
        same.map_or(Err(Denied::Changed.into()), |_| Ok(()))
    }

    /// Nobody is suspended, and it is still so on what a token is given.
    fn check_basis(&self, id: i64, basis: &Basis) -> Done {
        let sql = "SELECT 1 FROM accounts WHERE id = ?1 AND created = ?2 AND NOT suspended";
        let same = self.number(sql, [id, basis.created.0])?;
        same.ok_or(Denied::Changed)?;
        basis.verifier.as_ref().map_or(Ok(()), |verifier| self.check_verifier(id, verifier))
    }

    fn rehash(&self, name: &Name, before: &Verifier, after: &Verifier) -> Done {
        let id = self.id(name)?;
        self.check_verifier(id, before)?;
        self.set_verifier(id, after)
    }

    fn owner_of_certificate(&self, fingerprint: &[u8; 32]) -> Result<Option<i64>> {
        self.number("SELECT account FROM certificates WHERE fingerprint = ?1", [fingerprint])
    }

    fn put_certificate(&self, id: i64, fingerprint: &[u8; 32]) -> Done {
        self.run("INSERT INTO certificates (account, fingerprint) VALUES (?1, ?2)", params![id, fingerprint])
    }

    fn add_certificate(&self, name: &Name, fingerprint: &[u8; 32]) -> Done {
        let id = self.id(name)?;
        match self.owner_of_certificate(fingerprint)? {
            Some(owner) if owner == id => Ok(()),
            Some(_) => Err(Denied::Foreign.into()),
            None if self.count("certificates", id)? >= CERTIFICATES_MAX => Err(Denied::TooMany.into()),
            None => self.put_certificate(id, fingerprint),
        }
    }

    fn add_token(&self, name: &Name, token: &Token, basis: &Basis) -> Done {
        let id = self.id(name)?;
        self.check_basis(id, basis)?;
        match self.number("SELECT account FROM tokens WHERE hash = ?1", [&token.hash])? {
            Some(owner) if owner == id => return Err(Denied::Exists.into()),
            Some(_) => return Err(Denied::Foreign.into()),
            None => {}
        }
        if self.count("tokens", id)? >= TOKENS_MAX {
            // Of two that were used at the same time the older one goes.
            let oldest = "SELECT number FROM tokens WHERE account = ?1 ORDER BY used, number LIMIT 1";
            self.run(&format!("DELETE FROM tokens WHERE account = ?1 AND number = ({oldest})"), [id])?;
        }
        self.run("UPDATE accounts SET last_token = last_token + 1 WHERE id = ?1", [id])?;
        self.run(
            "INSERT INTO tokens (hash, account, number, device, created, used, expires)
             SELECT ?2, id, last_token, ?3, ?4, ?5, ?6 FROM accounts WHERE id = ?1",
            params![id, token.hash, token.device_kept(), token.created.0, token.used.0, token.expires.0],
        )
    }

    fn revoke_all(&self, id: i64) -> Done {
        self.run("DELETE FROM tokens WHERE account = ?1", [id])
    }

    fn remember(&self, id: i64, address: &Arc<str>) -> Done {
        if self.number("SELECT 1 FROM accounts WHERE id = ?1 AND recognised", [id])?.is_none() {
            return Ok(());
        }
        self.run("DELETE FROM addresses WHERE address = ?1", [address])?;
        if self.count("addresses", id)? >= ADDRESSES_MAX {
            let first = "SELECT min(id) FROM addresses WHERE account = ?1";
            self.run(&format!("DELETE FROM addresses WHERE id = ({first})"), [id])?;
        }
        self.run("INSERT INTO addresses (account, address) VALUES (?1, ?2)", params![id, address])
    }

    fn delete(&self, id: i64) -> Done {
        for table in ["addresses", "tokens", "certificates"] {
            self.run(&format!("DELETE FROM {table} WHERE account = ?1"), [id])?;
        }
        self.run("DELETE FROM accounts WHERE id = ?1", [id])
    }
}
