//! Accounts for those who log in, put into a store before the server opens it.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use throng_chat::{Name, Names, Time};
use throng_services::identity::Secret;
use throng_services::identity::password::{self, Cost};
use throng_store::accounts::{Account, Change, Verifier};
use throng_store::{Accounts, DataFolder, Durability};

use crate::Outcome;

/// Everybody's.
pub const PASSWORD: &str = "correct horse battery";

/// The name of one of them; no two look alike.
pub fn name(client: usize) -> String {
    format!("user{client}x")
}

/// Makes so many accounts in this folder.
pub fn fill(folder: &Path, accounts: usize) -> Outcome {
    let opened = throng_store::open(&DataFolder::open(folder)?, Durability::Strict)?;
    make(&*opened.accounts, accounts)?;
    opened.store.close();
    Ok(())
}

/// Makes so many accounts, all with the same password.
pub fn make(kept: &dyn Accounts, accounts: usize) -> Outcome {
    // One hash for all: to check it takes as long as to check any.
    let argon2 = password::hash(&Secret::from(PASSWORD), Cost::default())
        .map_err(|_| "the system gives no random bytes")?;
    for client in 0..accounts {
        let account = Account {
            name: Name::new(&name(client), Names::Ascii).map_err(|why| why.to_string())?,
            created: Time(0),
            seen: None,
            verifier: Some(Verifier { argon2: Arc::clone(&argon2), scram: None }),
            suspended: false,
            operator: false,
            recognised: false,
            certificates: Vec::new(),
        };
        let (made, hears) = sync_channel(1);
        kept.change(Change::Create(account), Box::new(move |outcome| drop(made.send(outcome))));
        hears.recv()?.map_err(|why| why.to_string())?.map_err(|why| format!("{why:?}"))?;
    }
    Ok(())
}
