//! The file of a Unix socket. A bind makes it, and nothing takes it away: not even the end of the process (unix(7)). So one
//! that nobody listens at any more is replaced, and ours is removed in the end, if it is still ours.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a Unix socket, for as long as it is ours.
#[derive(Debug)]
pub(crate) struct UnixPath {
    path: PathBuf,
    /// The file by its number, as the path may become another's.
    file: Option<(u64, u64)>,
}

impl UnixPath {
    /// Binds a socket to this path.
    pub(crate) fn bind(path: &Path) -> io::Result<(Socket, UnixPath)> {
        let bound = match bind(path) {
            Err(error) if error.kind() == ErrorKind::AddrInUse && is_deserted(path) => {
                std::fs::remove_file(path)?;
                bind(path)
            }
            bound => bound,
        };
        Ok((bound?, UnixPath { file: number_of(path), path: path.to_owned() }))
    }

    /// Binds another socket to the same path, which new clients find from this moment on.
    pub(crate) fn replace(&self) -> io::Result<(Socket, UnixPath)> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".next");
        let (socket, mut next) = UnixPath::bind(Path::new(&beside))?;
        std::fs::rename(&beside, &self.path)?;
        next.path.clone_from(&self.path);
        Ok((socket, next))
    }

    /// It is another's now.
    pub(crate) fn forget(mut self) {
        self.file = None;
    }
}

impl Drop for UnixPath {
    fn drop(&mut self) {
        if self.file.is_some() && self.file == number_of(&self.path) {
            // Nobody is served by it any more; if it cannot be removed, the next one replaces it.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn bind(path: &Path) -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.bind(&SockAddr::unix(path)?)?;
    Ok(socket)
}

/// Is it a socket at which nobody listens?
fn is_deserted(path: &Path) -> bool {
    let is_socket = std::fs::symlink_metadata(path).is_ok_and(|file| file.file_type().is_socket());
    is_socket && UnixStream::connect(path).is_err_and(|error| error.kind() == ErrorKind::ConnectionRefused)
}

fn number_of(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::symlink_metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deserted_file_is_replaced_and_a_used_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("here");
        let (socket, kept) = UnixPath::bind(&path).unwrap();
        kept.forget();
        socket.listen(1).unwrap();
        assert_eq!(UnixPath::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(socket);
        assert!(path.exists());
        let (_socket, kept) = UnixPath::bind(&path).unwrap();
        drop(kept);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_socket_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("here");
        std::fs::write(&path, "letters").unwrap();
        assert_eq!(UnixPath::bind(&path).unwrap_err().kind(), ErrorKind::AddrInUse);
        assert_eq!(std::fs::read(&path).unwrap(), b"letters");
    }
}
