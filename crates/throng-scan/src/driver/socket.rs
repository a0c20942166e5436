//! A socket that asks one port after another. On Linux a refused one may be connected again (the kernel has disconnected it),
//! and any other after `connect(AF_UNSPEC)` (connect(2)), so nearly no question costs a new descriptor: that is half of the
//! whole cost of asking. Elsewhere each question has a socket of its own.

use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use crate::core::Answer;
use crate::event::{Reason, Trouble};

/// May a socket be connected again?
const REUSE: bool = cfg!(target_os = "linux");

/// What asks for one slot.
#[derive(Debug)]
pub struct Asker {
    socket: Option<Socket>,
    v6: bool,
    registered: bool,
    to: SocketAddr,
    reuse: bool,
}

impl Default for Asker {
    fn default() -> Self {
        Self::with_reuse(REUSE)
    }
}

impl Asker {
    /// One that makes a new socket for each question, as it must where the kernel wants that.
    pub fn with_reuse(reuse: bool) -> Self {
        Self {
            socket: None,
            v6: false,
            registered: false,
            to: SocketAddr::from(([0, 0, 0, 0], 0)),
            reuse: reuse && REUSE,
        }
    }

    /// Asks; the answer, if it is known at once. To this machine it nearly always is.
    pub fn ask(&mut self, to: SocketAddr, from: Option<IpAddr>, local: bool) -> Option<Answer> {
        self.to = to;
        if let Err(trouble) = self.prepare(from) {
            return Some(answer_of(trouble));
        }
        match self.connect() {
            None if local => self.look(local),
            Some(Answer::Accepted) => Some(self.accepted(local)),
            answer => answer,
        }
    }

    /// What has come of it by now.
    pub fn look(&mut self, local: bool) -> Option<Answer> {
        // The second connect says what became of the first, and gives a refused socket back.
        match self.connect() {
            Some(Answer::Accepted) => Some(self.accepted(local)),
            answer => answer,
        }
    }

    /// Tells the poll of it, so that it says when there is an answer. Once is enough.
    pub fn register(&mut self, registry: &Registry, token: usize) -> std::io::Result<()> {
        let Some(socket) = self.socket.as_ref().filter(|_| !self.registered) else { return Ok(()) };
        let descriptor = std::os::fd::AsRawFd::as_raw_fd(socket);
        registry.register(&mut SourceFd(&descriptor), Token(token), Interest::WRITABLE)?;
        self.registered = true;
        Ok(())
    }

    /// Whatever it is doing, no longer. An established connection is reset: it leaves nothing behind on either side.
    pub fn give_up(&mut self, answer: Option<Answer>) {
        let disconnected = answer == Some(Answer::Refused);
        let kept = self.reuse
            && (disconnected || self.socket.as_ref().is_some_and(|socket| rustix_disconnect(socket).is_ok()));
        if !kept {
            self.socket = None;
            self.registered = false;
        }
    }

    /// The connection that was made; the next question will have another socket.
    pub fn take(&mut self) -> Option<Socket> {
        self.registered = false;
        self.socket.take()
    }

    fn prepare(&mut self, from: Option<IpAddr>) -> Result<(), Errno> {
        if self.socket.is_some() && self.v6 == self.to.is_ipv6() {
            return Ok(());
        }
        self.socket = None;
        self.registered = false;
        let domain = if self.to.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 };
        let socket = Socket::new(domain, Type::STREAM.nonblocking().cloexec(), Some(Protocol::TCP))
            .map_err(|why| errno(&why))?;
        // What was asked is not worth a minute in TIME_WAIT.
        socket.set_linger(Some(Duration::ZERO)).map_err(|why| errno(&why))?;
        if let Some(from) = from {
            socket.bind(&SocketAddr::new(from, 0).into()).map_err(|why| errno(&why))?;
        }
        self.v6 = self.to.is_ipv6();
        self.socket = Some(socket);
        Ok(())
    }

    fn connect(&self) -> Option<Answer> {
        let Some(socket) = &self.socket else { return Some(Answer::Lost) };
        match rustix::net::connect(socket.as_fd(), &self.to) {
            Ok(()) | Err(Errno::ISCONN) => Some(Answer::Accepted),
            Err(Errno::INPROGRESS | Errno::ALREADY | Errno::INTR) => None,
            Err(why) => Some(answer_of(why)),
        }
    }

    /// Connected with whom?
    fn accepted(&self, local: bool) -> Answer {
        let own =
            self.socket.as_ref().filter(|_| local).and_then(|socket| socket.local_addr().ok()?.as_socket());
        if own == Some(self.to) { Answer::Itself } else { Answer::Accepted }
    }
}

#[cfg(target_os = "linux")]
fn rustix_disconnect(socket: &Socket) -> Result<(), Errno> {
    rustix::net::connect_unspec(socket.as_fd())
}

#[cfg(not(target_os = "linux"))]
fn rustix_disconnect(_socket: &Socket) -> Result<(), Errno> {
    Err(Errno::OPNOTSUPP)
}

fn errno(why: &std::io::Error) -> Errno {
    Errno::from_io_error(why).unwrap_or(Errno::INVAL)
}

/// What the kernel's word means.
fn answer_of(why: Errno) -> Answer {
    match why {
        Errno::CONNREFUSED => Answer::Refused,
        // It was made, and ended before we looked.
        Errno::CONNRESET | Errno::PIPE => Answer::Accepted,
        Errno::HOSTUNREACH | Errno::HOSTDOWN => Answer::Unreachable(Reason::HostUnreachable),
        // Invalid is an address that only means something together with an interface.
        Errno::NETUNREACH | Errno::NETDOWN | Errno::INVAL => Answer::Unreachable(Reason::NetworkUnreachable),
        Errno::ACCESS | Errno::PERM => Answer::Unreachable(Reason::Prohibited),
        Errno::TIMEDOUT | Errno::CONNABORTED => Answer::Lost,
        Errno::MFILE | Errno::NFILE => Answer::Local(Trouble::Descriptors),
        Errno::ADDRNOTAVAIL | Errno::ADDRINUSE => Answer::Local(Trouble::Ports),
        Errno::NOBUFS | Errno::NOMEM | Errno::AGAIN => Answer::Local(Trouble::Buffers),
        _ => Answer::Local(Trouble::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpListener};

    /// The answer of a port of this machine, which comes at once or very soon.
    fn answer(asker: &mut Asker, to: SocketAddr) -> Answer {
        let first = asker.ask(to, None, true);
        let answer = first.or_else(|| (0..1_000_000).find_map(|_| asker.look(true))).unwrap();
        asker.give_up(Some(answer));
        answer
    }

    #[test]
    fn one_socket_asks_again_and_again_or_each_question_has_its_own() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let open = listener.local_addr().unwrap();
        let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
        for reuse in [true, false] {
            let mut asker = Asker::with_reuse(reuse);
            for _ in 0..3 {
                assert_eq!(answer(&mut asker, closed), Answer::Refused);
                assert_eq!(asker.socket.is_some(), reuse && REUSE, "after a refusal");
                assert_eq!(answer(&mut asker, open), Answer::Accepted);
                assert_eq!(asker.socket.is_some(), reuse && REUSE, "after a connection");
            }
        }
    }

    #[test]
    fn who_asks_from_the_port_that_is_asked_meets_himself() {
        // A socket that is bound to the port it connects to, as it may happen by chance where the kernel chooses.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()).unwrap();
        let to = socket.local_addr().unwrap().as_socket().unwrap();
        let mut asker = Asker { socket: Some(socket), to, ..Asker::default() };
        assert_eq!(asker.ask(to, None, true), Some(Answer::Itself));
    }

    #[test]
    fn what_this_machine_lacks_is_never_an_answer_of_the_host() {
        for (why, trouble) in [
            (Errno::MFILE, Trouble::Descriptors),
            (Errno::NFILE, Trouble::Descriptors),
            (Errno::ADDRNOTAVAIL, Trouble::Ports),
            (Errno::NOBUFS, Trouble::Buffers),
            (Errno::AGAIN, Trouble::Buffers),
            (Errno::NOSYS, Trouble::Other),
        ] {
            assert_eq!(answer_of(why), Answer::Local(trouble));
        }
        let foreign = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
        let nobody = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
        let answer = Asker::default().ask(foreign, Some(nobody), true);
        assert_eq!(answer, Some(Answer::Local(Trouble::Ports)), "a source that is not ours");
    }
}
