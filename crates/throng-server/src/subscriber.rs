//! Those who want to hear every event at their own pace: each has a queue, and who is too slow is told how much it missed.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast::{self, error::RecvError};

use crate::event::Event;

/// How many may subscribe to one server: each event is copied for each of them, by the thread on which it happens. One that was
/// dropped makes room. Example: [`Subscriber::recv`].
pub const SUBSCRIBERS_MAX: usize = 16;

/// Events that are kept for one subscriber at most; the places for them are made at once, some 300 bytes each. More is asked
/// for in vain: [`crate::Running::subscribe`] takes it for this.
///
/// ```
/// assert_eq!(throng_server::subscriber::KEPT_MAX, 65_536); // some 20 MB
/// ```
pub const KEPT_MAX: usize = 1 << 16;

/// What a subscriber is told. Whoever counts events counts with [`Told::Missed`]; [`crate::Running::stats`] misses nothing.
///
/// ```
/// use throng_server::{Conn, Event, Pause, Server, State, Told};
///
/// # fn main() -> throng_server::Result {
/// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
/// let mut told = running.subscribe(1)?; // too few: the second event overwrites the first
/// running.pause(Pause::Refuse)?;
/// running.resume()?;
/// assert!(matches!(told.next(), Some(Told::Missed(1))));
/// assert!(matches!(told.next(), Some(Told::Event(Event::StateChanged { to: State::Open, .. }))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub enum Told {
    /// Something happened.
    Event(Event),
    /// It was too slow: so many events are lost to it. What comes next is the oldest that is still kept.
    Missed(u64),
}

/// Hears what happens, from [`crate::Running::subscribe`] on. It is an iterator for threads, and has
/// [`Subscriber::recv`] for tasks; both end when the server is over. It keeps no server running.
///
/// ```
/// use throng_server::{Conn, Event, Server, Told};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
/// let told = running.subscribe(1024)?;
/// let address = running.addresses()[0].to_string();
/// std::net::TcpStream::connect(&address)?;
/// let watching = std::thread::spawn(move || {
///     told.filter(|told| matches!(told, Told::Event(Event::Closed { .. }))).count()
/// });
/// running.shutdown().wait();
/// assert_eq!(watching.join().unwrap(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Subscriber {
    events: broadcast::Receiver<Event>,
}

impl Subscriber {
    /// The next event. `None` when the server is over. Cancel-safe.
    ///
    /// ```
    /// # use throng_server::{Conn, Event, Server, State, Told};
    /// use throng_server::subscriber::SUBSCRIBERS_MAX;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> throng_server::Result {
    /// # let running = Server::new(|_: Conn| async { Ok(()) }).listen("127.0.0.1:0").start()?;
    /// let mut told: Vec<_> = (0..SUBSCRIBERS_MAX).map(|_| running.subscribe(16).unwrap()).collect();
    /// assert!(running.subscribe(16).is_err(), "one more is too many");
    /// running.shutdown();
    /// let first = told[0].recv().await;
    /// assert!(matches!(first, Some(Told::Event(Event::StateChanged { to: State::Draining, .. }))));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn recv(&mut self) -> Option<Told> {
        told(self.events.recv().await)
    }

    /// The same for a thread that may wait; what the iterator does. Example: [`Subscriber`].
    ///
    /// # Panics
    /// Inside a runtime, where no thread may wait; a task uses [`Subscriber::recv`].
    pub fn blocking_recv(&mut self) -> Option<Told> {
        told(self.events.blocking_recv())
    }
}

impl Iterator for Subscriber {
    type Item = Told;

    /// As [`Subscriber::blocking_recv`].
    fn next(&mut self) -> Option<Told> {
        self.blocking_recv()
    }
}

fn told(received: Result<Event, RecvError>) -> Option<Told> {
    match received {
        Ok(event) => Some(Told::Event(event)),
        Err(RecvError::Lagged(missed)) => Some(Told::Missed(missed)),
        Err(RecvError::Closed) => None,
    }
}

/// All who subscribed. The lock is held while they are told, which waits for nobody, so that all hear one order.
#[derive(Debug, Default)]
pub(crate) struct Subscribers {
    /// How many, so that an event costs a look where nobody subscribed.
    count: AtomicUsize,
    ways: Mutex<Ways>,
}

#[derive(Debug, Default)]
struct Ways {
    open: Vec<broadcast::Sender<Event>>,
    over: bool,
}

impl Subscribers {
    /// One more, for whom so many events are kept.
    pub(crate) fn add(&self, capacity: usize) -> io::Result<Subscriber> {
        let mut ways = self.ways();
        ways.open.retain(|way| way.receiver_count() > 0);
        if ways.open.len() >= SUBSCRIBERS_MAX {
            return Err(io::Error::other(format!("there are {SUBSCRIBERS_MAX} subscribers already")));
        }
        let (way, events) = broadcast::channel(capacity.clamp(1, KEPT_MAX));
        if !ways.over {
            ways.open.push(way);
        }
        self.count.store(ways.open.len(), Relaxed);
        Ok(Subscriber { events })
    }

    pub(crate) fn tell(&self, event: &Event) {
        if self.count.load(Relaxed) == 0 {
            return;
        }
        let mut ways = self.ways();
        // Whoever does not listen any more is forgotten.
        ways.open.retain(|way| way.send(event.clone()).is_ok());
        self.count.store(ways.open.len(), Relaxed);
    }

    /// Nothing more happens.
    pub(crate) fn end(&self) {
        *self.ways() = Ways { open: Vec::new(), over: true };
        self.count.store(0, Relaxed);
    }

    /// Nothing here could be left half done by a panic.
    fn ways(&self) -> MutexGuard<'_, Ways> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(why: u64) -> Event {
        Event::AcceptFailed { why: why.to_string() }
    }

    fn next(subscriber: &mut Subscriber) -> String {
        match subscriber.next() {
            Some(Told::Event(Event::AcceptFailed { why })) => why,
            Some(Told::Missed(missed)) => format!("{missed} missed"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn who_is_too_slow_hears_how_much_it_missed_and_goes_on_with_what_is_kept() {
        let all = Subscribers::default();
        let (mut slow, mut quick) = (all.add(4).unwrap(), all.add(100).unwrap());
        (0..10).for_each(|number| all.tell(&failed(number)));
        all.end();
        let heard: Vec<_> = (0..6).map(|_| next(&mut slow)).collect();
        assert_eq!(heard, ["6 missed", "6", "7", "8", "9", "None"]);
        let heard: Vec<_> = (0..11).map(|_| next(&mut quick)).collect();
        assert_eq!((&*heard[0], &*heard[9], &*heard[10]), ("0", "9", "None"));
    }

    #[test]
    fn there_are_not_more_than_may_be_and_who_left_makes_room() {
        let all = Subscribers::default();
        let mut kept: Vec<_> = (0..SUBSCRIBERS_MAX).map(|_| all.add(1).unwrap()).collect();
        assert!(all.add(1).is_err());
        kept.pop();
        all.add(0).unwrap();
        kept.clear();
        all.tell(&failed(1));
        assert_eq!(all.count.load(Relaxed), 0);
    }

    #[test]
    fn who_subscribes_behind_the_end_hears_the_end() {
        let all = Subscribers::default();
        all.end();
        assert!(all.add(1).unwrap().next().is_none());
    }
}
