//! The operator's socket of a server that runs: a service of its own beside what is served, with the console behind it.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use throng_server::{Address, Claim, Full, Limits, Running, Server, Threads, Timeouts};
use throng_services::control::{
    CLIENTS_MAX, Caller, Completions, Control, Done, Hello, Line, Operable, Response, Role, Tell, VERSION,
};

use crate::banner::shown;
use crate::console::{Answer, Console, Next, Operator, Stream, Who};
use crate::control::place;
use crate::fault::Fault;

/// How often an answer that goes on says something, if only that it does.
const BEAT_EVERY: Duration = Duration::from_secs(1);

/// How long a client may take nothing of what it is told.
const STALL_MAX: Duration = Duration::from_secs(30);

/// How long answers that are under way have when the server ends.
const END_MAX: Duration = Duration::from_secs(1);

/// The socket, open until it is closed.
pub struct Socket {
    running: Running,
    path: PathBuf,
}

/// The place of the socket, which is ours; nobody is answered there yet.
pub struct Door {
    claim: Claim,
    path: PathBuf,
}

/// Claims it.
pub fn claim(path: &Path) -> Result<Door, Fault> {
    let address = Address::Unix(Some(path.to_owned()));
    let claim = Claim::bind(address).map_err(|error| {
        let fault = Fault::failed(format!("the operator's socket {}: {}", shown(path), error.source));
        match error.source.kind() {
            io::ErrorKind::AddrInUse => {
                fault.hint("another server listens there, or another file has that name")
            }
            _ => fault,
        }
    })?;
    // Nobody else can enter the folder, so it is nobody's for the moment in between either.
    std::fs::set_permissions(path, PermissionsExt::from_mode(0o600))
        .map_err(|why| Fault::failed(format!("the operator's socket {}: {why}", shown(path))))?;
    Ok(Door { claim, path: path.to_owned() })
}

/// Answers there.
pub fn open(console: &Arc<Console>, Door { claim, path }: Door) -> Result<Socket, Fault> {
    let limits = Limits { total: CLIENTS_MAX, full: Full::Refuse, ..Limits::default() };
    // An operator may think for as long as he likes.
    let timeouts =
        Timeouts { handshake: None, idle: None, write_stall: Some(STALL_MAX), ..Timeouts::default() };
    let server = Server::blocking(Control(Arc::new(Seat(Arc::clone(console)))))
        // One more than there are places: who finds none is told so, and does not wait.
        .model(Threads { max: CLIENTS_MAX + 1 })
        .limits(limits)
        .timeouts(timeouts)
        .listen_on(claim);
    let running = server.start().map_err(|why| Fault::failed(format!("the operator's socket: {why}")))?;
    Ok(Socket { running, path })
}

impl Socket {
    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is typed in another terminal to come there.
    pub fn typed(&self) -> String {
        match place::is_usual(&self.path) {
            true => "throng console".to_owned(),
            false => format!("throng console --socket {}", shown(&self.path)),
        }
    }

    /// Closes it, when the answers that are under way are told. Its file is gone then.
    pub fn close(self) {
        self.running.drain(END_MAX).wait();
    }
}

/// The console, as the socket has it.
struct Seat(Arc<Console>);

impl Operable for Seat {
    fn role_of(&self, uid: u32) -> Option<Role> {
        let own = rustix::process::geteuid().as_raw();
        (uid == 0 || uid == own).then_some(Role::Admin)
    }

    fn hello(&self) -> Hello {
        Hello {
            v: VERSION,
            program: format!("throng {}", env!("CARGO_PKG_VERSION")),
            service: self.0.serves(),
            pid: std::process::id(),
            role: Role::Admin,
        }
    }

    fn run(&self, by: Caller, line: &str, yes: bool, tell: &mut Tell<'_>) -> Done {
        let by = Operator { who: Who::User(by.uid), role: by.role };
        match self.0.run(line, yes, &by) {
            Ok(Answer::Done(reply)) => Done { text: reply.text, data: reply.data, ..Done::default() },
            Ok(Answer::Confirm(confirm)) => {
                Done { code: 4, text: confirm.what, confirm: Some(confirm.word), ..Done::default() }
            }
            Ok(Answer::GoesOn(stream)) => go_on(stream, tell),
            Err(fault) => failed(fault),
        }
    }

    fn complete(&self, before: &str) -> Completions {
        let (from, words) = self.0.complete(before);
        Completions { from, words }
    }
}

fn failed(Fault { what, hints, exit_code }: Fault) -> Done {
    Done { code: exit_code, error: Some(what), hints, ..Done::default() }
}

fn go_on(mut stream: Box<dyn Stream>, tell: &mut Tell<'_>) -> Done {
    loop {
        let told = match stream.next(BEAT_EVERY) {
            Next::Line(reply) => tell(Response::Line(Line { text: reply.text, data: reply.data })),
            Next::Nothing => tell(Response::Beat {}),
            Next::Over => return Done::default(),
            Next::Failed(fault) => return failed(fault),
        };
        // Whoever asked has gone.
        if told.is_err() {
            return Done::default();
        }
    }
}
