//! The listener: accepts, and cannot fail. One task per address, all on the thread `throng-accept`.
//!
//! A place in the total is taken before a client is taken from the kernel, so that those who do not fit wait there, or are
//! taken to be told so. When the
//! process has no descriptor left, a spare one is given up to take a client and close it: otherwise the kernel would wake
//! us for that client for ever (accept(2), EMFILE).

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};
use tokio::sync::mpsc;

use crate::accept_faults::AcceptFaults;
use crate::address::Address;
use crate::arrival::{Admission, Arrival, Refusal, Visitor};
use crate::claim::Claim;
use crate::event::Event;
use crate::handshake::Speaks;
use crate::limits::Rejected;
use crate::listening::Listening;
use crate::model::Gate;
use crate::peer::Peer;
use crate::proxy_protocol::{self, Proxies};
use crate::seats::Offer;
use crate::shared::Shared;
use crate::state::Pause;
use crate::wire::Wire;

/// Clients that are taken in one go before orders are looked at again.
const BURST_MAX: usize = 64;

/// How long the listener waits when the kernel cannot give it a client for another reason than the client.
const TROUBLE: Duration = Duration::from_millis(100);

/// Orders that may wait for a listener; whoever gives one waits for its answer, so there are never many.
pub(crate) const ORDERS_MAX: usize = 16;

/// "Too many open files", of the system and of the process: these two numbers are the same everywhere (errno(3)).
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// What the one who operates the server can ask of a listener. The answer to a pause is how many clients were still
/// taken.
pub(crate) enum Order {
    Pause(Pause, SyncSender<io::Result<usize>>),
    /// The pause of a drain: a listener that may not refuse holds.
    End(SyncSender<io::Result<usize>>),
    Resume(SyncSender<io::Result<usize>>),
    /// The limit of those who wait in the kernel is another one.
    Relisten(SyncSender<io::Result<usize>>),
    /// Gives the socket once more.
    Share(SyncSender<io::Result<Claim>>),
    /// Accepts no more, and closes its own copy of the socket.
    LetGo(SyncSender<io::Result<usize>>),
}

/// Where arrivals go.
#[derive(Clone)]
pub(crate) struct Workers {
    pub gate: Gate,
    pub shared: Arc<Shared>,
    pub proxies: Arc<Proxies>,
    pub faults: Option<AcceptFaults>,
}

/// One listening address.
pub(crate) struct Listener {
    state: State,
    /// It listens, and takes nobody.
    is_held: bool,
    /// Which of the server's places it is.
    place: u16,
    speaks: Speaks,
    workers: Workers,
    spare: Option<File>,
}

enum State {
    Open(AsyncFd<Listening>),
    Paused(Listening),
    /// Neither listening nor able to: while one state becomes the other, and when the socket was let go.
    Nothing,
}

/// What came of one accept.
enum Taken {
    /// A client was taken.
    One,
    /// A client was there, and is lost.
    Lost,
    /// Nobody is there, or the kernel gives nobody.
    None,
    /// There is no place for one.
    NoPlace,
}

impl Listener {
    /// Takes over a listening socket. Inside the acceptor's runtime.
    pub(crate) fn new(
        listening: Listening,
        (place, speaks): (u16, Speaks),
        workers: Workers,
    ) -> io::Result<Listener> {
        let state = State::Open(watch(listening).map_err(|(_, error)| error)?);
        Ok(Listener { state, is_held: false, place, speaks, workers, spare: spare() })
    }

    /// Accepts until nobody can give orders any more.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
                offer = self.knock() => self.take_burst(offer).await,
            }
        }
    }

    async fn obey(&mut self, order: Order) {
        // Whoever asked may have stopped waiting.
        match order {
            Order::Pause(Pause::Refuse, answer) => drop(answer.send(self.refuse().await)),
            Order::Pause(Pause::Hold, answer) => drop(answer.send(self.hold())),
            Order::End(answer) => drop(answer.send(self.end().await)),
            Order::Resume(answer) => drop(answer.send(self.resume())),
            Order::Relisten(answer) => drop(answer.send(self.relisten())),
            Order::Share(answer) => drop(answer.send(self.share())),
            Order::LetGo(answer) => {
                self.state = State::Nothing;
                drop(answer.send(Ok(0)));
            }
        }
    }

    /// Waits until somebody knocks and there is something for him. Cancel-safe: nothing was taken from the kernel yet.
    async fn knock(&self) -> Offer {
        let State::Open(socket) = &self.state else { return std::future::pending().await };
        if self.is_held {
            return std::future::pending().await;
        }
        // An error is found again by the accept.
        let _ = socket.readable().await.map(|mut ready| ready.retain_ready());
        self.workers.shared.seats.offer().await
    }

    async fn take_burst(&mut self, offer: Offer) {
        let mut offer = Some(offer);
        for _ in 0..BURST_MAX {
            if !matches!(self.take_one(offer.take()).await, Taken::One | Taken::Lost) {
                return;
            }
        }
    }

    async fn take_one(&mut self, offer: Option<Offer>) -> Taken {
        let Some(offer) = offer.or_else(|| self.workers.shared.seats.offer_now()) else {
            return Taken::NoPlace;
        };
        match self.accept() {
            Ok((socket, theirs, ours)) => {
                self.admit(socket, Peer::new(theirs, ours), offer).await;
                Taken::One
            }
            Err(error) => self.trouble(&error).await,
        }
    }

    fn accept(&self) -> io::Result<(OwnedFd, Address, Address)> {
        let State::Open(socket) = &self.state else { return Err(ErrorKind::WouldBlock.into()) };
        if let Some(fault) = self.workers.faults.as_ref().and_then(AcceptFaults::next) {
            return Err(fault);
        }
        let accepted = socket.get_ref().accept();
        if accepted.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock) {
            // The readiness that we were woken by is used up; polling it once without a task clears it.
            use futures_util::FutureExt;
            if let Some(Ok(mut ready)) = socket.readable().now_or_never() {
                ready.clear_ready();
            }
        }
        accepted
    }

    /// Hands a client to the one who serves it; one whom a proxy passes on, when that said so.
    async fn admit(&self, socket: OwnedFd, peer: Peer, offer: Offer) {
        let visitor = Visitor { socket, place: self.place, speaks: self.speaks.clone() };
        if matches!(offer, Offer::Place(_)) && self.workers.proxies.include(&peer.address) {
            // There are never more of these tasks than places, for each holds one.
            tokio::spawn(self.workers.clone().admit_passed(visitor, peer, offer));
        } else {
            self.workers.admit(visitor, peer, offer).await;
        }
    }

    /// No error of accept(2) ends a listener.
    async fn trouble(&mut self, error: &io::Error) -> Taken {
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::WouldBlock, _) => Taken::None,
            _ if is_of_the_client(error) => Taken::Lost,
            (_, Some(EMFILE | ENFILE)) if self.spare.is_some() => self.shed(),
            _ => {
                self.workers.shared.tell(&Event::AcceptFailed { why: error.to_string() });
                tokio::time::sleep(TROUBLE).await;
                self.spare = self.spare.take().or_else(spare);
                Taken::None
            }
        }
    }

    /// Gives up the spare descriptor for a moment, to take one client and close it. The kernel asks for a descriptor
    /// before it looks for a client, so often nobody is there at all.
    fn shed(&mut self) -> Taken {
        self.spare = None;
        let shed = self.accept().map(|(socket, theirs, ours)| {
            drop(socket);
            self.workers.reject(&Peer::new(theirs, ours), Rejected::NoDescriptor);
        });
        self.spare = spare();
        match shed {
            Ok(()) => Taken::Lost,
            Err(_) => Taken::None,
        }
    }

    /// Takes who is in the kernel's queue already, and refuses from then on; the address stays ours.
    async fn refuse(&mut self) -> io::Result<usize> {
        let State::Open(listening) = &self.state else { return Ok(0) };
        listening.get_ref().may_refuse()?;
        let successor = listening.get_ref().begin_refusing()?;
        let mut taken = 0;
        // Whoever comes in the meantime is taken as well, but a storm cannot keep a pause from happening.
        let queue = usize::try_from(self.workers.shared.limits().backlog).unwrap_or(0);
        for _ in 0..queue.saturating_mul(2).max(BURST_MAX) {
            match self.take_one(None).await {
                Taken::One => taken += 1,
                Taken::Lost => {}
                Taken::None | Taken::NoPlace => break,
            }
        }
        let State::Open(listening) = std::mem::replace(&mut self.state, State::Nothing) else {
            return Ok(taken);
        };
        let mut listening = listening.into_inner();
        let refused = listening.refuse(successor);
        self.state = State::Paused(listening);
        self.is_held = false;
        refused.map(|()| taken)
    }

    /// Listens and takes nobody: who knocks waits in the kernel's queue.
    fn hold(&mut self) -> io::Result<usize> {
        self.listen_again()?;
        self.is_held = true;
        Ok(0)
    }

    /// The last pause. Where others listen as well nobody is refused; they may take who waits.
    async fn end(&mut self) -> io::Result<usize> {
        let refused = self.refuse().await;
        self.is_held = true;
        refused
    }

    fn share(&self) -> io::Result<Claim> {
        let listening = match &self.state {
            State::Open(listening) => listening.get_ref(),
            State::Paused(listening) => listening,
            State::Nothing => return Err(io::Error::other("the socket was let go")),
        };
        listening.share().map(|(socket, address, kept)| Claim::of(socket, address, kept))
    }

    fn resume(&mut self) -> io::Result<usize> {
        self.listen_again()?;
        self.is_held = false;
        Ok(0)
    }

    /// A socket that listens already is given its queue anew (listen(2)).
    fn relisten(&self) -> io::Result<usize> {
        if let State::Open(listening) = &self.state {
            listening.get_ref().listen(self.workers.shared.limits().backlog)?;
        }
        Ok(0)
    }

    fn listen_again(&mut self) -> io::Result<()> {
        let listening = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Paused(listening) => listening,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        let backlog = self.workers.shared.limits().backlog;
        let watched = match listening.listen(backlog) {
            Ok(()) => watch(listening),
            Err(error) => Err((listening, error)),
        };
        match watched {
            Ok(listening) => {
                self.state = State::Open(listening);
                Ok(())
            }
            Err((mut listening, error)) => {
                // Nobody takes those who would knock now.
                let _ = listening.begin_refusing().and_then(|successor| listening.refuse(successor));
                self.state = State::Paused(listening);
                Err(error)
            }
        }
    }
}

impl Workers {
    /// Hands a client to the one who serves it. The way there is bounded; while it is full the kernel's queue fills.
    async fn admit(&self, visitor: Visitor, peer: Peer, offer: Offer) {
        let worker = self.gate.choose(&self.shared.registry);
        let places = match offer {
            Offer::Place(place) => self.shared.seats.take(&peer.address).map(|seat| (place, seat)),
            Offer::Refusal => Err(Rejected::Full),
        };
        let arrival = match places {
            Ok(places) => Arrival::served(visitor, peer, worker, &self.shared, places),
            Err(why) => {
                self.reject(&peer, why);
                // When so many are being told already, this one hears nothing.
                let Some(told) = self.shared.seats.tell() else { return };
                let refusal = Refusal { peer, why, _place: Box::new(told) };
                Arrival { visitor, admission: Admission::Rejected(refusal) }
            }
        };
        // An error means that the server is over, and the arrival with it.
        let _ = self.gate.way_to(worker).send(arrival).await;
    }

    /// Hears first whom a proxy passes on. One that does not say so properly is closed, without a word that a client could
    /// take for his.
    async fn admit_passed(self, visitor: Visitor, proxy: Peer, offer: Offer) {
        let Visitor { socket, place, speaks } = visitor;
        let heard = async {
            let wire = Wire::watch(socket, &proxy.local)?;
            let client = proxy_protocol::hear(&wire, proxy.clone()).await?;
            Ok::<_, io::Error>((wire.into_socket()?, client))
        };
        match heard.await {
            Ok((socket, client)) => self.admit(Visitor { socket, place, speaks }, client, offer).await,
            Err(_) => self.reject(&proxy, Rejected::NoProxyHeader),
        }
    }

    fn reject(&self, peer: &Peer, why: Rejected) {
        self.shared.counters.reject(why);
        self.shared.tell(&Event::Rejected { peer: peer.clone(), why });
    }
}

/// A listening socket, watched for clients; given back when it cannot be.
#[expect(
    deprecated,
    reason = "it never changes its descriptor while it is watched; the newer form would need unsafe code"
)]
fn watch(listening: Listening) -> Result<AsyncFd<Listening>, (Listening, io::Error)> {
    AsyncFd::try_with_interest(listening, Interest::READABLE).map_err(AsyncFdRegisterError::into_parts)
}

/// Does an error mean one client only, and say nothing about the next? That client is gone already, a firewall forbade it, or
/// the network had an error pending for it, which Linux passes on here (accept(2), "Error handling").
fn is_of_the_client(error: &io::Error) -> bool {
    let errors = [
        Errno::CONNABORTED,
        Errno::INTR,
        Errno::PERM,
        Errno::PROTO,
        Errno::NETDOWN,
        Errno::NOPROTOOPT,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
        Errno::OPNOTSUPP,
        Errno::NETUNREACH,
        #[cfg(target_os = "linux")]
        Errno::NONET,
    ];
    Errno::from_io_error(error).is_some_and(|error| errors.contains(&error))
}

/// A descriptor to give up when there is none left. Without one, clients only wait longer.
fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}
