//! The file of a Unix socket. A bind makes it, and nothing takes it away: not even the end of the process (unix(7)). So one
//! that nobody listens at any more is replaced, and ours is removed in the end, if it is still ours.

use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a Unix socket, for as long as it is ours. All clones are the same file, removed when the last one is dropped.
#[derive(Clone, Debug)]
pub(crate) struct UnixPath(Arc<SocketFile>);

#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// The file by its number, as the path may become another's.
    number: Option<(u64, u64)>,
    /// Not any more, once another process has it.
    is_ours: AtomicBool,
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
        Ok((bound?, UnixPath::of(path)))
    }

    /// The file at a path to which a socket of ours is bound already.
    pub(crate) fn of(path: &Path) -> UnixPath {
        UnixPath::new(path, number_of(path))
    }

    fn new(path: &Path, number: Option<(u64, u64)>) -> UnixPath {
        let is_ours = AtomicBool::new(true);
        UnixPath(Arc::new(SocketFile { path: path.to_owned(), number, is_ours }))
    }

    /// Binds another socket to the same path, which new clients find from this moment on.
    pub(crate) fn replace(&self) -> io::Result<(Socket, UnixPath)> {
        let mut beside = self.0.path.clone().into_os_string();
        beside.push(".next");
        let (socket, next) = UnixPath::bind(Path::new(&beside))?;
        std::fs::rename(&beside, &self.0.path)?;
        next.forget();
        Ok((socket, UnixPath::new(&self.0.path, next.0.number)))
    }

    /// It is another's now.
    pub(crate) fn forget(&self) {
        self.0.is_ours.store(false, Relaxed);
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = self.is_ours.load(Relaxed) && self.number.is_some();
        if is_ours && self.number == number_of(&self.path) {
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
