//! Which process is at the other end of a Unix socket, as the kernel vouches for it.

use std::io;
use std::os::fd::AsFd;

/// Who connected to a Unix socket: what the kernel noted when he did (unix(7), `SO_PEERCRED`), so it cannot be made up. See
/// [`crate::BlockingConn::credentials`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Credentials {
    /// The number of the user.
    pub uid: u32,
    /// The number of the user's group.
    pub gid: u32,
    /// The number of the process. It may have ended since, and another may have its number.
    pub pid: u32,
}

#[cfg(target_os = "linux")]
pub(crate) fn of(socket: impl AsFd) -> io::Result<Credentials> {
    let found = rustix::net::sockopt::socket_peercred(socket)?;
    let pid = u32::try_from(found.pid.as_raw_pid()).unwrap_or_default();
    Ok(Credentials { uid: found.uid.as_raw(), gid: found.gid.as_raw(), pid })
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn of(_: impl AsFd) -> io::Result<Credentials> {
    Err(io::ErrorKind::Unsupported.into())
}
