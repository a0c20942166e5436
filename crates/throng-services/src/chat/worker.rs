//! One worker: all seats of one core, and the fan-out to them.
//!
//! Deliveries come from the hub in order and are carried out at once: nothing here waits for the hub, for a seat
//! or for a lock, so nobody ever waits for a slow reader. An event for many is rendered once per view and its
//! bytes appended to each outbox; the server library writes each dirty outbox once per turn.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use throng_chat::output::Rooms;
use throng_chat::{Audience, Event, PersonId, RoomId, SessionId, Text};
use throng_server::{Conn, ConnId, End, LocalHandler, Outbox, Worker};
use throng_store::{Fault, History, Store};
use tokio::sync::{mpsc, oneshot};

use super::browsers::{self, Browsers};
use super::delivery::{Delivery, TURNS_WAITING_MAX};
use super::door::line::LineDoor;
use super::door::{Door, Errand, Heard, Probe};
use super::house::House;
use super::hub::HubHandle;
use super::notes::Note;
use super::rendering::{Renderings, View, render, room_of};
use super::seat;
use super::seats::{HOLD_MAX, Hold, Seat, Seats, Started, Waiting};

/// What the seats of one worker share.
pub struct Core {
    /// The chat's settings.
    pub house: Arc<House>,
    /// The way to the hub.
    pub hub: HubHandle,
    store: Arc<dyn Store>,
    seats: RefCell<Seats>,
    renderings: RefCell<Renderings>,
    /// Counts what was told to several rooms at once, so that nobody hears it twice.
    told: Cell<u64>,
    /// Who has said nothing yet, oldest first, with the time of the greeting.
    newcomers: RefCell<VecDeque<(u64, SessionId)>>,
    /// Those of them who seem to be browsers, likewise.
    spare: RefCell<VecDeque<(u64, SessionId)>>,
    browsers: Arc<Browsers>,
    now_ms: Cell<u64>,
    inspected_ms: Cell<u64>,
}

/// The handler of one worker.
pub struct ChatWorker {
    core: Rc<Core>,
}

/// How often a worker looks for those who are overdue or silent.
const INSPECT_EVERY_MS: u64 = 1_000;

impl ChatWorker {
    /// Begins a worker, with the deliveries that the hub sends to it.
    pub fn new(
        worker: &Worker,
        house: Arc<House>,
        hub: HubHandle,
        store: Arc<dyn Store>,
        deliveries: mpsc::Receiver<Vec<Delivery>>,
        browsers: Arc<Browsers>,
    ) -> ChatWorker {
        let core = Rc::new(Core {
            house,
            hub,
            store,
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
    let mut run = Vec::new();
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
                    run.clear();
                }
                Err(delivery) => core.carry_out(&mut seats, delivery),
            }
        }
    }
}

/// One thing that everybody in a room is told.
struct Told {
    by: Option<SessionId>,
    except: Option<PersonId>,
    event: Arc<Event>,
}

impl Told {
    /// The room that is told this, if it is one room that is; else the delivery again.
    fn to_room(delivery: Delivery) -> Result<(RoomId, Told), Delivery> {
        match delivery {
            Delivery::Told { to: Audience { rooms: Rooms::One(room), except }, by, event } => {
                Ok((room, Told { by, except, event }))
            }
            other => Err(other),
        }
    }

    fn is_to(delivery: &Delivery, room: RoomId) -> bool {
        matches!(delivery, Delivery::Told { to: Audience { rooms: Rooms::One(told), .. }, .. } if *told == room)
    }

    /// Must this seat be told in another way than all others?
    fn concerns(&self, seat: &Seat) -> bool {
        self.by == Some(seat.session) || (self.except.is_some() && self.except == seat.person)
    }
}

impl Core {
    /// Gives a new connection its seat, with the line door until its first bytes say otherwise.
    pub fn seat(&self, conn: ConnId, from: SocketAddr, outbox: Outbox) -> SessionId {
        let since_ms = self.now_ms.get();
        let door = Box::new(LineDoor::new(Arc::clone(&self.house)));
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
            since_ms,
            heard_ms: since_ms,
            probed_ms: None,
            started: Started::No,
            over: false,
        });
        let greet_at = since_ms + self.house.settings.greet_after.as_millis() as u64;
        self.newcomers.borrow_mut().push_back((greet_at, session));
        session
    }

    /// How far the beginning of a seat's conversation came.
    pub fn started(&self, session: SessionId) -> Started {
        self.seats.borrow_mut().of(session).map_or(Started::Yes, |seat| seat.started)
    }

    /// A browser's request came.
    pub fn browser_asked(&self, session: SessionId) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            self.browsers.asked(seat.from.ip(), self.now_ms.get());
        }
    }

    /// A browser's request came when the seat had been greeted.
    pub fn came_late(&self, session: SessionId) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            self.browsers.came_late(seat.from.ip(), self.now_ms.get());
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
            let mut out = Vec::new();
            seat.door.greet(&mut out);
            seat.outbox.push(&out);
        }
        seat.started = Started::Yes;
        let (conn, from, door) = (seat.conn, seat.from, seat.look.face);
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
            seat.outbox.push(&heard.reply);
        }
        heard
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
        self.seats.borrow_mut().leave(session);
    }

    /// Fetches history for a seat. What it is told meanwhile waits.
    pub fn run_errand(self: &Rc<Self>, session: SessionId, errand: Errand) {
        if let Some(seat) = self.seats.borrow_mut().of(session) {
            if seat.hold.is_some() {
                return wait(seat, Waiting::Errand(errand));
            }
            self.fetch(seat, errand, VecDeque::new());
        }
    }

    fn carry_out(self: &Rc<Self>, seats: &mut Seats, delivery: Delivery) {
        match delivery {
            Delivery::Told { to, by, event } => self.tell_many(seats, &to, by, &event),
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
                    close(seat, why);
                }
            }
            Delivery::Farewell(why) => seats.each(|seat| {
                seat.hold = None;
                say_last(seat, &why, End::Drained);
            }),
        }
    }

    /// The fan-out to one room: what it is told in one go is rendered once for each view, and appended to each outbox
    /// at once. Only for who said some of it, or is left out, each thing is looked at by itself.
    fn tell_room(&self, seats: &mut Seats, room: RoomId, run: &[Told]) {
        let mut renderings = self.renderings.borrow_mut();
        renderings.clear();
        let name = run.first().and_then(|told| room_of(&told.event));
        seats.in_room(room, |seat| {
            if seat.hold.is_some() || run.iter().any(|told| told.concerns(seat)) {
                return run.iter().for_each(|told| self.tell_one(seat, told));
            }
            let events = run.iter().map(|told| &*told.event);
            seat.outbox.push_shared(renderings.of(seat.view(false, name), events, &self.house));
        });
    }

    fn tell_one(&self, seat: &mut Seat, told: &Told) {
        if told.except.is_some() && told.except == seat.person {
            return;
        }
        let own = told.by == Some(seat.session);
        if seat.hold.is_some() {
            return wait(seat, Waiting::Shared { event: Arc::clone(&told.event), own });
        }
        let mut out = Vec::new();
        render(seat.view(own, room_of(&told.event)), &told.event, &self.house, &mut out);
        seat.outbox.push(&out);
    }

    /// The fan-out to several rooms, or to everybody.
    fn tell_many(&self, seats: &mut Seats, to: &Audience, by: Option<SessionId>, event: &Arc<Event>) {
        let mut renderings = self.renderings.borrow_mut();
        renderings.clear();
        let told = self.told.get() + 1;
        self.told.set(told);
        let room = room_of(event);
        let each = |seat: &mut Seat| {
            if seat.last_told == told || (to.except.is_some() && seat.person == to.except) {
                return;
            }
            seat.last_told = told;
            let own = by == Some(seat.session);
            if seat.hold.is_some() {
                return wait(seat, Waiting::Shared { event: Arc::clone(event), own });
            }
            let view = seat.view(own, room);
            seat.outbox.push_shared(renderings.of(view, std::iter::once(&**event), &self.house));
        };
        match &to.rooms {
            Rooms::One(room) => seats.in_room(*room, each),
            Rooms::Several(rooms) => {
                let mut each = each;
                rooms.iter().for_each(|room| seats.in_room(*room, &mut each));
            }
            Rooms::Everybody => {
                let mut each = each;
                seats.each(|seat| {
                    if seat.person.is_some() {
                        each(seat);
                    }
                });
            }
        }
    }

    fn tell(self: &Rc<Self>, seat: &mut Seat, event: Event) {
        if seat.hold.is_some() {
            return wait(seat, Waiting::Alone(event));
        }
        let mut out = Vec::new();
        let errand = seat.door.tell(&event, &mut out);
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
                    seat.outbox.push(&out);
                }
                Waiting::Errand(errand) => return self.fetch(seat, errand, waiting),
                Waiting::Close(why) => close(seat, why),
            }
            if let Some(hold) = &mut seat.hold {
                hold.waiting = waiting;
                return;
            }
        }
    }

    fn sweep(&self, now_ms: u64) {
        self.now_ms.set(now_ms);
        self.greet(now_ms);
        if now_ms.saturating_sub(self.inspected_ms.get()) >= INSPECT_EVERY_MS {
            self.inspected_ms.set(now_ms);
            self.inspect(now_ms);
        }
    }

    fn greet(&self, now_ms: u64) {
        while let Some(session) = due(&self.newcomers, now_ms) {
            let mut seats = self.seats.borrow_mut();
            let Some(seat) = seats.of(session).filter(|seat| seat.started == Started::No) else { continue };
            if self.browsers.opened(seat.from.ip(), seat.since_ms, now_ms) {
                let greet_at = seat.since_ms + browsers::GREET_AFTER.as_millis() as u64;
                self.spare.borrow_mut().push_back((greet_at, session));
            } else {
                greet(seat);
            }
        }
        while let Some(session) = due(&self.spare, now_ms) {
            if let Some(seat) = self.seats.borrow_mut().of(session).filter(|seat| seat.started == Started::No)
            {
                greet(seat);
            }
        }
    }

    /// Ends who has no name for too long, probes who is silent, ends who does not answer.
    fn inspect(&self, now_ms: u64) {
        let settings = &self.house.settings;
        let nameless_max = settings.nameless_max.as_millis() as u64;
        let probe_after = settings.probe_after.as_millis() as u64;
        self.seats.borrow_mut().each(|seat| {
            // Who was told the last words is the server library's to end.
            if seat.over {
                return;
            }
            if seat.person.is_none() {
                if now_ms.saturating_sub(seat.since_ms) >= nameless_max {
                    say_last(seat, &text("no name was given in time"), End::TimedOut);
                }
                return;
            }
            let silent = now_ms.saturating_sub(seat.probed_ms.unwrap_or(seat.heard_ms));
            let patience = if seat.probed_ms.is_some() { probe_after / 2 } else { probe_after };
            if silent < patience {
                return;
            }
            if seat.probed_ms.is_some() {
                return seat.outbox.cut(End::TimedOut);
            }
            let mut out = Vec::new();
            match seat.door.probe(&mut out) {
                Probe::Answers => seat.probed_ms = Some(now_ms),
                Probe::Silent => seat.heard_ms = now_ms,
            }
            seat.outbox.push(&out);
        });
    }
}

impl Seat {
    fn view(&self, own: bool, room: Option<&throng_chat::RoomName>) -> View {
        View { look: self.look, own, here: room.is_some() && self.focus.as_ref() == room }
    }

    /// Keeps what the fan-out needs of the door beside the outbox.
    fn remember(&mut self) {
        self.look = self.door.look();
        if self.focus.as_ref() != self.door.focus() {
            self.focus = self.door.focus().cloned();
        }
    }

    fn listen(&mut self) -> oneshot::Receiver<()> {
        let (told, listening) = oneshot::channel();
        self.awaiting = Some(told);
        listening
    }

    fn wake(&mut self) {
        if let Some(awaiting) = self.awaiting.take() {
            // A seat loop that no longer listens has ended.
            let _ = awaiting.send(());
        }
    }
}

/// Who is next to be greeted, if it is time.
fn due(queue: &RefCell<VecDeque<(u64, SessionId)>>, now_ms: u64) -> Option<SessionId> {
    let mut queue = queue.borrow_mut();
    queue.front().filter(|(greet_at, _)| *greet_at <= now_ms)?;
    queue.pop_front().map(|(_, session)| session)
}

fn greet(seat: &mut Seat) {
    let mut out = Vec::new();
    seat.door.greet(&mut out);
    seat.outbox.push(&out);
    seat.started = Started::Greeted;
}

fn wait(seat: &mut Seat, waiting: Waiting) {
    let Some(hold) = &mut seat.hold else { return };
    if hold.waiting.len() < HOLD_MAX {
        return hold.waiting.push_back(waiting);
    }
    seat.hold = None;
    seat.outbox.cut(End::TooSlow);
}

fn close(seat: &mut Seat, why: Text) {
    if seat.hold.is_some() {
        return wait(seat, Waiting::Close(why));
    }
    say_last(seat, &why, End::Done);
}

/// The seat's last words; the connection closes behind them.
fn say_last(seat: &mut Seat, why: &Text, end: End) {
    let mut out = Vec::new();
    seat.door.close(why, &mut out);
    seat.outbox.push(&out);
    seat.outbox.finish(end);
    seat.over = true;
    seat.wake();
}

fn text(words: &str) -> Text {
    Text::new(words).expect("our own words are good text")
}
