//! A live restart: a new process takes over every listening socket, and nobody is refused or reset by it.
//!
//! It goes in two steps, and until the second is done the old process can go on as if nothing had been.
//! *Warm*: the new process is started with the sockets (sd_listen_fds(3), as [`crate::inherit`] takes them) and says over its
//! [`crate::Baton`] that it could serve. *Open*: it is told to go, and says that it serves. A service with something that
//! only one process can have, such as a store, lets go of that in between, with [`crate::Running::let_go`] and
//! [`crate::Running::drain`]; clients wait in the kernel's queue meanwhile. One without calls [`crate::Running::restart`].
//!
//! A new process that ends, hangs, or says that it cannot is killed by its number and reaped, and the error says what it said.
//!
//! ```no_run
//! use std::time::Duration;
//! use throng_server::{Conn, Inherited, Restart, Server};
//!
//! # async fn serve(_: Conn) -> throng_server::Result { Ok(()) }
//! # fn restart_was_asked() -> bool { true }
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let inherited = Inherited::take()?; // first of all
//!     let server = match inherited.claims.is_empty() {
//!         true => Server::new(serve).listen("127.0.0.1:50007"),
//!         false => inherited.claims.into_iter().fold(Server::new(serve), Server::listen_on),
//!     };
//!     // What may fail is done here, before the old one is told that this one could serve.
//!     let mut baton = inherited.baton;
//!     baton.as_mut().map_or(Ok(()), |baton| baton.warm())?;
//!     let running = server.start()?;
//!     baton.map_or(Ok(()), |baton| baton.open())?;
//!     while restart_was_asked() {
//!         match running.restart(Restart::again()?) {
//!             Ok(_) => break,
//!             Err(why) => eprintln!("not restarted: {why}"),
//!         }
//!     }
//!     running.drain(Duration::from_secs(30)).wait();
//!     Ok(())
//! }
//! ```

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::sync::mpsc::sync_channel;
use std::thread::Builder;
use std::time::Duration;

use command_fds::{CommandFdExt, FdMapping};
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::baton::{self, Word};
use crate::claim::Claim;
use crate::inherit::{BATON, PASSED_MAX};
use crate::last_words::{LAST_WORDS_MAX, LastWords};
use crate::restart_error::RestartError;

/// The first descriptor that is passed (sd_listen_fds(3), SD_LISTEN_FDS_START).
const FIRST: i32 = 3;

/// What Linux writes behind the name of a program whose file was replaced (proc_pid_exe(5)).
const REPLACED: &str = " (deleted)";

/// How a server is restarted.
#[derive(Debug)]
pub struct Restart {
    /// The new process.
    pub command: Command,
    /// How long it may take to say that it could serve: 30 s unless set, for a large certificate store on a slow disk.
    pub warm_within: Duration,
    /// How long it may take to serve, once it was told to go: 60 s unless set, for a store that must recover.
    pub open_within: Duration,
}

impl Restart {
    /// With this command.
    pub fn of(command: Command) -> Restart {
        let (warm_within, open_within) = (Duration::from_secs(30), Duration::from_secs(60));
        Restart { command, warm_within, open_within }
    }

    /// With the program at this one's path, as it is there by now, and the same arguments.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    pub fn again() -> io::Result<Restart> {
        let mut command = Command::new(program()?);
        command.args(std::env::args_os().skip(1));
        Ok(Restart::of(command))
    }
}

fn program() -> io::Result<PathBuf> {
    let path = std::env::current_exe()?;
    let replaced = path.to_str().and_then(|path| path.strip_suffix(REPLACED)).map(PathBuf::from);
    Ok(replaced.filter(|_| !path.exists()).unwrap_or(path))
}

/// A new process that is warm: it could serve, and waits to be told. Dropped, it is killed and reaped.
#[derive(Debug)]
pub struct Heir {
    child: Child,
    line: UnixStream,
    said: LastWords,
    /// Our sockets once more: if the heir fails, they are what the old process goes on with.
    claims: Vec<Claim>,
    open_within: Duration,
    /// It serves; it is nobody's child to kill any more.
    is_open: bool,
    _turn: Turn,
}

impl Heir {
    /// Starts the new process and waits until it is warm.
    pub(crate) fn start(restart: Restart, claims: Vec<Claim>, turn: Turn) -> Result<Heir, RestartError> {
        let Restart { mut command, warm_within, open_within } = restart;
        let (line, theirs) = UnixStream::pair().map_err(RestartError::Start)?;
        pass(&mut command, &claims, Some(theirs.into()))?;
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(RestartError::Start)?;
        // It holds our copies of what was passed; the line is found closed only when they are gone.
        drop(command);
        let said = LastWords::of(child.stderr.take());
        let mut heir = Heir { child, line, said, claims, open_within, is_open: false, _turn: turn };
        heir.expect(&Word::Warm, warm_within)?;
        Ok(heir)
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to go, and waits until it serves. Gives its number.
    ///
    /// # Errors
    /// When it cannot, or does not in time; it is killed then.
    pub fn open(&mut self) -> Result<u32, RestartError> {
        if self.is_open {
            return Ok(self.id());
        }
        // A line on which nothing can be said is one on which nothing will be heard.
        let _ = baton::go(&self.line);
        let within = self.open_within;
        self.expect(&Word::Open, within)?;
        self.is_open = true;
        self.claims.drain(..).for_each(Claim::forget);
        Ok(self.id())
    }

    /// Ends it, and gives the sockets back: a server can listen on them again, and who waits in their queues is served by
    /// it. None when the heir serves.
    pub fn into_claims(mut self) -> Vec<Claim> {
        std::mem::take(&mut self.claims)
    }

    fn expect(&mut self, word: &Word, within: Duration) -> Result<(), RestartError> {
        match baton::hear(&mut self.line, within) {
            Ok(Some(heard)) if heard == *word => Ok(()),
            Ok(Some(Word::Failed(why))) => {
                self.kill();
                Err(RestartError::Refused { why })
            }
            Ok(Some(heard)) => {
                let why = io::Error::other(format!("it said {heard:?} where {word:?} was expected"));
                Err(RestartError::Silent { why, said: self.kill().1 })
            }
            Ok(None) => {
                // Killed only if it closed the line and lives on.
                let (status, said) = self.reap();
                Err(RestartError::Ended { status, said })
            }
            Err(why) => Err(RestartError::Silent { why, said: self.kill().1 }),
        }
    }

    /// Waits for the end of a process that is ending by itself, for a moment; then sees to it.
    fn reap(&mut self) -> (Option<ExitStatus>, String) {
        // The line closes a moment before it has ended.
        let (open, ended) = sync_channel::<()>(0);
        let id = Pid::from_child(&self.child);
        let waited = Builder::new().name("throng-heir-end".to_owned()).spawn(move || {
            let _open = open;
            // It is left to be reaped below, so that its number stays its own.
            let _ = waitid(WaitId::Pid(id), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        });
        if waited.is_ok() {
            let _ = ended.recv_timeout(LAST_WORDS_MAX);
        }
        self.said.wait();
        match self.child.try_wait() {
            Ok(Some(status)) => (Some(status), self.said.text()),
            _ => self.kill(),
        }
    }

    /// Ends it by its number. It is our child until it is reaped, so the number is nobody else's.
    fn kill(&mut self) -> (Option<ExitStatus>, String) {
        // It may have ended already.
        let _ = self.child.kill();
        let status = self.child.wait().ok();
        self.said.wait();
        (status, self.said.text())
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        if !self.is_open {
            self.kill();
        }
    }
}

/// Becomes another program, in this very process: its number, its parent and its terminal stay. Every thread ends, and
/// every descriptor is closed but the standard ones and these sockets, which the program takes as
/// [`crate::Inherited::take`] does. Returns only when that failed; some descriptors may be lost then, so that nothing
/// is left to do but to try once more or to end.
pub fn replace(mut command: Command, claims: &[Claim]) -> io::Error {
    if let Err(why) = pass(&mut command, claims, None) {
        return io::Error::other(why.to_string());
    }
    command.env("LISTEN_PID", std::process::id().to_string()).exec()
}

/// Lets a command have the sockets, from descriptor 3 on, and the line behind them.
fn pass(command: &mut Command, claims: &[Claim], line: Option<OwnedFd>) -> Result<(), RestartError> {
    let count = claims.len() + 1;
    if count > PASSED_MAX {
        return Err(RestartError::TooMany { count: claims.len() });
    }
    let passed = claims.iter().map(Claim::passed).collect::<io::Result<Vec<_>>>();
    let (mut sockets, mut names): (Vec<_>, Vec<_>) = passed.map_err(RestartError::Start)?.into_iter().unzip();
    if let Some(line) = line {
        sockets.push(line);
        names.push(BATON.to_owned());
    }
    let mappings = sockets.into_iter().zip(FIRST..);
    let mappings =
        mappings.map(|(parent_fd, child_fd)| FdMapping { parent_fd, child_fd }).collect::<Vec<_>>();
    let count = mappings.len();
    command
        .fd_mappings(mappings)
        .map_err(|why| RestartError::Start(io::Error::other(why)))?
        .env("LISTEN_FDS", count.to_string())
        .env("LISTEN_FDNAMES", OsString::from(names.join(":")))
        .env_remove("LISTEN_PID");
    Ok(())
}

/// The right to restart; there is one.
#[derive(Debug)]
pub(crate) struct Turn(Arc<AtomicBool>);

impl Turn {
    /// Takes it; nothing while another one has it.
    pub(crate) fn take(of: &Arc<AtomicBool>) -> Option<Turn> {
        (!of.swap(true, AcqRel)).then(|| Turn(Arc::clone(of)))
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}
