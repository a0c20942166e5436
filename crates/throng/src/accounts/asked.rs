//! `throng account`: what may be typed, with its help. Nothing here does anything.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use throng_services::chat::{Name, Names};
use throng_wire::printable::printable;

/// `throng account`.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples: throng account create ana --operator\n          \
                   throng account list --json",
    after_help = "It works on the data folder itself, so no server may run on it: at a server's own prompt the same is typed \
                  without the first word."
)]
pub struct Account {
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,

    /// The data folder [default: the one that throng serve would have here]
    #[arg(long, value_name = "DIR", env = "THRONG_DATA", global = true)]
    pub data: Option<PathBuf>,
}

/// What can be done about accounts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// All accounts, by name
    List {
        /// One JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// One account, with its devices
    Show {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
        /// As one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Make an account; asks for its password twice
    Create {
        /// How it is called
        #[arg(value_parser = name)]
        name: Name,
        /// Its owner may operate the server
        #[arg(long)]
        operator: bool,
        /// Where the password comes from
        #[command(flatten)]
        password: Password,
    },
    /// Give an account another password; its devices are signed out
    Reset {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
        /// Where the password comes from
        #[command(flatten)]
        password: Password,
    },
    /// Nobody can sign in to an account; its devices are signed out
    Suspend {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
    },
    /// Its owner can sign in again
    Unsuspend {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
    },
    /// Remove an account; its name is free then
    Delete {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Its owner may operate the server
    Operator {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
        /// No longer
        #[arg(long)]
        remove: bool,
    },
    /// Sign all devices of an account out
    Revoke {
        /// Whose
        #[arg(value_parser = name)]
        name: Name,
    },
    /// Write all accounts down, as lines of JSON; the verifiers of their passwords are in it, so keep it as you would keep those
    Export {
        /// A new file, which only you can read [default: standard output]
        file: Option<PathBuf>,
    },
    /// Make the accounts of an export, all or none; a backup is written before
    Import {
        /// The file; - for standard input
        file: PathBuf,
        /// Replace accounts that are there already
        #[arg(long)]
        replace: bool,
    },
    /// Remove all accounts, reserved names, devices and remembered addresses; a backup is written before, and history stays
    Clear {
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Put the accounts of a backup in the place of all that are there: so it undoes clear, import and itself
    #[command(visible_alias = "undo")]
    Restore {
        /// A backup; its name alone means the folder backups of the data folder
        backup: PathBuf,
    },
}

/// Where a password comes from.
#[derive(Debug, Args)]
pub struct Password {
    /// Read the password from standard input, up to the end of its first line
    #[arg(long, conflicts_with = "generate")]
    pub password_stdin: bool,

    /// Make a password up and print it, this once
    #[arg(long)]
    pub generate: bool,

    /// Keep keys for SCRAM-SHA-256 too; who steals the store guesses at those faster than at Argon2id
    #[arg(long, env = "THRONG_ACCOUNTS__SCRAM")]
    pub accounts_scram: bool,
}

/// A name as one may have it.
pub fn name(typed: &str) -> Result<Name, String> {
    Name::new(typed, Names::Unicode).map_err(|why| format!("{} cannot be a name: {why}", printable(typed)))
}
