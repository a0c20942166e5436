//! The listener: what the one who operates the server wants of an address. One task for each, all on the thread
//! `throng-accept`, where clients are taken as well unless a [`Door`] lends the socket to the one event loop that serves.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use tokio::io::unix::AsyncFd;
use tokio::sync::mpsc;

use crate::claim::Claim;
use crate::door::Door;
use crate::listening::{Listening, Successor};
use crate::seats::Offer;
use crate::state::Pause;
use crate::taker::{BURST_MAX, Taken, Taker, watch};

/// Orders that may wait for a listener; whoever gives one waits for its answer, so there are never many.
pub(crate) const ORDERS_MAX: usize = 16;

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

/// One listening address.
pub(crate) struct Listener {
    state: State,
    /// It listens, and takes nobody.
    is_held: bool,
    taker: Taker,
    /// Where clients are taken on another thread.
    door: Option<Arc<Door>>,
}

enum State {
    /// Clients are taken on this thread.
    Open(AsyncFd<Listening>),
    /// The socket is at the door.
    Lent,
    Paused(Listening),
    /// Neither listening nor able to: while one state becomes the other, and when the socket was let go.
    Nothing,
}

impl Listener {
    /// Takes over a listening socket. Inside the acceptor's runtime.
    pub(crate) fn new(listening: Listening, taker: Taker) -> io::Result<Listener> {
        let state = State::Open(watch(listening).map_err(|(_, error)| error)?);
        Ok(Listener { state, is_held: false, taker, door: None })
    }

    /// The same, for clients who are taken at the door.
    pub(crate) fn lending(listening: Listening, taker: Taker) -> (Listener, Arc<Door>) {
        let door = Door::open(listening);
        (Listener { state: State::Lent, is_held: false, taker, door: Some(Arc::clone(&door)) }, door)
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
                self.door.iter().for_each(|door| drop(door.take()));
                drop(answer.send(Ok(0)));
            }
        }
    }

    /// Waits until somebody knocks and there is something for him. Cancel-safe: nothing was taken from the kernel yet.
    async fn knock(&self) -> Offer {
        match &self.state {
            State::Open(socket) if !self.is_held => self.taker.knock(socket).await,
            _ => std::future::pending().await,
        }
    }

    async fn take_burst(&mut self, offer: Offer) {
        if let State::Open(socket) = &self.state {
            self.taker.take_burst(socket, offer).await;
        }
    }

    async fn take_one(&mut self) -> Taken {
        match (&self.state, &self.door) {
            (State::Open(socket), _) => self.taker.take_one(socket, None).await,
            (State::Lent, Some(door)) => self.taker.take_one(&**door, None).await,
            _ => Taken::None,
        }
    }

    /// Looks at the socket, when it listens.
    fn with<T>(&self, look: impl FnOnce(&Listening) -> io::Result<T>) -> Option<io::Result<T>> {
        match (&self.state, &self.door) {
            (State::Open(socket), _) => Some(look(socket.get_ref())),
            (State::Lent, Some(door)) => Some(door.with(look)),
            _ => None,
        }
    }

    /// Takes the socket away from where clients are taken.
    fn take_back(&mut self) -> Option<Listening> {
        match std::mem::replace(&mut self.state, State::Nothing) {
            State::Open(socket) => Some(socket.into_inner()),
            State::Paused(listening) => Some(listening),
            State::Lent => self.door.as_ref().and_then(|door| door.take()),
            State::Nothing => None,
        }
    }

    /// Takes who is in the kernel's queue already, and refuses from then on; the address stays ours.
    async fn refuse(&mut self) -> io::Result<usize> {
        let begin = |listening: &Listening| listening.may_refuse().and_then(|()| listening.begin_refusing());
        let Some(successor) = self.with(begin) else { return Ok(0) };
        let successor = successor?;
        self.door.iter().for_each(|door| door.shut());
        let mut taken = 0;
        // Whoever comes in the meantime is taken as well, but a storm cannot keep a pause from happening.
        let queue = usize::try_from(self.taker.reception.shared.limits().backlog).unwrap_or(0);
        for _ in 0..queue.saturating_mul(2).max(BURST_MAX) {
            match self.take_one().await {
                Taken::One => taken += 1,
                Taken::Lost => {}
                Taken::None | Taken::NoPlace => break,
            }
        }
        self.keep_refusing(successor).map(|()| taken)
    }

    fn keep_refusing(&mut self, successor: Successor) -> io::Result<()> {
        let Some(mut listening) = self.take_back() else { return Ok(()) };
        let refused = listening.refuse(successor);
        self.state = State::Paused(listening);
        self.is_held = false;
        refused
    }

    /// Listens and takes nobody: who knocks waits in the kernel's queue.
    fn hold(&mut self) -> io::Result<usize> {
        self.listen_again()?;
        self.is_held = true;
        self.door.iter().for_each(|door| door.shut());
        Ok(0)
    }

    /// The last pause. Where others listen as well nobody is refused; they may take who waits.
    async fn end(&mut self) -> io::Result<usize> {
        let refused = self.refuse().await;
        self.is_held = true;
        self.door.iter().for_each(|door| door.shut());
        refused
    }

    fn share(&self) -> io::Result<Claim> {
        let shared = match &self.state {
            State::Paused(listening) => Some(listening.share()),
            _ => self.with(Listening::share),
        };
        let shared = shared.unwrap_or_else(|| Err(io::Error::other("the socket was let go")));
        shared.map(|(socket, address, kept)| Claim::of(socket, address, kept))
    }

    fn resume(&mut self) -> io::Result<usize> {
        self.listen_again()?;
        self.is_held = false;
        self.door.iter().for_each(|door| door.reopen());
        Ok(0)
    }

    /// A socket that listens already is given its queue anew (listen(2)).
    fn relisten(&self) -> io::Result<usize> {
        let backlog = self.taker.reception.shared.limits().backlog;
        self.with(|listening| listening.listen(backlog)).unwrap_or(Ok(())).map(|()| 0)
    }

    /// A socket that refused listens again.
    fn listen_again(&mut self) -> io::Result<()> {
        let listening = match std::mem::replace(&mut self.state, State::Nothing) {
            State::Paused(listening) => listening,
            other => {
                self.state = other;
                return Ok(());
            }
        };
        let backlog = self.taker.reception.shared.limits().backlog;
        let watched = match (listening.listen(backlog), &self.door) {
            (Ok(()), None) => watch(listening).map(State::Open),
            (Ok(()), Some(door)) => {
                door.put(listening);
                Ok(State::Lent)
            }
            (Err(error), _) => Err((listening, error)),
        };
        match watched {
            Ok(state) => {
                self.state = state;
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

impl Drop for Listener {
    fn drop(&mut self) {
        self.door.iter().for_each(|door| door.end());
    }
}
