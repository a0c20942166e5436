//! The operator's socket: a service like any other, by which commands reach a server that runs already.
//!
//! A client sends one [`Request`] per line and hears [`Response`]s, one per line, the last of which ends the answer; the next
//! request is read then. Who may come is decided by the kernel's word for who he is; nobody is asked for a secret. What a
//! command does is the business of the [`Operable`] that the roof hands in. This room knows lines, roles, and limits.

mod message;
mod role;

use std::io::{self, ErrorKind, Write};
use std::sync::Arc;

use throng_server::{BlockingConn, BlockingHandler, End, Peer, Rejected};

pub use message::{Completions, Done, Hello, Line, Request, Response, VERSION};
pub use role::Role;

/// How long one request may be.
pub const REQUEST_BYTES_MAX: usize = 64 * 1024;

/// How long one line of an answer may be, for who reads it.
pub const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// How many clients the socket has at once. More are told so and closed.
pub const CLIENTS_MAX: usize = 32;

/// Who is told when there are too many.
const FULL: &[u8] =
    b"{\"done\":{\"code\":4,\"error\":\"too many consoles are connected to this server already\"}}\n";

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The number of the user, as the kernel vouches for it.
    pub uid: u32,
    /// What he may do.
    pub role: Role,
}

/// Takes a part of an answer to who asked; an error means that he is gone.
pub type Tell<'a> = dyn FnMut(Response) -> io::Result<()> + 'a;

/// What can be operated: it carries commands out.
pub trait Operable: Send + Sync + 'static {
    /// What this user may do at most; nothing, when he may not come at all.
    fn role_of(&self, uid: u32) -> Option<Role>;

    /// Which server this is.
    fn hello(&self) -> Hello;

    /// Carries a command out. What goes on for long, as a log that is followed, is told piece by piece. It may take its time:
    /// the thread is the caller's own.
    fn run(&self, by: Caller, line: &str, yes: bool, tell: &mut Tell<'_>) -> Done;

    /// What could stand at the end of this beginning of a command.
    fn complete(&self, before: &str) -> Completions;
}

/// The service.
pub struct Control<C>(pub Arc<C>);

impl<C: Operable> BlockingHandler for Control<C> {
    fn serve(&self, mut conn: BlockingConn) -> throng_server::Result {
        let uid = conn.credentials()?.uid;
        let Some(role) = self.0.role_of(uid) else {
            let refused = Done::refused(format!("user {uid} may not operate this server"));
            tell(&mut conn, &Response::Done(refused))?;
            return Ok(());
        };
        conn.established();
        tell(&mut conn, &Response::Hello(Hello { role, ..self.0.hello() }))?;
        self.talk(conn, Caller { uid, role })
    }

    fn finish(&self, _: &throng_server::ConnInfo, _: &End) {}

    fn rejected(&self, _: &Peer, _: Rejected) -> &[u8] {
        FULL
    }
}

impl<C: Operable> Control<C> {
    fn talk(&self, mut conn: BlockingConn, mut by: Caller) -> throng_server::Result {
        let mut lines = conn.lines(REQUEST_BYTES_MAX);
        loop {
            let request = match conn.read_line(&mut lines) {
                Ok(Some(line)) => serde_json::from_slice(line),
                Ok(None) => return Ok(()),
                Err(why) if why.kind() == ErrorKind::InvalidData => {
                    let what = format!("a request may have {REQUEST_BYTES_MAX} bytes");
                    return Ok(tell(&mut conn, &Response::Done(Done::misused(what)))?);
                }
                Err(why) => return Err(why.into()),
            };
            let answer = match request {
                Ok(Request::Run { line, yes }) => {
                    let mut part = |response: Response| match conn.is_draining() {
                        true => Err(ErrorKind::ConnectionAborted.into()),
                        false => tell(&mut conn, &response),
                    };
                    Response::Done(self.0.run(by, &line, yes, &mut part))
                }
                Ok(Request::Complete { before }) => Response::Completed(self.0.complete(&before)),
                Ok(Request::Lower { to }) => {
                    by.role = by.role.min(to);
                    Response::Hello(Hello { role: by.role, ..self.0.hello() })
                }
                Err(why) => {
                    Response::Done(Done::misused(format!("this is no request of version {VERSION}: {why}")))
                }
            };
            tell(&mut conn, &answer)?;
            conn.answered();
        }
    }
}

fn tell(conn: &mut BlockingConn, response: &Response) -> io::Result<()> {
    let mut line = serde_json::to_string(response).expect("plain values can be written as JSON");
    line.push('\n');
    conn.write_all(line.as_bytes())
}
