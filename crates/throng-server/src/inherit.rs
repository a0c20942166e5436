//! Listening sockets that this process was started with: passed by a service manager (sd_listen_fds(3)), or by the process
//! that this one follows (see [`crate::restart`]).
//!
//! Three variables tell of them: `LISTEN_PID` whom they are for, `LISTEN_FDS` how many there are from descriptor 3 on, and
//! `LISTEN_FDNAMES` what each is called. A process that starts its successor cannot know that one's number before it is
//! there, so the [`Baton`] among the sockets vouches for them instead. Whatever else is among them is refused by name.
//!
//! `systemd-socket-activate -l 7000 PROGRAM` tries it without a unit.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use socket2::Socket;

use crate::address::Address;
use crate::baton::Baton;
use crate::claim::Claim;
use crate::listening::Kept;
use crate::passed_list;
use crate::passed_name;
use crate::role;
use crate::unix_path::UnixPath;

/// At most so many descriptors are taken or passed on, the baton included. A server listens at a handful of addresses; whoever
/// says more says something else. Example: [`InheritError`].
pub const PASSED_MAX: usize = 64;

/// What the line to a predecessor is called.
pub(crate) const BATON: &str = "throng.baton";

/// What a socket is called that was passed without a name (sd_listen_fds_with_names(3)).
const NAMELESS: &str = "unknown";

/// What this process was started with.
///
/// ```
/// use throng_server::{Conn, Inherited, Server};
///
/// # async fn serve(_conn: Conn) -> throng_server::Result { Ok(()) }
/// # fn main() -> throng_server::Result {
/// let inherited = Inherited::take()?; // first of all
/// let server = match inherited.claims.is_empty() {
///     true => Server::new(serve).listen("127.0.0.1:0"), // started by hand
///     false => inherited.claims.into_iter().fold(Server::new(serve), Server::listen_on),
/// };
/// let running = server.start()?;
/// # assert_eq!(running.addresses().len(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Inherited {
    /// The listening sockets, in the order in which they were passed. One that is a service manager's has a
    /// [`Claim::name`], and can be held but not refuse; one of a predecessor is ours like any other.
    pub claims: Vec<Claim>,
    /// The line to the process that this one follows, if there is one: it waits for a word, 30 s unless it was told otherwise
    /// ([`crate::Restart::warm_within`]).
    pub baton: Option<Baton>,
}

/// What was passed cannot be used: whoever started this process, a unit or a script, is to be mended, and serving at other
/// addresses would hide that.
///
/// ```
/// use throng_server::InheritError;
///
/// let why = InheritError::TooMany { count: 1000 };
/// assert_eq!(why.to_string(), "LISTEN_FDS passes 1000 sockets, and at most 64 can be taken");
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum InheritError {
    /// A variable is not what it should be.
    Variable {
        /// Which.
        name: &'static str,
        /// What it says.
        value: String,
    },
    /// More are passed than anybody needs: at most [`PASSED_MAX`].
    TooMany {
        /// So many.
        count: usize,
    },
    /// There is not one name for each.
    Names {
        /// Descriptors.
        count: usize,
        /// Names.
        names: usize,
    },
    /// One is no socket that listens for streams of TCP or a Unix socket, or is not there at all.
    Unfit {
        /// Its number.
        descriptor: usize,
        /// What it is called.
        name: String,
        /// What is wrong with it.
        source: io::Error,
    },
}

impl Inherited {
    /// Takes what was passed; nothing when nothing was, or it was for another process. The variables are removed, so
    /// that no process started from here believes them, and a second call finds nothing.
    ///
    /// Call it first in `main`: it changes the environment, which no other thread may read meanwhile, and the
    /// descriptors from 3 on must still be those that were passed.
    ///
    /// In a worker's process (call [`crate::worker_or_continue`] before this) it gives claims that stand for those of the first
    /// process, so that the worker comes to the same server; the sockets stay where they are.
    ///
    /// # Errors
    /// When the variables contradict themselves, or one of the descriptors is no listening socket; none is taken then. Example:
    /// [`Inherited`].
    pub fn take() -> Result<Inherited, InheritError> {
        if role::worker().is_some() {
            let told = passed_list::told().into_iter();
            let claims = told.map(|(name, address)| Claim::by_first(name, address)).collect();
            return Ok(Inherited { claims, baton: None });
        }
        let variable = |name| std::env::var(name).ok();
        let (pid, count) = (variable("LISTEN_PID"), variable("LISTEN_FDS"));
        let names = variable("LISTEN_FDNAMES");
        let said = Said { pid: pid.as_deref(), count: count.as_deref(), names: names.as_deref() };
        let names = said.names_for(std::process::id())?;
        if names.is_empty() {
            return Ok(Inherited::default());
        }
        let mut passed = ListenFd::from_env();
        let mut inherited = Inherited::default();
        for (index, name) in names.into_iter().enumerate() {
            let unfit = |source, name: &str| {
                let descriptor = index + FIRST;
                InheritError::Unfit { descriptor, name: name.to_owned(), source }
            };
            let socket = take_stream(&mut passed, index).map_err(|why| unfit(why, &name))?;
            match name == BATON {
                true => {
                    let line = Baton::new(UnixStream::from(OwnedFd::from(socket)));
                    inherited.baton = Some(line.map_err(|why| unfit(why, &name))?);
                }
                false => inherited.claims.push(claim(socket, &name).map_err(|why| unfit(why, &name))?),
            }
        }
        let claims = inherited.claims.iter();
        passed_list::note(claims.map(|claim| (claim.name().map(str::to_owned), claim.address().clone())));
        Ok(inherited)
    }
}

/// The first descriptor that is passed (sd_listen_fds(3), SD_LISTEN_FDS_START).
const FIRST: usize = 3;

/// What the three variables say.
#[derive(Clone, Copy, Debug, Default)]
struct Said<'a> {
    pid: Option<&'a str>,
    count: Option<&'a str>,
    names: Option<&'a str>,
}

impl Said<'_> {
    /// A name for each descriptor that is for the process of this number; none when none is.
    fn names_for(self, own: u32) -> Result<Vec<String>, InheritError> {
        let Some(said) = self.count else { return Ok(Vec::new()) };
        let names: Option<Vec<&str>> = self.names.map(|names| names.split(':').collect());
        let is_vouched = names.as_ref().is_some_and(|names| names.contains(&BATON));
        match self.pid {
            Some(pid) if number::<u32>("LISTEN_PID", pid)? == own => {}
            None if is_vouched => {}
            _ => return Ok(Vec::new()),
        }
        let count: usize = number("LISTEN_FDS", said)?;
        if count > PASSED_MAX {
            return Err(InheritError::TooMany { count });
        }
        match names {
            // An empty variable is one empty name to a splitter, and no name to its writer.
            Some(names) if names != [""] || count == 1 => {
                if names.len() != count {
                    return Err(InheritError::Names { count, names: names.len() });
                }
                Ok(names.into_iter().map(str::to_owned).collect())
            }
            _ => Ok(vec![NAMELESS.to_owned(); count]),
        }
    }
}

fn number<N: std::str::FromStr>(name: &'static str, value: &str) -> Result<N, InheritError> {
    let wrong = || InheritError::Variable { name, value: value.to_owned() };
    // A plus sign is a number to the standard library, and to nobody who writes these variables.
    let digits = !value.is_empty() && value.bytes().all(|digit| digit.is_ascii_digit());
    value.parse().ok().filter(|_| digits).ok_or_else(wrong)
}

/// The stream socket of this index, of TCP or Unix; it is closed in whatever is started from here.
fn take_stream(passed: &mut ListenFd, index: usize) -> io::Result<Socket> {
    let gone = || io::Error::other("it was taken before");
    match passed.take_tcp_listener(index) {
        Ok(taken) => taken.map(Socket::from).ok_or_else(gone),
        Err(_) => passed.take_unix_listener(index)?.map(Socket::from).ok_or_else(gone),
    }
}

fn claim(socket: Socket, name: &str) -> io::Result<Claim> {
    let ours = passed_name::path_in(name);
    // One of ours may be paused.
    #[cfg(target_os = "linux")]
    if ours.is_none() && !socket.is_listener()? {
        return Err(io::Error::other("it is connected, or does not listen"));
    }
    let bound = socket.local_addr()?;
    let path = match &ours {
        Some(path) if bound.is_unix() && *path != PathBuf::new() => Some(path.clone()),
        _ => bound.as_pathname().map(Path::to_owned),
    };
    let kept = match (ours, &path) {
        (None, _) => Kept::Inherited(name.to_owned()),
        (Some(_), Some(path)) => Kept::Path(UnixPath::of(path)),
        (Some(_), None) => Kept::Port,
    };
    let address = bound.as_socket().map_or(Address::Unix(path), Address::Tcp);
    Ok(Claim::of(socket, address, kept))
}

impl fmt::Display for InheritError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            InheritError::Variable { name, value } => write!(f, "{name} is no number: {value:?}"),
            InheritError::TooMany { count } => {
                write!(f, "LISTEN_FDS passes {count} sockets, and at most {PASSED_MAX} can be taken")
            }
            InheritError::Names { count, names } => {
                write!(f, "LISTEN_FDS passes {count} sockets, and LISTEN_FDNAMES has {names} names")
            }
            InheritError::Unfit { descriptor, name, source } => {
                write!(f, "descriptor {descriptor} ({name:?}) is no listening stream socket: {source}")
            }
        }
    }
}

impl std::error::Error for InheritError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            InheritError::Unfit { source, .. } => Some(source),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OWN: u32 = 812;

    fn check(pid: Option<&str>, count: Option<&str>, names: Option<&str>, expected: Result<&[&str], &str>) {
        let found = Said { pid, count, names }.names_for(OWN).map_err(|why| why.to_string());
        let expected = expected.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(found, expected.map_err(str::to_owned), "{pid:?} {count:?} {names:?}");
    }

    #[test]
    fn what_was_passed_to_us_has_a_name_each() {
        check(Some("812"), Some("2"), Some("web:tls"), Ok(&["web", "tls"]));
        check(Some("812"), Some("2"), None, Ok(&["unknown", "unknown"]));
        check(Some("812"), Some("2"), Some(""), Ok(&["unknown", "unknown"]));
        check(Some("812"), Some("1"), Some(""), Ok(&[""]));
        check(Some("812"), Some("3"), Some("x::z"), Ok(&["x", "", "z"]));
    }

    #[test]
    fn what_is_for_nobody_or_another_is_left_alone() {
        check(None, None, None, Ok(&[]));
        check(Some("812"), None, Some("web"), Ok(&[]));
        check(Some("813"), Some("1"), Some("web"), Ok(&[]));
        check(Some("813"), Some("1"), Some(BATON), Ok(&[]));
        check(None, Some("1"), Some("web"), Ok(&[]));
        check(Some("813"), Some("a lot"), None, Ok(&[]));
        check(Some("812"), Some("0"), None, Ok(&[]));
    }

    #[test]
    fn a_baton_vouches_where_no_number_can() {
        check(None, Some("2"), Some("throng.ours:throng.baton"), Ok(&["throng.ours", BATON]));
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_its_value() {
        check(Some("me"), Some("1"), None, Err("LISTEN_PID is no number: \"me\""));
        check(Some("812"), Some("+1"), None, Err("LISTEN_FDS is no number: \"+1\""));
        check(Some("812"), Some("-1"), None, Err("LISTEN_FDS is no number: \"-1\""));
        check(Some("812"), Some(""), None, Err("LISTEN_FDS is no number: \"\""));
        let huge = "99999999999999999999";
        check(Some("812"), Some(huge), None, Err("LISTEN_FDS is no number: \"99999999999999999999\""));
        let one = "LISTEN_FDS passes 1 sockets, and LISTEN_FDNAMES has 2 names";
        check(Some("812"), Some("1"), Some("a:b"), Err(one));
        let many = "LISTEN_FDS passes 65 sockets, and at most 64 can be taken";
        check(Some("812"), Some("65"), None, Err(many));
    }

    /// Whatever the variables say, there is a name for each of at most so many descriptors, or an error.
    fn holds(said: Said<'_>) {
        if let Ok(names) = said.names_for(OWN) {
            assert!(names.len() <= PASSED_MAX);
            assert!(names.is_empty() || said.count.and_then(|count| count.parse().ok()) == Some(names.len()));
            assert!(names.is_empty() || said.pid.is_none_or(|pid| pid.parse() == Ok(OWN)));
        }
    }

    #[test]
    fn any_variables_are_names_or_an_error() {
        bolero::check!().with_type::<(Option<String>, Option<String>, Option<String>)>().for_each(
            |(pid, count, names)| {
                holds(Said { pid: pid.as_deref(), count: count.as_deref(), names: names.as_deref() });
            },
        );
    }

    proptest! {
        #[test]
        fn likely_variables_are_names_or_an_error(
            pid in proptest::option::of("812|813|0812|x"),
            count in proptest::option::of("[0-9]{0,3}|-1|x"),
            names in proptest::option::of("((throng.baton|throng.ours|web|):?){0,70}"),
        ) {
            holds(Said { pid: pid.as_deref(), count: count.as_deref(), names: names.as_deref() });
        }
    }
}
