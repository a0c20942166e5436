//! The restart of a server: a new process is tried while the old one serves, and takes its place when it could serve.
//!
//! Without a terminal the new process is beside the old one, which ends when the other serves; so whatever the new one finds
//! wrong, up to the opening of the store, the old one can still go on. A shell, and whoever watches over process 1, would take
//! the end of the old process for the end of the service: there the new program is tried beside it, and then this very process
//! becomes it (execve(2)), with the same number, parent and terminal.

use std::io;
use std::process::Command;
use std::time::Duration;

use throng_server::{Claim, Heir, Restart, Running, restart};

use crate::fault::Fault;
use crate::log::{Event, Log};
use crate::notify;
use crate::screen::Screen;
use crate::signals::{Asker, Wishes};

/// What everybody hears who is in the chat then.
pub const FAREWELL: &str = "the server restarts, come back in a moment";

/// How long the last event may take to be written, and to be shown, before this process becomes another.
const SETTLE_MAX: Duration = Duration::from_secs(1);

/// Where the program is that this process runs, whatever became of its file (proc_pid_exe(5)).
#[cfg(target_os = "linux")]
const OWN_PROGRAM: &str = "/proc/self/exe";

/// Where the new program comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// In a process beside this one, which then ends.
    Beside,
    /// In this process.
    InPlace,
}

/// Who takes over when this server has drained.
pub enum Next {
    /// A new process that is warm.
    Heir(Heir),
    /// This process, as the new program, with these sockets.
    Sockets(Vec<Claim>),
    /// A new process that serves already.
    Serving,
}

impl Way {
    /// Which way is for this process.
    pub fn of(has_terminal: bool) -> Way {
        if has_terminal || std::process::id() == 1 { Way::InPlace } else { Way::Beside }
    }
}

/// Starts the new process, on a thread that waits for it: what becomes of it is told as a wish.
pub fn begin(servers: &[Running], wishes: &Wishes, log: &Log, by: Asker) {
    log.tell(Event::info("server.restarting").with("by", by.name()));
    notify::reloading();
    let (servers, told) = (servers.to_vec(), wishes.clone());
    let thread = std::thread::Builder::new().name("throng-restart".to_owned());
    let begun = thread.spawn(move || {
        let restart = Restart::again().map_err(throng_server::RestartError::Start);
        told.tell_heir(restart.and_then(|restart| Running::heir_of_all(&servers, restart)));
    });
    if let Err(why) = begun {
        failed(log, &why);
    }
}

/// Says that this server goes on.
pub fn failed(log: &Log, why: &dyn std::fmt::Display) {
    log.tell(Event::error("server.restart_failed").with("why", why));
    notify::ready("a restart failed, and the server went on");
}

impl Next {
    /// What comes after a server that drains first.
    pub fn of(heir: Heir, way: Way) -> Next {
        match way {
            Way::Beside => Next::Heir(heir),
            // It was only tried.
            Way::InPlace => Next::Sockets(heir.into_claims()),
        }
    }

    /// The same, for a server whose store hangs: only the end of its process lets go of it.
    pub fn in_place(self) -> Next {
        match self {
            Next::Heir(heir) => Next::of(heir, Way::InPlace),
            other => other,
        }
    }

    /// Lets the next one take over. This server has drained, and holds nothing any more. If the next one cannot, this process
    /// becomes once more what it was, with the same sockets.
    ///
    /// # Errors
    /// When that failed too.
    pub fn take_over(self, log: &Log, screen: &Screen) -> Result<(), Fault> {
        let claims = match self {
            Next::Serving => return Ok(()),
            Next::Sockets(claims) => {
                failed(log, &become_new(&claims));
                claims
            }
            Next::Heir(mut heir) => match heir.open() {
                Ok(pid) => {
                    notify::handed_over(pid);
                    return Ok(());
                }
                Err(why) => {
                    failed(log, &why);
                    heir.into_claims()
                }
            },
        };
        // The threads that write and print end with the program.
        log.settle(SETTLE_MAX);
        screen.settle(SETTLE_MAX);
        Err(Fault::failed(format!(
            "neither the new program nor this one could go on: {}",
            become_old(&claims)
        )))
    }
}

/// Becomes the program that is at this one's path by now. Returns only when that failed.
fn become_new(claims: &[Claim]) -> io::Error {
    match Restart::again() {
        Ok(restart) => restart::replace(restart.command, claims),
        Err(why) => why,
    }
}

/// Becomes the program that this process runs, anew.
fn become_old(claims: &[Claim]) -> io::Error {
    #[cfg(target_os = "linux")]
    let own = io::Result::Ok(OWN_PROGRAM);
    #[cfg(not(target_os = "linux"))]
    let own = std::env::current_exe();
    match own {
        Ok(own) => {
            let mut command = Command::new(own);
            command.args(std::env::args_os().skip(1));
            restart::replace(command, claims)
        }
        Err(why) => why,
    }
}
