//! A listening socket whose clients are taken on another thread than the one that opens and shuts it: where one event loop
//! serves them all it takes them as well, which spares the hand-over of each; and whoever operates the server need not wait
//! for a handler that holds that loop up.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use crate::event::Event;
use crate::listening::Listening;
use crate::taker::{Accepted, Source, TROUBLE, Taker, forget_readiness, is_used_up, watch};

/// The door of one listening place. Its lock is held for one accept, and while the socket changes.
pub(crate) struct Door {
    inside: Mutex<Inside>,
    /// Told when the socket is another one, or clients may be taken again or no more. One waits for it.
    changed: Notify,
}

struct Inside {
    /// Nothing while it listens nowhere.
    listening: Option<Listening>,
    may_take: bool,
    is_over: bool,
}

impl Door {
    /// One behind which clients may be taken at once.
    pub(crate) fn open(listening: Listening) -> Arc<Door> {
        let inside = Inside { listening: Some(listening), may_take: true, is_over: false };
        Arc::new(Door { inside: Mutex::new(inside), changed: Notify::new() })
    }

    /// Takes no more clients there from here on, not even one that is being taken.
    pub(crate) fn shut(&self) {
        self.inside().may_take = false;
        self.changed.notify_one();
    }

    /// Takes clients there again.
    pub(crate) fn reopen(&self) {
        self.inside().may_take = true;
        self.changed.notify_one();
    }

    /// Nobody opens it any more.
    pub(crate) fn end(&self) {
        let mut inside = self.inside();
        inside.is_over = true;
        inside.listening = None;
        drop(inside);
        self.changed.notify_one();
    }

    /// Takes the socket out; nobody takes clients then.
    pub(crate) fn take(&self) -> Option<Listening> {
        let mut inside = self.inside();
        inside.may_take = false;
        let listening = inside.listening.take();
        drop(inside);
        self.changed.notify_one();
        listening
    }

    /// Puts the socket in; clients may be taken when the door is opened.
    pub(crate) fn put(&self, listening: Listening) {
        self.inside().listening = Some(listening);
    }

    /// Looks at the socket.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Listening) -> io::Result<T>) -> io::Result<T> {
        let inside = self.inside();
        inside.listening.as_ref().map_or_else(|| Err(io::Error::other("the socket was let go")), look)
    }

    /// Takes clients on this thread's event loop, until the door is never opened again.
    pub(crate) async fn tend(self: Arc<Door>, mut taker: Taker) {
        loop {
            let watched = match self.look() {
                Look::Over => return,
                Look::Shut => {
                    self.changed.notified().await;
                    continue;
                }
                Look::Open(socket) => socket.and_then(|socket| watch(socket).map_err(|(_, error)| error)),
            };
            match watched {
                Ok(watched) => self.take_from(&watched, &mut taker).await,
                Err(why) => {
                    taker.reception.shared.tell(&Event::AcceptFailed { why: why.to_string() });
                    tokio::time::sleep(TROUBLE).await;
                }
            }
        }
    }

    /// Takes clients until the door changes.
    async fn take_from(&self, watched: &AsyncFd<OwnedFd>, taker: &mut Taker) {
        let source = Through { door: self, watched };
        loop {
            tokio::select! {
                biased;
                () = self.changed.notified() => return,
                offer = taker.knock(watched) => taker.take_burst(&source, offer).await,
            }
        }
    }

    fn look(&self) -> Look {
        let inside = self.inside();
        match &inside.listening {
            _ if inside.is_over => Look::Over,
            Some(listening) if inside.may_take => Look::Open(listening.as_fd().try_clone_to_owned()),
            _ => Look::Shut,
        }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How the door is.
enum Look {
    /// Clients may be taken: a copy of the socket, to be woken by.
    Open(io::Result<OwnedFd>),
    Shut,
    Over,
}

/// Clients that come through a door.
struct Through<'a> {
    door: &'a Door,
    watched: &'a AsyncFd<OwnedFd>,
}

impl Source for Through<'_> {
    fn accept<T>(&self, enter: impl FnOnce(Accepted) -> T) -> io::Result<T> {
        let inside = self.door.inside();
        let entered = match &inside.listening {
            Some(listening) if inside.may_take => listening.take_next().map(enter),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        };
        drop(inside);
        if is_used_up(&entered) {
            forget_readiness(self.watched);
        }
        entered
    }
}

/// The one who operates the server takes clients as well, while the door is shut.
impl Source for Door {
    fn accept<T>(&self, enter: impl FnOnce(Accepted) -> T) -> io::Result<T> {
        self.with(Listening::take_next).map(enter)
    }
}
