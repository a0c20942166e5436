//! Who is who in the chat: identity is started on the opened store, with the server's own secret.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use throng_services::chat::Known;
use throng_services::chat::house;
use throng_services::identity::secret::random;
use throng_services::identity::{self, Identity, Secret};
use throng_store::{Durability, Opened};

use crate::banner;
use crate::fault::Fault;
use crate::settings::Settings;

/// The file in the data folder from whose bytes the salts are made of those who do not exist. Not in a backup: who has both
/// could tell names that exist from those that do not.
const SECRET_FILE: &str = "secret";
const SECRET_DRAFT: &str = "secret.new";

/// Starts identity: the handle, and what is told of changes.
pub fn start(asked: &Settings, opened: &Opened, folder: &Path) -> Result<Known, Fault> {
    let secret = match asked.durability {
        // Nothing is kept, so there is nothing that it should fit.
        Durability::Memory => random().map_err(|_| unable("the system gives no random bytes"))?,
        _ => secret_of(folder)?,
    };
    let usual = identity::Settings::default();
    let settings = identity::Settings {
        allow_plaintext: asked.accounts_allow_plaintext,
        scram: asked.accounts_scram,
        hashing_threads: asked.accounts_hashing_threads.map_or(usual.hashing_threads, usize::from),
        ..usual
    };
    Identity::start(Arc::clone(&opened.accounts), settings, house::wall_clock, Secret::new(secret))
        .map_err(unable)
}

pub(super) fn unable(why: impl std::fmt::Display) -> Fault {
    Fault::failed(format!("cannot start the accounts: {why}"))
}

/// The server's own secret, made at its first start, for nobody else to read.
fn secret_of(folder: &Path) -> Result<[u8; 32], Fault> {
    let path = folder.join(SECRET_FILE);
    let failed = |why: std::io::Error| Fault::failed(format!("cannot keep {}: {why}", banner::shown(&path)));
    match File::open(&path) {
        Ok(file) => {
            let mut bytes = Vec::with_capacity(33);
            file.take(33).read_to_end(&mut bytes).map_err(failed)?;
            bytes.try_into().map_err(|_| {
                Fault::failed(format!("{} does not have the 32 bytes of a secret", banner::shown(&path)))
                    .hint("put it back from where the folder was copied, or remove it: a new one is made")
            })
        }
        Err(why) if why.kind() == ErrorKind::NotFound => {
            let bytes = random().map_err(|_| unable("the system gives no random bytes"))?;
            keep(folder, &bytes).map_err(failed)?;
            Ok(bytes)
        }
        Err(why) => Err(failed(why)),
    }
}

/// Under its own name only when all of it is on the disk. The folder is ours alone, so nobody else writes the draft.
fn keep(folder: &Path, bytes: &[u8; 32]) -> std::io::Result<()> {
    let draft = folder.join(SECRET_DRAFT);
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&draft, folder.join(SECRET_FILE))?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_its_owners() {
        let folder = tempfile::tempdir().unwrap();
        let first = secret_of(folder.path()).unwrap();
        assert_eq!(secret_of(folder.path()).unwrap(), first);
        let path = folder.path().join(SECRET_FILE);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, b"short").unwrap();
        assert!(secret_of(folder.path()).unwrap_err().what.contains("32 bytes"));
    }
}
