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
//! A program that can be restarted so has a `main` of this kind, and is run as often as there are restarts:
//!
//! ```no_run
//! # // Not run: it would have to be the whole program, which begins itself anew. tests/restart is one.
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
///
/// ```
/// # use throng_server::{Conn, Server, State};
/// use std::{process::Command, time::Duration};
/// use throng_server::{Restart, RestartError};
///
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
/// let mut next = Command::new("sh");
/// next.args(["-c", "echo I cannot >&2; exit 3"]); // a new version that does not work
/// let restart = Restart { warm_within: Duration::from_secs(10), ..Restart::of(next) };
/// let why = running.restart(restart).unwrap_err();
/// assert_eq!(why.to_string(), "the new process ended: exit status: 3; it wrote: I cannot\n".trim_end());
/// assert_eq!(running.state(), State::Open); // and nobody noticed
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Restart {
    /// The new process. Its standard error is read here until it serves, and then is this process's.
    pub command: Command,
    /// How long it may take to say that it could serve: 30 s unless set, for a large certificate store on a slow disk. Then it
    /// is killed.
    pub warm_within: Duration,
    /// How long it may take to serve, once it was told to go: 60 s unless set, for a store that must recover. Then it is
    /// killed.
    pub open_within: Duration,
}

impl Restart {
    /// With this command. Example: [`Restart`].
    pub fn of(command: Command) -> Restart {
        let (warm_within, open_within) = (Duration::from_secs(30), Duration::from_secs(60));
        Restart { command, warm_within, open_within }
    }

    /// With the program at this one's path, as it is there by now, and the same arguments.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    ///
    /// ```
    /// let again = throng_server::Restart::again()?;
    /// assert_eq!(again.command.get_program(), std::env::current_exe()?.as_os_str());
    /// # Ok::<(), std::io::Error>(())
    /// ```
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

/// A new process that is warm: it could serve, and waits to be told. Dropped, it is killed and reaped. [`crate::Running::heir`]
/// gives it, for a service with something that only one process can have:
///
/// ```
/// # use std::{process::Command, time::Duration};
/// # use throng_server::{Conn, Restart, Server, State};
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
/// # let mut next = Command::new("sh"); // it says what a Baton says, over the descriptor behind that of the one socket
/// # next.args(["-c", "echo warm >&4; read go <&4; echo open >&4"]);
/// # let restart = Restart::of(next);
/// let mut heir = running.heir(restart)?; // it could serve
/// running.let_go()?; // who comes from here on waits in the kernel
/// assert_eq!(running.state(), State::LetGo);
/// running.drain(Duration::from_secs(30)).wait();
/// // here the store is closed
/// let number = heir.open()?; // it serves; if not, `heir.into_claims()` is what this process goes on with
/// assert_eq!(number, heir.id());
/// assert!(heir.into_claims().is_empty());
/// # Ok(())
/// # }
/// ```
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
    _turns: Vec<Turn>,
}

impl Heir {
    /// Starts the new process and waits until it is warm.
    pub(crate) fn start(
        restart: Restart,
        claims: Vec<Claim>,
        turns: Vec<Turn>,
    ) -> Result<Heir, RestartError> {
        let Restart { mut command, warm_within, open_within } = restart;
        let (line, theirs) = UnixStream::pair().map_err(RestartError::Start)?;
        pass(&mut command, &claims, Some(theirs.into()))?;
        let mut child = command.stderr(Stdio::piped()).spawn().map_err(RestartError::Start)?;
        // It holds our copies of what was passed; the line is found closed only when they are gone.
        drop(command);
        let said = LastWords::of(child.stderr.take());
        let mut heir = Heir { child, line, said, claims, open_within, is_open: false, _turns: turns };
        heir.expect(&Word::Warm, warm_within)?;
        Ok(heir)
    }

    /// Its number in the system. Example: [`Heir`].
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells it to go, and waits until it serves, for [`Restart::open_within`]. Gives its number. Said again, it does nothing
    /// more. Example: [`Heir`].
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

    /// Ends it, and gives the sockets back: a server can listen on them again, and who waits in their queues is served by it.
    /// None when the heir serves.
    ///
    /// ```
    /// # use std::{process::Command, time::Duration};
    /// # use throng_server::{Conn, Restart, Server};
    /// # async fn hello(mut conn: Conn) -> throng_server::Result { Ok(conn.write_all(b"hello").await?) }
    /// # fn main() -> throng_server::Result {
    /// # let running = Server::new(hello).listen("127.0.0.1:0").start()?;
    /// # let mut next = Command::new("sh");
    /// # next.args(["-c", "echo warm >&4; read go <&4; echo failed no disk >&4; read forever <&4"]);
    /// # let mut heir = running.heir(Restart::of(next))?;
    /// # running.let_go()?;
    /// # running.drain(Duration::ZERO).wait();
    /// let waits = std::net::TcpStream::connect(&running.addresses()[0])?; // nobody serves now
    /// assert!(heir.open().is_err());
    /// let claims = heir.into_claims();
    /// let again = claims.into_iter().fold(Server::new(hello), Server::listen_on).start()?;
    /// assert_eq!(std::io::read_to_string(waits)?, "hello");
    /// # Ok(())
    /// # }
    /// ```
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
/// is left to do but to try once more or to end. Nothing is dropped (execve(2)): what must be written is written before.
///
/// ```
/// # use std::{net::SocketAddr, process::Command};
/// use throng_server::{Claim, restart::replace};
///
/// # fn main() -> throng_server::Result {
/// let claim = Claim::bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
/// let mut next = Command::new("sh");
/// next.args(["-c", "test $LISTEN_FDS = 1 && test $LISTEN_PID = $$"]); // from here on this process is that
/// Err(replace(next, &[claim]).into())
/// # }
/// ```
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
