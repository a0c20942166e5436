//! Takes clients from a listening socket, and cannot fail. There is one for each address: on the thread `throng-accept`, or,
//! where one event loop serves all clients, on that.
//!
//! A place in the total is taken before a client is taken from the kernel, so that those who do not fit wait there, or are
//! taken to be told so. When the process has no descriptor left, a spare one is given up to take a client and close it:
//! otherwise the kernel would wake us for that client for ever (accept(2), EMFILE).

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use rustix::io::Errno;
use tokio::io::Interest;
use tokio::io::unix::{AsyncFd, AsyncFdRegisterError};

use crate::accept_faults::AcceptFaults;
use crate::address::Address;
use crate::arrival::{Admission, Arrival, Refusal, Visitor};
use crate::denied::Denied;
use crate::end::End;
use crate::event::Event;
use crate::handshake::Speaks;
use crate::limits::Rejected;
use crate::listening::Listening;
use crate::model::Gate;
use crate::peer::Peer;
use crate::proxy_protocol::{self, Proxies};
use crate::seats::Offer;
use crate::shared::Shared;
use crate::wire::Wire;

/// Clients that are taken in one go before anything else is looked at again.
pub(crate) const BURST_MAX: usize = 64;

/// How long we wait when the kernel cannot give a client for another reason than the client.
pub(crate) const TROUBLE: Duration = Duration::from_millis(100);

/// "Too many open files", of the system and of the process: these two numbers are the same everywhere (errno(3)).
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// A client's socket, which does not block, and both its ends.
pub(crate) type Accepted = (OwnedFd, Address, Address);

/// Where clients are taken from.
pub(crate) trait Source {
    /// Takes the next, without waiting. Who shuts this source waits until that one was let `enter`.
    fn accept<T>(&self, enter: impl FnOnce(Accepted) -> T) -> io::Result<T>;
}

/// Where arrivals go.
#[derive(Clone)]
pub(crate) struct Reception {
    pub gate: Gate,
    pub shared: Arc<Shared>,
    pub proxies: Arc<Proxies>,
    pub denied: Denied,
    pub faults: Option<AcceptFaults>,
}

/// Takes the clients of one listening address.
pub(crate) struct Taker {
    /// Which of the server's places it is.
    place: u16,
    speaks: Speaks,
    pub reception: Reception,
    spare: Option<File>,
}

/// A client that was taken, and what is done with it.
enum Entered {
    /// It has its place, or hears why it has none, from this worker.
    By(usize, Arrival),
    /// It is a proxy that has to say first whom it passes on.
    Passed(Visitor, Peer, Offer),
    /// Nothing.
    Nobody,
}

/// What came of one accept.
pub(crate) enum Taken {
    /// A client was taken.
    One,
    /// A client was there, and is lost.
    Lost,
    /// Nobody is there, or the kernel gives nobody.
    None,
    /// There is no place for one.
    NoPlace,
}

impl Taker {
    pub(crate) fn new((place, speaks): (u16, Speaks), reception: Reception) -> Taker {
        Taker { place, speaks, reception, spare: spare() }
    }

    /// One for the same address, on another thread.
    pub(crate) fn twin(&self) -> Taker {
        Taker::new((self.place, self.speaks.clone()), self.reception.clone())
    }

    /// Waits until somebody knocks and there is something for him. Cancel-safe: nothing was taken from the kernel yet.
    pub(crate) async fn knock<S: AsRawFd>(&self, socket: &AsyncFd<S>) -> Offer {
        // An error is found again by the accept.
        let _ = socket.readable().await.map(|mut ready| ready.retain_ready());
        self.reception.shared.seats.offer().await
    }

    pub(crate) async fn take_burst(&mut self, source: &impl Source, offer: Offer) {
        let mut offer = Some(offer);
        for _ in 0..BURST_MAX {
            if !matches!(self.take_one(source, offer.take()).await, Taken::One | Taken::Lost) {
                return;
            }
        }
    }

    pub(crate) async fn take_one(&mut self, source: &impl Source, offer: Option<Offer>) -> Taken {
        let Some(offer) = offer.or_else(|| self.reception.shared.seats.offer_now()) else {
            return Taken::NoPlace;
        };
        match self.accept(source, |(socket, theirs, ours)| self.enter(socket, Peer::new(theirs, ours), offer))
        {
            Ok(entered) => {
                self.hand_over(entered).await;
                Taken::One
            }
            Err(error) => self.trouble(source, &error).await,
        }
    }

    fn accept<T>(&self, source: &impl Source, enter: impl FnOnce(Accepted) -> T) -> io::Result<T> {
        match self.reception.faults.as_ref().and_then(AcceptFaults::next) {
            Some(fault) => Err(fault),
            None => source.accept(enter),
        }
    }

    fn enter(&self, socket: OwnedFd, peer: Peer, offer: Offer) -> Entered {
        let visitor = Visitor { socket, place: self.place, speaks: self.speaks.clone() };
        match matches!(offer, Offer::Place(_)) && self.reception.proxies.include(&peer.address) {
            true => Entered::Passed(visitor, peer, offer),
            false => self.reception.enter(visitor, peer, offer),
        }
    }

    /// The way to a worker is bounded; while it is full the kernel's queue fills.
    async fn hand_over(&self, entered: Entered) {
        match entered {
            // There are never more of these tasks than places, for each holds one.
            Entered::Passed(visitor, proxy, offer) => {
                drop(tokio::spawn(self.reception.clone().hear_proxy(visitor, proxy, offer)));
            }
            entered => self.reception.hand_over(entered).await,
        }
    }

    /// No error of accept(2) ends this.
    async fn trouble(&mut self, source: &impl Source, error: &io::Error) -> Taken {
        match (error.kind(), error.raw_os_error()) {
            (ErrorKind::WouldBlock, _) => Taken::None,
            _ if is_of_the_client(error) => Taken::Lost,
            (_, Some(EMFILE | ENFILE)) if self.spare.is_some() => self.shed(source),
            _ => {
                self.reception.shared.tell(&Event::AcceptFailed { why: error.to_string() });
                tokio::time::sleep(TROUBLE).await;
                self.spare = self.spare.take().or_else(spare);
                Taken::None
            }
        }
    }

    /// Gives up the spare descriptor for a moment, to take one client and close it. The kernel asks for a descriptor
    /// before it looks for a client, so often nobody is there at all.
    fn shed(&mut self, source: &impl Source) -> Taken {
        self.spare = None;
        let shed = self.accept(source, |(socket, theirs, ours)| {
            drop(socket);
            self.reception.reject(&Peer::new(theirs, ours), Rejected::NoDescriptor);
        });
        self.spare = spare();
        match shed {
            Ok(()) => Taken::Lost,
            Err(_) => Taken::None,
        }
    }
}

impl Reception {
    /// Gives a client its place, or the word why it has none.
    fn enter(&self, visitor: Visitor, peer: Peer, offer: Offer) -> Entered {
        let (places, word) = match (self.denied.denial(&peer.address), offer) {
            (Some(denial), _) => (Err(Rejected::Banned), denial.own_word()),
            (None, Offer::Place(place)) => {
                (self.shared.seats.take(&peer.address).map(|seat| (place, seat)), None)
            }
            (None, Offer::Refusal) => (Err(Rejected::Full), None),
        };
        let worker = self.gate.choose(&self.shared.registry);
        match places {
            Ok(places) => {
                let address = peer.address.clone();
                let arrival = Arrival::served(visitor, peer, worker, &self.shared, places);
                // Who changed the list since the look above may have looked for this one before it was here.
                if let (Admission::Served(open, _), Some(_)) =
                    (&arrival.admission, self.denied.denial(&address))
                {
                    open.ticket.cut(End::Kicked);
                }
                Entered::By(worker, arrival)
            }
            Err(why) => self.turn_away(visitor, worker, (peer, why, word)),
        }
    }

    fn turn_away(
        &self,
        visitor: Visitor,
        worker: usize,
        (peer, why, word): (Peer, Rejected, Option<Arc<[u8]>>),
    ) -> Entered {
        self.reject(&peer, why);
        // When so many are being told already, this one hears nothing.
        let Some(told) = self.shared.seats.tell() else { return Entered::Nobody };
        let refusal = Refusal { peer, why, word, _place: Box::new(told) };
        Entered::By(worker, Arrival { visitor, admission: Admission::Rejected(refusal) })
    }

    async fn hand_over(&self, entered: Entered) {
        if let Entered::By(worker, arrival) = entered {
            // An error means that the server is over, and the arrival with it.
            let _ = self.gate.way_to(worker).send(arrival).await;
        }
    }

    /// Hears first whom a proxy passes on. One that does not say so properly is closed, without a word that a client could
    /// take for his.
    async fn hear_proxy(self, visitor: Visitor, proxy: Peer, offer: Offer) {
        let Visitor { socket, place, speaks } = visitor;
        let heard = async {
            let wire = Wire::watch(socket, &proxy.local)?;
            let client = proxy_protocol::hear(&wire, proxy.clone()).await?;
            Ok::<_, io::Error>((wire.into_socket()?, client))
        };
        match heard.await {
            Ok((socket, client)) => {
                self.hand_over(self.enter(Visitor { socket, place, speaks }, client, offer)).await;
            }
            Err(_) => self.reject(&proxy, Rejected::NoProxyHeader),
        }
    }

    fn reject(&self, peer: &Peer, why: Rejected) {
        self.shared.counters.reject(why);
        self.shared.tell(&Event::Rejected { peer: peer.clone(), why });
    }
}

impl Source for Listening {
    fn accept<T>(&self, enter: impl FnOnce(Accepted) -> T) -> io::Result<T> {
        self.take_next().map(enter)
    }
}

impl Source for AsyncFd<Listening> {
    fn accept<T>(&self, enter: impl FnOnce(Accepted) -> T) -> io::Result<T> {
        let accepted = self.get_ref().take_next();
        if is_used_up(&accepted) {
            forget_readiness(self);
        }
        accepted.map(enter)
    }
}

/// Was nobody there?
pub(crate) fn is_used_up<T>(accepted: &io::Result<T>) -> bool {
    accepted.as_ref().is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
}

/// The readiness that we were woken by is used up; polling it once without a task clears it.
pub(crate) fn forget_readiness<S: AsRawFd>(socket: &AsyncFd<S>) {
    if let Some(Ok(mut ready)) = socket.readable().now_or_never() {
        ready.clear_ready();
    }
}

/// A listening socket, watched for clients; given back when it cannot be.
#[expect(
    deprecated,
    reason = "it never changes its descriptor while it is watched; the newer form would need unsafe code"
)]
pub(crate) fn watch<S: AsRawFd>(socket: S) -> Result<AsyncFd<S>, (S, io::Error)> {
    AsyncFd::try_with_interest(socket, Interest::READABLE).map_err(AsyncFdRegisterError::into_parts)
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
