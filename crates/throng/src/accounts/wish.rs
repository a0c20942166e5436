//! What who runs the server may wish of accounts, and what came of it: plain values, the same for the command line and the
//! console.

use std::path::PathBuf;

use throng_services::chat::Name;
use throng_services::identity::Secret;
use throng_store::accounts::{Account, Census, Token};

/// What is wished.
#[derive(Debug)]
pub enum Wish {
    /// The first accounts by name, at most so many.
    List(usize),
    /// One of them, with its devices.
    Show(Name),
    /// A new one.
    Create {
        /// How it is called.
        name: Name,
        /// By what its owner signs in.
        password: NewPassword,
        /// May its owner operate the server?
        operator: bool,
    },
    /// Another password.
    Reset(Name, NewPassword),
    /// Nobody may sign in to it any more.
    Suspend(Name),
    /// Somebody may again.
    Unsuspend(Name),
    /// It goes.
    Delete(Name),
    /// Its owner may operate the server, or not.
    SetOperator(Name, bool),
    /// All its devices are signed out.
    Revoke(Name),
    /// All are written into this new file.
    Export(PathBuf),
    /// Those of this file are made.
    Import {
        /// Which file; `-` is standard input.
        from: PathBuf,
        /// Those that are there already are replaced.
        replace: bool,
    },
    /// All go.
    Clear,
    /// Those of this backup come in the place of all that are there.
    Restore(PathBuf),
}

/// A password for somebody else.
#[derive(Debug)]
pub enum NewPassword {
    /// This one.
    Given(Secret<String>),
    /// One that nobody has thought of.
    Generated,
}

/// What came of a wish.
#[derive(Debug)]
pub enum Done {
    /// The first accounts, and how many there are in all.
    Listed(Vec<Account>, u64),
    /// One of them with its devices.
    Shown(Account, Vec<Token>),
    /// It is made; with the password, where that was generated.
    Created {
        /// How it is called.
        name: Name,
        /// To be shown once.
        password: Option<Secret<String>>,
        /// May its owner operate the server?
        operator: bool,
    },
    /// It has another password, shown once where it was generated.
    Reset(Name, Option<Secret<String>>),
    /// Nobody may sign in to it.
    Suspended(Name),
    /// Somebody may again.
    Unsuspended(Name),
    /// It is gone.
    Deleted(Name),
    /// Its owner may operate the server, or not.
    OperatorSet(Name, bool),
    /// All its devices are signed out.
    Revoked(Name),
    /// So many accounts are in this file.
    Exported(PathBuf, u64),
    /// So many are made of this file, so many of them anew. What was before is in the backup.
    Imported {
        /// Which file.
        from: PathBuf,
        /// How many are made.
        accounts: usize,
        /// How many of them were there before.
        replaced: usize,
        /// What was before.
        backup: PathBuf,
    },
    /// So much is gone, and is in the backup.
    Cleared(Census, PathBuf),
    /// So many are those of the backup. What was before is in another one.
    Restored {
        /// Which backup.
        from: PathBuf,
        /// How many there are now.
        accounts: usize,
        /// What was before.
        backup: PathBuf,
    },
}
