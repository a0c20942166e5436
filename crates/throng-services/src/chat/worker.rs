//! One worker: all seats of one core, and the fan-out to them.
//!
//! Deliveries come from the hub in order and are carried out at once: nothing here waits for the hub, for a seat
//! or for a lock, so nobody ever waits for a slow reader. An event for many is rendered once per view and its
//! bytes appended to each outbox; the server library writes each dirty outbox once per turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;

use throng_chat::{Command, Event, Name, Refusal, SessionId, Text};
use throng_server::{Address, Conn, ConnId, End, LocalHandler, Outbox, Worker};
use throng_store::{Fault, History, Store};
use tokio::sync::{mpsc, oneshot};

use super::browsers::Browsers;
use super::delivery::{Delivery, TURNS_WAITING_MAX};
use super::door::line::LineDoor;
use super::door::{AccountAnswer, Door, Errand, Footing, Heard};
use super::fanout::Told;
use super::figures::{Desk as Counted, Figures};
use super::house::House;
use super::live::Live;
use super::mailbox::HubHandle;
use super::notes::Note;
use super::rendering::{Renderings, render, room_of};
use super::seat;
use super::seats::{Hold, Seat, Seats, Started, Waiting};
use crate::bans::{Bans, Evicted};
use crate::identity::Identity;
use crate::watching::Health;

/// What the seats of one worker share.
pub struct Core {
    /// The chat's settings.
    pub house: Arc<House>,
    /// Those of them that may change while it runs.
    pub live: Arc<Live>,
    /// The way to the hub.
    pub hub: HubHandle,
    /// Who is who, if there are accounts.
    pub identity: Option<Identity>,
    /// Who is not wanted.
    pub bans: Bans,
    store: Arc<dyn Store>,
    /// What is counted.
    figures: Arc<Figures>,
    index: usize,
    /// Who asks how this server is.
    pub health: Health,
    pub(super) seats: RefCell<Seats>,
    pub(super) renderings: RefCell<Renderings>,
    /// Counts what was told to several rooms at once, so that nobody hears it twice.
    pub(super) told: Cell<u64>,
    /// Who has said nothing yet, oldest first, with the time of the greeting.
    pub(super) newcomers: RefCell<VecDeque<(u64, SessionId)>>,
    /// Those of them who seem to be browsers, likewise.
    pub(super) spare: RefCell<VecDeque<(u64, SessionId)>>,
    pub(super) browsers: Arc<Browsers>,
    pub(super) now_ms: Cell<u64>,
    pub(super) inspected_ms: Cell<u64>,
}

/// What all workers of one chat share.
#[derive(Clone)]
pub struct Shared {
    /// Who opens connections ahead.
    pub browsers: Arc<Browsers>,
    /// What is counted.
    pub figures: Arc<Figures>,
    /// Who asks how this server is.
    pub health: Health,
}

/// The handler of one worker.
pub struct ChatWorker {
    core: Rc<Core>,
}

impl ChatWorker {
    /// Begins a worker, with the deliveries that the hub sends to it.
    pub fn new(
        worker: &Worker,
        (house, live): (Arc<House>, Arc<Live>),
        (hub, bans): (HubHandle, Bans),
        identity: Option<Identity>,
        store: Arc<dyn Store>,
        deliveries: mpsc::Receiver<Vec<Delivery>>,
        shared: Shared,
    ) -> ChatWorker {
        let Shared { browsers, figures, health } = shared;
        let core = Rc::new(Core {
            house,
            live,
            hub,
            identity,
            bans,
            store,
            figures,
            index: worker.index(),
            health,
            seats: RefCell::new(Seats::new(worker.index())),
            renderings: RefCell::default(),
            told: Cell::new(0),
            newcomers: RefCell::default(),
            spare: RefCell::default(),
            browsers,
            now_ms: Cell::new(worker.now_ms()),
            inspected_ms: Cell::new(0),
        });
        worker.spawn_local(deliver(Rc::clone(&core), deliveries));
        ChatWorker { core }
    }
}

impl LocalHandler for ChatWorker {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        seat::serve(Rc::clone(&self.core), conn).await
    }

    fn sweep(&self, now_ms: u64) {
        self.core.sweep(now_ms);
    }
}

/// Carries out what the hub sends, for as long as the hub lives.
async fn deliver(core: Rc<Core>, mut deliveries: mpsc::Receiver<Vec<Delivery>>) {
    let mut turns = Vec::with_capacity(TURNS_WAITING_MAX);
    let (mut run, mut since) = (Vec::new(), Vec::new());
    while deliveries.recv_many(&mut turns, TURNS_WAITING_MAX).await > 0 {
        let mut seats = core.seats.borrow_mut();
        let mut deliveries = turns.drain(..).flatten().peekable();
        while let Some(delivery) = deliveries.next() {
            match Told::to_room(delivery) {
                Ok((room, told)) => {
                    run.push(told);
                    while let Some(next) = deliveries.next_if(|next| Told::is_to(next, room)) {
                        run.extend(Told::to_room(next).map(|(_, told)| told));
                    }
                    core.tell_room(&mut seats, room, &run);
                    since.extend(run.drain(..).filter_map(|told| told.at));
                }
                Err(delivery) => core.carry_out(&mut seats, delivery),
            }
        }
        // One look at the clock, however much there was and however many were told.
        if !since.is_empty() {
            let now = core.figures.now();
            let delivery = &core.figures().delivery;
            since.drain(..).for_each(|at| delivery.record(now.saturating_sub(at)));
        }
    }
}

impl Core {
    /// What this worker counts.
    pub fn figures(&self) -> &Counted {
        self.figures.of(self.index)
    }

    /// A seat asks the hub. What is said is on its way from here on.
    pub async fn ask_hub(&self, session: SessionId, command: Command) {
        let is_said = matches!(command, Command::Say(..));
        if is_said && let Some(seat) = self.seats.borrow_mut().of(session) {
            self.figures().heard(seat.look.face, &command);
        }
        let at = is_said.then(|| self.figures.now());
        self.hub.ask_at(session, command, at).await;
    }

    /// Gives a new connection its seat, with the line door until its first bytes say otherwise.
    pub fn seat(&self, conn: ConnId, from: Address, footing: Footing, outbox: Outbox) -> SessionId {
        let since_ms = self.now_ms.get();
        let door = Box::new(LineDoor::new(Arc::clone(&self.house), footing));
        let session = self.seats.borrow_mut().seat(|session| Seat {
            session,
            conn,
            from,
            outbox,
            look: door.look(),
            person: None,
            last_told: 0,
            hold: None,
            focus: None,
            door,
            rooms: Vec::new(),
            awaiting: None,
            device: None,
            signed_out: false,
            signing_since_ms: None,
            since_ms,
            heard_ms: since_ms,
            probed_ms: None,
            started: Started::No,
            over: false,
        });
        let greet_at = since_ms + self.house.settings.greet_after.as_millis() as u64;
        self.newcomers.borrow_mut().push_back((greet_at, session));
        self.figures().undecided.add(1);
        session
    }

    /// How far the beginning of a seat's conversation came.
    pub fn started(&self, session: SessionId) -> Started {
        self.seats.borrow_mut().of(session).map_or(Started::Yes, |seat| seat.started)
    }

    /// A browser's request came.
    pub fn browser_asked(&self, session: SessionId) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            self.browsers.asked(seat.ip(), self.now_ms.get());
        }
    }

    /// A browser's request came when the seat had been greeted.
    pub fn came_late(&self, session: SessionId) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            self.browsers.came_late(seat.ip(), self.now_ms.get());
        }
    }

    /// The first bytes decided: this is how the client speaks.
    pub fn choose(&self, session: SessionId, door: Option<Box<dyn Door>>) {
        let mut seats = self.seats.borrow_mut();
        let Some(seat) = seats.of(session) else { return };
        if let Some(door) = door {
            seat.door = door;
            seat.look = seat.door.look();
        } else if seat.started == Started::No {
            seat.greet(None);
        }
        seat.started = Started::Yes;
        let counted = self.figures();
        counted.undecided.take_one();
        counted.door(seat.look.face).open.add(1);
        counted.door(seat.look.face).came.add(1);
        let (conn, from, door) = (seat.conn, seat.from.clone(), seat.look.face);
        self.house.notes.take(Note::Opened { conn, session, from, door });
    }

    /// The client goes on through another door than that by which it was let in.
    pub fn enter_by(&self, session: SessionId, door: Box<dyn Door>) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            seat.look = door.look();
            seat.door = door;
        }
    }

    /// Gives a seat's door what was read. What the door answers by itself is pushed at once.
    pub fn hear(&self, session: SessionId, bytes: &[u8]) -> Heard {
        let mut heard = Heard::default();
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            seat.heard_ms = self.now_ms.get();
            seat.probed_ms = None;
            seat.door.hear(bytes, &mut heard);
            seat.remember();
            seat.note_signing(self.now_ms.get());
            seat.outbox.push(&heard.reply);
        }
        heard
    }

    /// The seat stands on this device's token from here on, or on none: when that is revoked, it is over.
    pub fn stand_on(&self, session: SessionId, device: Option<(Name, u64)>) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            seat.device = device.map(Box::new);
        }
    }

    /// Tells a seat's door what came of what it asked about accounts.
    pub fn learn(&self, session: SessionId, answer: AccountAnswer) -> Heard {
        let mut heard = Heard::default();
        if let Some(seat) = self.seats.borrow_mut().of(session).filter(|seat| !seat.over) {
            seat.door.learn(answer, &mut heard);
            seat.remember();
            seat.note_signing(self.now_ms.get());
            seat.outbox.push(&heard.reply);
        }
        heard
    }

    /// From where this seat's client comes, while it is there.
    pub fn address_of(&self, session: SessionId) -> Option<Address> {
        self.seats.borrow_mut().of(session).map(|seat| seat.from.clone())
    }

    /// Has the world signed this seat out by itself since this was last asked?
    pub fn was_signed_out(&self, session: SessionId) -> bool {
        self.seats.borrow_mut().of(session).is_some_and(|seat| std::mem::take(&mut seat.signed_out))
    }

    /// Notes that a client gave a sign of life without saying anything yet.
    pub fn touch(&self, session: SessionId) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            seat.heard_ms = self.now_ms.get();
        }
    }

    /// Waits until the door no longer waits for an answer. `false` when the seat is over.
    pub async fn answered(&self, session: SessionId) -> bool {
        let answer = match self.seats.borrow_mut().of(session) {
            Some(seat) if seat.over => return false,
            Some(seat) if !seat.door.is_waiting() => return true,
            Some(seat) => seat.listen(),
            None => return false,
        };
        // The end of the seat wakes it as well; the next read tells the difference.
        answer.await.is_ok()
    }

    /// Waits until the hub has closed the session.
    pub async fn closed(&self, session: SessionId) {
        let close = match self.seats.borrow_mut().of(session) {
            Some(seat) if !seat.over => seat.listen(),
            _ => return,
        };
        // Dropped without a word when the seat is over in another way.
        let _ = close.await;
    }

    /// Does the seat's door wait for an answer?
    pub fn is_waiting(&self, session: SessionId) -> bool {
        self.seats.borrow_mut().of(session).is_some_and(|seat| !seat.over && seat.door.is_waiting())
    }

    /// The client is gone: nothing reaches this session any more.
    pub fn leave(&self, session: SessionId) {
        let mut seats = self.seats.borrow_mut();
        if let Some(seat) = seats.of(session) {
            match seat.started {
                Started::Yes => self.figures().door(seat.look.face).open.take_one(),
                Started::No | Started::Greeted => self.figures().undecided.take_one(),
            }
        }
        seats.leave(session);
    }

    /// Fetches history for a seat. What it is told meanwhile waits.
    pub fn run_errand(self: &Rc<Self>, session: SessionId, errand: Errand) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            if seat.hold.is_some() {
                return seat.wait(Waiting::Errand(errand));
            }
            self.fetch(seat, errand, VecDeque::new());
        }
    }

    fn carry_out(self: &Rc<Self>, seats: &mut Seats, delivery: Delivery) {
        match delivery {
            Delivery::Told { to, by, event, at } => {
                self.tell_many(seats, &to.rooms, &Told { by, except: to.except, event, at });
            }
            Delivery::Tell(session, event) => {
                if let Some(seat) = seats.of(session) {
                    self.tell(seat, event);
                }
            }
            Delivery::Became(session, person) => {
                if let Some(seat) = seats.of(session) {
                    seat.person = Some(person);
                }
            }
            Delivery::Entered(session, room) => seats.entered(session, room),
            Delivery::Departed(session, room) => seats.departed(session, room),
            Delivery::Close(session, why) => {
                if let Some(seat) = seats.of(session) {
                    seat.close(why);
                }
            }
            Delivery::Revoked(account, which, by) => seats.each(|seat| {
                let stands_on = |device: &(Name, u64)| device.0 == account && which.has(device.1);
                if seat.over || !seat.device.as_deref().is_some_and(stands_on) {
                    return;
                }
                if by == Some(seat.session) {
                    // Its desk knows what became of it: it stands on its password, or is signed out.
                    seat.device = None;
                } else {
                    seat.close(Text::new("this device was signed out").expect("our own words are good text"));
                }
            }),
            Delivery::Evict(evicted) => {
                seats.each(|seat| self.evict(seat, &evicted));
            }
            Delivery::Farewell(why) => seats.each(|seat| {
                seat.hold = None;
                seat.say_last(&why, End::Drained);
            }),
        }
    }

    /// Puts a seat out if its connection is one of those: at once, whatever waits for it. The hub hears why they are gone.
    fn evict(self: &Rc<Self>, seat: &mut Seat, Evicted { conns, ban }: &Evicted) {
        if seat.over || conns.binary_search(&seat.conn).is_err() {
            return;
        }
        seat.hold = None;
        let (reason, mut out) = (ban.farewell(), Vec::new());
        let refusal = Refusal::Banned { name: None, reason: ban.reason.clone(), until: ban.until };
        for event in [Event::Refused(refusal), Event::Closing { reason: reason.clone() }] {
            // The way to its history ends here.
            drop(seat.door.tell(&event, &mut out));
        }
        seat.outbox.push(&out);
        seat.say_last(&reason, End::Kicked);
        let (core, session) = (Rc::clone(self), seat.session);
        // One for each seat, and no seat twice.
        tokio::task::spawn_local(async move {
            core.hub.ask(session, Command::Gone(reason)).await;
        });
    }

    fn tell(self: &Rc<Self>, seat: &mut Seat, event: Event) {
        if seat.hold.is_some() {
            return seat.wait(Waiting::Alone(event));
        }
        match event {
            Event::SignedOut => (seat.signed_out, seat.device) = (true, None),
            Event::SignedIn { .. } => seat.signed_out = false,
            _ => {}
        }
        let mut out = Vec::new();
        let errand = seat.door.tell(&event, &mut out);
        if !out.is_empty() {
            self.figures().door(seat.look.face).told.add(1);
        }
        seat.note_signing(self.now_ms.get());
        seat.remember();
        seat.outbox.push(&out);
        if !seat.door.is_waiting() {
            seat.wake();
        }
        if let Some(errand) = errand {
            self.fetch(seat, errand, VecDeque::new());
        }
    }

    fn fetch(self: &Rc<Self>, seat: &mut Seat, errand: Errand, waiting: VecDeque<Waiting>) {
        self.figures().histories.add(1);
        let (told, found) = oneshot::channel();
        let query = History { room: errand.room.clone(), upto: errand.upto, limit: errand.limit };
        seat.hold = Some(Box::new(Hold { errand, waiting }));
        self.store.history(
            query,
            Box::new(move |entries| {
                // A seat that is gone needs no history.
                let _ = told.send(entries);
            }),
        );
        let (core, session) = (Rc::clone(self), seat.session);
        tokio::task::spawn_local(async move {
            let found = found.await.unwrap_or(Err(Fault::Closed));
            core.show(session, &found);
        });
    }

    /// Shows the history, and then what waited behind it, until the next errand.
    fn show(self: &Rc<Self>, session: SessionId, found: &Result<Vec<throng_chat::Entry>, Fault>) {
        let mut seats = self.seats.borrow_mut();
        let Some(seat) = seats.of(session) else { return };
        let Some(hold) = seat.hold.take() else { return };
        let mut out = Vec::new();
        seat.door.show_history(&hold.errand, found.as_deref(), &mut out);
        seat.outbox.push(&out);
        let mut waiting = hold.waiting;
        while let Some(next) = waiting.pop_front() {
            match next {
                Waiting::Alone(event) => self.tell(seat, event),
                Waiting::Shared { event, own } => {
                    let view = seat.view(own, room_of(&event));
                    out.clear();
                    render(view, &event, &self.house, &mut out);
                    if !out.is_empty() {
                        self.figures().door(view.look.face).told.add(1);
                    }
                    seat.outbox.push(&out);
                }
                Waiting::Errand(errand) => return self.fetch(seat, errand, waiting),
                Waiting::Close(why) => seat.close(why),
            }
            if let Some(hold) = &mut seat.hold {
                hold.waiting = waiting;
                return;
            }
        }
    }
}
