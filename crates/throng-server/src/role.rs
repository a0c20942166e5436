//! What this process is: the first one of its program, or a worker that the model [`crate::Processes`] started.
//!
//! A worker is the same program begun anew, with the same arguments. An environment variable and a socket in the place of
//! its standard input tell it what it is; both must be there, so that a program which a worker starts is no worker.

use std::os::fd::OwnedFd;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Names the number of a worker and how many there are: `0/4`.
#[cfg(target_os = "linux")]
pub(crate) const WORKER: &str = "THRONG_SERVER_WORKER";

/// What the program tells the workers of a server, in words of its own.
#[cfg(target_os = "linux")]
pub(crate) const TOLD: &str = "THRONG_SERVER_TOLD";

/// What this process is, once it was asked.
static ROLE: OnceLock<Role> = OnceLock::new();

/// What this process is.
#[derive(Debug)]
pub(crate) enum Role {
    /// Nobody's worker.
    First,
    Worker(Post),
}

/// The place of a worker.
#[derive(Debug)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "there are no worker processes"))]
pub(crate) struct Post {
    pub number: usize,
    pub count: usize,
    /// To the process that started it; taken by the one who serves.
    line: Mutex<Option<OwnedFd>>,
}

#[cfg(target_os = "linux")]
impl Post {
    /// The line to the first process. It is there once.
    pub(crate) fn take_line(&self) -> Option<OwnedFd> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The first line of a `main` whose server runs by [`crate::Processes`]. In the program's first process it only notes that
/// it was called. In a worker's process it takes over the socket to the first one, gives the process an empty standard
/// input, and sees to it that the worker ends when the first process does; then `main` goes on, and
/// [`crate::Server::start`] serves and never returns.
///
/// ```
/// # #[cfg(not(target_os = "linux"))] fn main() {}
/// # #[cfg(target_os = "linux")]
/// # mod program {
/// use throng_server::{Conn, Processes, Server, Workers};
///
/// async fn whose(mut conn: Conn) -> throng_server::Result {
///     conn.write_all(std::process::id().to_string().as_bytes()).await?;
///     Ok(())
/// }
///
/// fn main() -> throng_server::Result {
///     throng_server::worker_or_continue(); // first of all
///     let server = Server::local(|_| whose).model(Processes { workers: Workers::Count(2) });
///     let running = server.listen("127.0.0.1:0").start()?; // a worker stays in here
///     assert_eq!(running.processes().len(), 2);
///     let heard = std::io::read_to_string(std::net::TcpStream::connect(&running.addresses()[0])?)?;
///     assert!(running.processes().contains(&heard.parse()?));
///     running.shutdown().wait();
///     Ok(())
/// }
/// # pub fn run() -> throng_server::Result { main() }
/// # }
/// # #[cfg(target_os = "linux")]
/// # fn main() -> throng_server::Result { program::run() }
/// ```
///
/// It may be called more than once; what the first call found holds.
pub fn worker_or_continue() {
    ROLE.get_or_init(|| post().map_or(Role::First, Role::Worker));
}

/// The number of the worker that this process is, from 0; `None` in a first process, and before [`worker_or_continue`].
/// A program asks to leave out what only its first process should do before the start.
///
/// ```
/// throng_server::worker_or_continue();
/// if throng_server::worker_number().is_none() {
///     println!("starting"); // once, and not in every worker
/// }
/// # assert_eq!(throng_server::worker_number(), None);
/// ```
pub fn worker_number() -> Option<usize> {
    worker().map(|post| post.number)
}

/// What the first process had told when this worker was begun ([`crate::Server::tell_workers`]); `None` in a first process.
/// Example: there.
pub fn told_as_worker() -> Option<String> {
    #[cfg(target_os = "linux")]
    return worker().and_then(|_| std::env::var(TOLD).ok());
    #[cfg(not(target_os = "linux"))]
    None
}

/// The place of this process, if it is a worker.
pub(crate) fn worker() -> Option<&'static Post> {
    match ROLE.get() {
        Some(Role::Worker(post)) => Some(post),
        _ => None,
    }
}

/// Was [`worker_or_continue`] called?
#[cfg(target_os = "linux")]
pub(crate) fn is_known() -> bool {
    ROLE.get().is_some()
}

/// The place that the first process gave to this one.
#[cfg(target_os = "linux")]
fn post() -> Option<Post> {
    use std::os::fd::AsFd;

    use rustix::net::{SocketType, sockopt::socket_type};
    use rustix::process::{Signal, set_parent_process_death_signal};

    let named = std::env::var(WORKER).ok()?;
    let (number, count) = named.split_once('/')?;
    let (number, count) = (number.parse().ok()?, count.parse().ok()?);
    let input = std::io::stdin();
    if socket_type(&input) != Ok(SocketType::SEQPACKET) {
        return None;
    }
    let line = input.as_fd().try_clone_to_owned().ok()?;
    // The end of the line tells the same to a worker that listens to it; a handler that blocks does not.
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    if let Ok(nothing) = std::fs::File::open("/dev/null") {
        // If not, the service finds a socket where it should find nothing, and the first process sees a worker that talks
        // nonsense.
        let _ = rustix::stdio::dup2_stdin(&nothing);
    }
    name_process();
    Some(Post { number, count, line: Mutex::new(Some(line)) })
}

/// A worker is begun by way of `/proc/self/exe`, and would be called `exe`; people look for it by the program's name.
#[cfg(target_os = "linux")]
fn name_process() {
    use std::ffi::CString;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program).file_name().unwrap_or_default().as_bytes();
    // A name without a NUL can be set, and a name is all that this is about.
    let _ = CString::new(name).map(|name| rustix::thread::set_name(&name));
}

#[cfg(not(target_os = "linux"))]
fn post() -> Option<Post> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_nobody_posted_is_the_first() {
        assert_eq!(worker_number(), None);
        worker_or_continue();
        assert_eq!(worker_number(), None);
        assert!(matches!(ROLE.get(), Some(Role::First)));
    }
}
