//! Where the operator's socket is: in a folder that only its user may enter, which the server makes where it is missing. Whoever
//! only looks for a server makes none.
//!
//! Of the places that may be there the first is taken: what systemd gives (systemd.exec(5), RUNTIME_DIRECTORY), the user's own
//! runtime folder (XDG Base Directory 0.8), the data folder, and for services without one the folder for temporary files.

use std::fs::DirBuilder;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::banner::shown;
use crate::data;
use crate::fault::Fault;

/// The name of the socket of whoever has the usual data folder.
const USUAL: &str = "console.sock";

/// How long the path of a socket may be (unix(7): 108 bytes with the zero behind it).
const PATH_BYTES_MAX: usize = 107;

/// Which server it is whose socket is meant.
pub struct Whose<'a> {
    /// Its data folder, if it has one.
    pub data: Option<&'a Path>,
    /// What it serves.
    pub service: &'a str,
}

/// Where the socket of a server is to be.
pub fn of(whose: &Whose<'_>) -> PathBuf {
    let folder = match (runtime_folder(), whose.data) {
        (Some(folder), _) => folder,
        (None, Some(data)) => data.join("console"),
        (None, None) => temporary_folder(),
    };
    folder.join(name(whose))
}

fn name(whose: &Whose<'_>) -> String {
    match whose.data {
        Some(data) if data::usual().is_ok_and(|usual| same(&usual, data)) => USUAL.to_owned(),
        Some(data) => {
            let path = data.canonicalize().unwrap_or_else(|_| data.to_owned());
            format!("console-{:016x}.sock", number_of(path.as_os_str().as_bytes()))
        }
        // Any number of these may run beside each other.
        None => format!("console-{}-{}.sock", whose.service, std::process::id()),
    }
}

/// A number for a path that is the same in every version (FNV-1a, draft-eastlake-fnv).
fn number_of(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |sum, byte| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Makes the folder, and looks that nobody else can enter it, and that no link leads elsewhere.
pub fn prepare(path: &Path) -> Result<(), Fault> {
    let fault = |what: String| Fault::failed(what).hint("another place: throng serve --console-socket PATH");
    if path.as_os_str().len() > PATH_BYTES_MAX {
        return Err(fault(format!(
            "the socket's path {} is longer than {PATH_BYTES_MAX} bytes",
            shown(path)
        )));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|why| fault(format!("the folder {} cannot be made: {why}", shown(folder))))?;
    }
    let found =
        std::fs::symlink_metadata(folder).map_err(|why| fault(format!("{}: {why}", shown(folder))))?;
    if !found.is_dir() {
        return Err(fault(format!(
            "{} is not a folder of its own; no link is followed there",
            shown(folder)
        )));
    }
    let uid = rustix::process::geteuid().as_raw();
    if found.uid() != uid {
        return Err(fault(format!(
            "the folder {} is user {}'s, and this is user {uid}",
            shown(folder),
            found.uid()
        )));
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(fault(format!("others may enter the folder {} (mode {mode:03o})", shown(folder)))
            .hint(format!("make it yours alone: chmod 700 {}", shown(folder))));
    }
    match std::fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_symlink() => {
            Err(fault(format!("{} is a symbolic link, which is not followed", shown(path)))
                .hint(format!("look where it leads, and remove it: rm {}", shown(path))))
        }
        _ => Ok(()),
    }
}

/// May the socket be called of which a data folder says that it is its server's? Only where nobody else can have put another
/// one: in a folder for one user alone, who is this one, or root; and root operates also the server of whoever's data it is.
pub fn is_trusted(path: &Path, data: &Path) -> bool {
    let Some(Ok(folder)) = path.parent().map(std::fs::symlink_metadata) else { return false };
    let uid = rustix::process::geteuid().as_raw();
    let owner = || std::fs::metadata(data).ok().filter(|_| uid == 0).map(|data| data.uid());
    let is_known = folder.uid() == 0 || folder.uid() == uid || Some(folder.uid()) == owner();
    path.is_absolute() && folder.is_dir() && is_known && folder.permissions().mode() & 0o077 == 0
}

fn runtime_folder() -> Option<PathBuf> {
    let path = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // systemd may name several, of which the first is ours.
    let given = std::env::var("RUNTIME_DIRECTORY").ok();
    let given =
        given.and_then(|all| all.split(':').next().map(PathBuf::from)).filter(|path| path.is_absolute());
    given
        .map(|folder| folder.join("console"))
        .or_else(|| path("XDG_RUNTIME_DIR").map(|folder| folder.join("throng")))
}

fn temporary_folder() -> PathBuf {
    std::env::temp_dir().join(format!("throng-{}", rustix::process::geteuid().as_raw()))
}

/// Where sockets are looked for.
fn folders() -> Vec<PathBuf> {
    let usual = data::usual().ok().map(|data| data.join("console"));
    [runtime_folder(), usual, Some(temporary_folder())].into_iter().flatten().collect()
}

/// All sockets that may be a server's of this user, those of the usual data folder first.
pub fn all() -> (Vec<PathBuf>, Vec<PathBuf>) {
    let folders = folders();
    let mut found = Vec::new();
    for folder in &folders {
        let Ok(files) = std::fs::read_dir(folder) else { continue };
        let mut names: Vec<_> =
            files.flatten().map(|file| file.path()).filter(|path| is_ours(path)).collect();
        names.sort_by_key(|path| (path.file_name() != Some(USUAL.as_ref()), path.clone()));
        found.extend(names);
    }
    (found, folders)
}

fn is_ours(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name == USUAL || name.starts_with("console-") && name.ends_with(".sock")
}

/// Is this the socket of the usual data folder's server?
pub fn is_usual(path: &Path) -> bool {
    path.file_name() == Some(USUAL.as_ref())
        && path.parent().is_some_and(|folder| folders().iter().any(|own| own == folder))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_number_of_a_path_is_the_published_one() {
        // The test vectors of the draft.
        assert_eq!(number_of(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(number_of(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn a_folder_that_others_may_enter_is_refused_and_so_is_a_link() {
        let home = tempfile::tempdir().unwrap();
        let set =
            |path: &Path, mode| std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let folder = home.path().join("mine");
        prepare(&folder.join(USUAL)).unwrap();
        assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700, "it is made so");
        for mode in [0o755, 0o710, 0o701] {
            set(&folder, mode);
            let fault = prepare(&folder.join(USUAL)).unwrap_err();
            assert!(fault.what.contains("others may enter"), "{fault}");
        }
        set(&folder, 0o700);
        std::os::unix::fs::symlink("/nowhere", folder.join(USUAL)).unwrap();
        assert!(prepare(&folder.join(USUAL)).unwrap_err().what.contains("symbolic link"));
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(prepare(&link.join("other.sock")).unwrap_err().what.contains("no link is followed"));
        let long = folder.join("x".repeat(PATH_BYTES_MAX));
        assert!(prepare(&long).unwrap_err().what.contains("longer than 107 bytes"));
    }

    #[test]
    fn a_named_socket_is_called_only_where_nobody_else_can_have_put_it() {
        let home = tempfile::tempdir().unwrap();
        let (data, folder) = (home.path().join("data"), home.path().join("run"));
        let socket = folder.join("a.sock");
        for folder in [&data, &folder] {
            DirBuilder::new().mode(0o700).create(folder).unwrap();
        }
        assert!(is_trusted(&socket, &data));
        for mode in [0o755, 0o710, 0o702] {
            std::fs::set_permissions(&folder, PermissionsExt::from_mode(mode)).unwrap();
            assert!(!is_trusted(&socket, &data), "{mode:o}");
        }
        std::fs::set_permissions(&folder, PermissionsExt::from_mode(0o700)).unwrap();
        let link = home.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        for path in [link.join("a.sock"), home.path().join("none/a.sock"), "a.sock".into(), "/".into()] {
            assert!(!is_trusted(&path, &data), "{}", path.display());
        }
        let give = |path: &Path, user| std::os::unix::fs::chown(path, Some(user), None);
        if give(&folder, 65_534).is_err() {
            return eprintln!("not tried: only root can give a folder to another user");
        }
        assert!(!is_trusted(&socket, &data), "a stranger's, who is not who the data is of");
        give(&data, 65_534).unwrap();
        assert!(is_trusted(&socket, &data), "root operates everybody's server");
        give(&data, 65_533).unwrap();
        assert!(!is_trusted(&socket, &data));
    }
}
