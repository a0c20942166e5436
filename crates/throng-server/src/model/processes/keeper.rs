//! The keeper of one worker, in the first process: starts it, passes its clients on, hears how they end, tells it who is to
//! be cut, what is allowed by now and when a drain begins, and starts it again when it dies.
//!
//! Nothing here waits for a worker without looking at everything else meanwhile. What the line does not take stays here: one
//! letter. Then nothing more is taken from the way, and while that is full the acceptor waits.

use std::collections::{BTreeMap, VecDeque};
use std::io::ErrorKind;
use std::os::fd::AsFd;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::SyncSender;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Wake, Waker};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, watch};
use tokio::time::MissedTickBehavior;

use super::READY_MAX;
use super::letter::{self, Account, Entry, LETTER_BYTES_MAX, Order};
use super::worker_process::WorkerProcess;
use crate::arrival::{Admission, Arrival, Refusal, Visitor};
use crate::clock::{self, millis};
use crate::end::End;
use crate::event::Event;
use crate::model::Up;
use crate::peer::ConnId;
use crate::seats::Turn;
use crate::shared::Shared;
use crate::start_error::StartError;
use crate::ticket::{CUT, Open};

/// How often deadlines are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How long a worker has to end when the server is over, before it is killed.
const OVER_MAX: Duration = Duration::from_millis(500);

/// A worker that lived so long was no failure: the next one starts at once.
const STEADY: Duration = Duration::from_secs(60);

/// How long the second start of a worker that keeps dying waits, and how long each start waits at most: what kills it at its
/// birth must not take all our time, and what has passed is found out soon.
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(10);

/// What a keeper is made from.
pub(super) struct Plan {
    pub number: usize,
    pub count: usize,
    pub shared: Arc<Shared>,
    pub up: Up,
}

/// The keeper of one worker.
pub(super) struct Keeper {
    plan: Plan,
    arrivals: mpsc::Receiver<Arrival>,
    /// To the one who starts the server, until its worker is ready for the first time.
    starting: Option<SyncSender<Result<(), StartError>>>,
    notices: Arc<Notices>,
    changes: watch::Receiver<()>,
    drain: watch::Receiver<bool>,
    served: BTreeMap<ConnId, Served>,
    /// Those who are told why they are not served.
    refused: BTreeMap<u64, Refusal>,
    last_refused: u64,
    /// Those whom a worker that died had not taken yet, and whether they were passed on to it; no more than its line had room
    /// for, and one that waited for room.
    again: VecDeque<(Arrival, bool)>,
    /// What the line did not take yet.
    outgoing: Option<Outgoing>,
    /// The worker is gone, and only its last words are still to be heard: whoever asked again and again whether something can
    /// be said would never come to hear them.
    is_gone: bool,
}

/// A connection that its worker has, or will have.
struct Served {
    open: Open,
    turn: Turn,
    /// Until the worker has told that it took it: whoever lies in the line when a worker dies is for the next one.
    visitor: Option<Visitor>,
    /// It was passed to a worker before, which died. It may be why, so it has no third.
    again: bool,
    /// Notes that it is to be looked at.
    waker: Waker,
}

/// A letter on its way, with the client in it.
struct Outgoing {
    letter: Vec<u8>,
    client: Option<Arrival>,
    again: bool,
}

/// Connections that were woken, by anybody. Whoever is woken is not watched until the keeper has looked at it, so that none is
/// in the list more than twice.
#[derive(Default)]
struct Notices {
    woken: Mutex<Vec<ConnId>>,
    some: Notify,
}

/// Wakes the keeper for one connection.
struct Notice {
    id: ConnId,
    notices: Arc<Notices>,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.notices.woken.lock().unwrap_or_else(PoisonError::into_inner).push(self.id);
        self.notices.some.notify_one();
    }
}

/// How a worker is.
struct Stand {
    pid: u32,
    ready: bool,
    told_drain: bool,
    /// By when it must be ready, and later, by when it must have ended.
    deadline_ms: Option<u64>,
    /// The server is over.
    ending: bool,
}

impl Keeper {
    pub(super) fn new(
        plan: Plan,
        arrivals: mpsc::Receiver<Arrival>,
        starting: SyncSender<Result<(), StartError>>,
    ) -> Keeper {
        let (changes, drain) = (plan.shared.watch_changes(), plan.shared.watch_drain());
        Keeper {
            plan,
            arrivals,
            starting: Some(starting),
            notices: Arc::default(),
            changes,
            drain,
            served: BTreeMap::new(),
            refused: BTreeMap::new(),
            last_refused: 0,
            again: VecDeque::new(),
            outgoing: None,
            is_gone: false,
        }
    }

    /// Keeps a worker until the server is over.
    pub(super) async fn run(mut self) {
        let mut wait = Wait::default();
        loop {
            let begun_ms = clock::now_ms();
            let mut pid = None;
            let told = self.plan.shared.told_to_workers();
            let how = match WorkerProcess::start(self.plan.number, self.plan.count, told) {
                Ok(mut process) => {
                    pid = Some(process.pid());
                    self.employ(&mut process).await;
                    self.plan.up.set(self.plan.number, false);
                    self.plan.shared.note_process(self.plan.number, None);
                    process.reap(OVER_MAX).await
                }
                Err(why) => format!("it could not be started: {why}"),
            };
            let closed = self.arrivals.is_closed();
            let end = if closed { End::Drained } else { End::Failed(format!("its worker ended: {how}")) };
            self.conclude_all(&end);
            if let Some(starting) = self.starting.take() {
                // Whoever starts the server may have given up already.
                let _ = starting.send(Err(StartError::Worker { number: self.plan.number, how }));
                break;
            }
            if closed {
                break;
            }
            let lived = Duration::from_millis(clock::now_ms().saturating_sub(begun_ms));
            let restart_in = (!self.is_over()).then(|| wait.after(lived));
            self.plan.shared.tell(&Event::WorkerEnded { worker: self.plan.number, pid, how, restart_in });
            match restart_in {
                Some(restart_in) if self.wait(restart_in).await => {}
                _ => break,
            }
        }
        self.arrivals.close();
        while let Some(arrival) = self.arrivals.recv().await {
            conclude(arrival, End::Drained);
        }
        self.again.drain(..).for_each(|(client, _)| conclude(client, End::Drained));
    }

    /// Is there nobody to serve any more? Nobody new comes in a drain.
    fn is_over(&self) -> bool {
        self.arrivals.is_closed() || self.plan.shared.is_draining()
    }

    /// Waits before the next start. `false` when the server is over meanwhile, which nobody tells a keeper without a
    /// worker: it looks.
    async fn wait(&self, wait: Duration) -> bool {
        let until_ms = clock::now_ms().saturating_add(millis(wait));
        while !self.is_over() {
            let left_ms = until_ms.saturating_sub(clock::now_ms());
            if left_ms == 0 {
                return true;
            }
            tokio::time::sleep(LOOK_EVERY.min(Duration::from_millis(left_ms))).await;
        }
        false
    }

    /// Works with a worker until its end, or until it must be ended.
    async fn employ(&mut self, process: &mut WorkerProcess) {
        let ready_by_ms = clock::now_ms().saturating_add(millis(READY_MAX));
        let mut stand = Stand {
            pid: process.pid(),
            ready: false,
            told_drain: false,
            deadline_ms: Some(ready_by_ms),
            ending: false,
        };
        let mut heard = vec![0; LETTER_BYTES_MAX];
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let notices = Arc::clone(&self.notices);
        self.is_gone = false;
        // It knows only what its own start was given.
        self.changes.mark_changed();
        loop {
            let speaks = stand.ready && !self.is_gone;
            let idle = speaks && self.outgoing.is_none() && !stand.ending;
            tokio::select! {
                letter = process.line.hear(&mut heard) => match letter {
                    // What it has said before it went comes behind this error.
                    Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
                    Ok((0, _)) | Err(_) => return,
                    // One that talks nonsense is out of its mind.
                    Ok((length, _)) => if self.learn(&heard[..length], &mut stand).is_err() {
                        return process.kill();
                    },
                },
                () = process.line.writable(), if speaks && self.outgoing.is_some() => self.post(process),
                () = notices.some.notified(), if idle => self.cut_all(process),
                () = changed(&mut self.changes), if idle => {
                    let allow = self.allowed();
                    self.say(&allow, process);
                }
                () = begun(&mut self.drain), if idle && !stand.told_drain => {
                    stand.told_drain = true;
                    self.say(&Order::Drain, process);
                }
                arrival = next(&mut self.again, &mut self.arrivals), if idle => match arrival {
                    Some((arrival, again)) => self.pass_on(arrival, again, process),
                    None => stand.end(process),
                },
                _ = looks.tick() => {
                    // A worker that takes no letter must not hold the end up.
                    if self.arrivals.is_closed() && !stand.ending && (!stand.ready || self.outgoing.is_some()) {
                        stand.end(process);
                    }
                    if stand.deadline_ms.is_some_and(|deadline_ms| clock::now_ms() >= deadline_ms) {
                        return process.kill();
                    }
                }
            }
        }
    }

    /// Takes what a worker tells into the books.
    fn learn(&mut self, letter: &[u8], stand: &mut Stand) -> std::io::Result<()> {
        for account in letter::read_all::<Account>(letter)? {
            match account {
                Account::Ready => {
                    stand.ready = true;
                    if !stand.ending {
                        stand.deadline_ms = None;
                    }
                    self.plan.up.set(self.plan.number, true);
                    self.plan.shared.note_process(self.plan.number, Some(stand.pid));
                    if let Some(starting) = self.starting.take() {
                        // Whoever starts the server may have given up already.
                        let _ = starting.send(Ok(()));
                    }
                }
                Account::Taken { id } => {
                    // Our descriptor of its socket is closed.
                    drop(self.served.get_mut(&id).and_then(|served| served.visitor.take()));
                }
                Account::Seen { id, bytes_in, bytes_out, silent_ms, queued } => {
                    let Some(served) = self.served.get(&id) else { continue };
                    let ticket = &served.open.ticket;
                    ticket.note_told(bytes_in, bytes_out);
                    ticket.note_told_queued(usize::try_from(queued).unwrap_or(usize::MAX));
                    ticket.heard_ms.store(clock::now_ms().saturating_sub(silent_ms), Relaxed);
                }
                Account::Secured { id, secured } => {
                    let Some(served) = self.served.get(&id) else { continue };
                    served.open.ticket.peer.secure(secured);
                }
                Account::Ended { id, end, bytes_in, bytes_out } => {
                    let Some(served) = self.served.remove(&id) else { continue };
                    let ticket = &served.open.ticket;
                    ticket.note_told(bytes_in, bytes_out);
                    ticket.note_told_queued(0);
                    ticket.conclude(end);
                }
                Account::LetGo { number } => drop(self.refused.remove(&number)),
            }
        }
        Ok(())
    }

    /// Passes a client on.
    fn pass_on(&mut self, arrival: Arrival, again: bool, process: &WorkerProcess) {
        let place = arrival.visitor.place;
        let order = match &arrival.admission {
            // Kicked on its way.
            Admission::Served(open, _) if open.ticket.has(CUT) => return,
            Admission::Served(open, _) => {
                Order::Serve { id: open.ticket.id, place, peer: open.ticket.peer.clone() }
            }
            Admission::Rejected(refusal) => {
                self.last_refused += 1;
                let (number, peer) = (self.last_refused, refusal.peer.clone());
                Order::Refuse { number, place, peer, why: refusal.why, word: refusal.word.clone() }
            }
        };
        let mut letter = Vec::new();
        if self.changes.has_changed().unwrap_or(false) {
            // Whoever comes after a change is served by it.
            self.changes.mark_unchanged();
            self.allowed().write(&mut letter);
        }
        order.write(&mut letter);
        self.outgoing = Some(Outgoing { letter, client: Some(arrival), again });
        self.post(process);
    }

    /// Tells the worker who of the woken ones is cut.
    fn cut_all(&mut self, process: &WorkerProcess) {
        let woken = std::mem::take(&mut *self.notices.woken.lock().unwrap_or_else(PoisonError::into_inner));
        let mut woken = woken.into_iter();
        let mut letter = Vec::new();
        while letter::has_room(&letter)
            && let Some(id) = woken.next()
        {
            let Some(served) = self.served.get(&id) else { continue };
            if served.watch() {
                let end = served.open.ticket.end().unwrap_or(End::Kicked);
                Order::Cut { id, end }.write(&mut letter);
            }
        }
        if woken.len() > 0 {
            // The others have the next letter.
            self.notices.woken.lock().unwrap_or_else(PoisonError::into_inner).extend(woken);
            self.notices.some.notify_one();
        }
        if !letter.is_empty() {
            self.outgoing = Some(Outgoing { letter, client: None, again: false });
            self.post(process);
        }
    }

    /// What is allowed now.
    fn allowed(&self) -> Order {
        let shared = &self.plan.shared;
        Order::Allow { timeouts: shared.timeouts(), queue: shared.queue_max() }
    }

    fn say(&mut self, order: &Order, process: &WorkerProcess) {
        self.outgoing = Some(Outgoing { letter: letter::letter(order), client: None, again: false });
        self.post(process);
    }

    /// Sends what is to be sent, if the line takes it now.
    fn post(&mut self, process: &WorkerProcess) {
        let Some(Outgoing { letter, client, again }) = self.outgoing.take() else { return };
        let socket = client.as_ref().map(|client| client.visitor.socket.as_fd());
        match process.line.try_say(&letter, socket) {
            Ok(()) => client.into_iter().for_each(|client| self.enter(client, again)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.outgoing = Some(Outgoing { letter, client, again });
            }
            // The worker is gone, as the line will tell; whoever was not passed on yet is for the next one.
            Err(error) if matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset) => {
                self.is_gone = true;
                self.outgoing = client.is_some().then_some(Outgoing { letter, client, again });
            }
            Err(error) => {
                let end = End::Failed(format!("it could not be passed on: {error}"));
                client.into_iter().for_each(|client| conclude(client, end.clone()));
            }
        }
    }

    /// A client is on its way to the worker.
    fn enter(&mut self, client: Arrival, again: bool) {
        match client.admission {
            Admission::Served(open, turn) => {
                let id = open.ticket.id;
                let waker = Waker::from(Arc::new(Notice { id, notices: Arc::clone(&self.notices) }));
                let served = Served { open, turn, visitor: Some(client.visitor), again, waker };
                if served.watch() {
                    served.waker.wake_by_ref();
                }
                self.served.insert(id, served);
            }
            Admission::Rejected(refusal) => drop(self.refused.insert(self.last_refused, refusal)),
        }
    }

    /// Whom the worker left behind is closed. Those whom it had not taken are for the next one.
    fn conclude_all(&mut self, end: &End) {
        self.refused.clear();
        for served in std::mem::take(&mut self.served).into_values() {
            match served {
                Served { open, turn, visitor: Some(visitor), again: false, .. }
                    if *end != End::Drained && !open.ticket.has(CUT) =>
                {
                    let client = Arrival { visitor, admission: Admission::Served(open, turn) };
                    self.again.push_back((client, true));
                }
                Served { open, .. } => {
                    open.ticket.note_told_queued(0);
                    open.ticket.conclude(end.clone());
                }
            }
        }
        // Nobody has to be cut any more.
        self.notices.woken.lock().unwrap_or_else(PoisonError::into_inner).clear();
        if let Some(Outgoing { client: Some(client), again, .. }) = self.outgoing.take() {
            self.again.push_back((client, again));
        }
    }
}

impl Served {
    /// Watches for whatever happens to it in this process. `true` when it is cut already.
    fn watch(&self) -> bool {
        let ticket = &self.open.ticket;
        ticket.reader.register(&self.waker);
        ticket.has(CUT)
    }
}

impl Stand {
    /// The server is over: the worker ends when it has read all that it was told.
    fn end(&mut self, process: &WorkerProcess) {
        self.ending = true;
        self.deadline_ms = Some(clock::now_ms().saturating_add(millis(OVER_MAX)));
        process.line.end();
    }
}

/// The next client, and was it passed on before? Cancel-safe.
async fn next(
    again: &mut VecDeque<(Arrival, bool)>,
    arrivals: &mut mpsc::Receiver<Arrival>,
) -> Option<(Arrival, bool)> {
    match again.pop_front() {
        Some(before) => Some(before),
        None => arrivals.recv().await.map(|arrival| (arrival, false)),
    }
}

/// Waits until limits or timeouts change.
async fn changed(changes: &mut watch::Receiver<()>) {
    // An error cannot be: we are among those who keep it.
    let _ = changes.changed().await;
}

/// Waits until a drain has begun.
async fn begun(drain: &mut watch::Receiver<bool>) {
    // An error cannot be: we are among those who keep it.
    let _ = drain.wait_for(|draining| *draining).await;
}

/// A client that comes to no worker any more.
fn conclude(arrival: Arrival, end: End) {
    if let Admission::Served(open, _) = arrival.admission {
        open.ticket.conclude(end);
    }
}

/// How long a worker's next start waits, by how often it died young.
#[derive(Debug, Default)]
struct Wait {
    last: Option<Duration>,
}

impl Wait {
    fn after(&mut self, lived: Duration) -> Duration {
        let wait = match self.last {
            _ if lived >= STEADY => Duration::ZERO,
            None => Duration::ZERO,
            Some(last) => (last * 2).clamp(WAIT_FIRST, WAIT_MAX),
        };
        self.last = Some(wait);
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_dies_young_waits_longer_each_time_and_never_too_long() {
        let mut wait = Wait::default();
        let mut after = |lived_ms: u64, expected_ms: u64| {
            assert_eq!(wait.after(Duration::from_millis(lived_ms)), Duration::from_millis(expected_ms));
        };
        after(5, 0);
        for expected_ms in [100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000] {
            after(5, expected_ms);
        }
        after(59_999, 10_000);
        after(60_000, 0);
        after(5, 100);
    }
}
