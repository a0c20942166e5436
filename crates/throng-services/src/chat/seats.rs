//! The seats of one worker, and which of them hear which room. Plain tables; nothing here waits or renders.
//!
//! A seat's number carries how often its place was used, so that something told to one who has left never
//! reaches the next one in the same place.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use throng_chat::{Event, Name, PersonId, RoomId, RoomName, SessionId, Text};
use throng_server::{Address, ConnId, End, Outbox};
use tokio::sync::oneshot;

use super::door::{Door, Errand};
use super::rendering::{Look, View};
use super::routes::{place_of, seat_number};

/// Bits of a place's number that say which row of the table; the rest counts its uses.
const ROW_BITS: u32 = 24;

/// One client.
pub struct Seat {
    /// Its session.
    pub session: SessionId,
    /// Its connection, as the server library numbers it.
    pub conn: ConnId,
    /// From where.
    pub from: Address,
    /// Where its bytes go.
    pub outbox: Outbox,
    /// How shared events look here; what its door says, kept beside the outbox for the fan-out.
    pub look: Look,
    /// Whose session it is.
    pub person: Option<PersonId>,
    /// The number of the last delivery that it heard, so that it hears none twice.
    pub last_told: u64,
    /// What waits until history is shown.
    pub hold: Option<Box<Hold>>,
    /// The room that need not be named here.
    pub focus: Option<RoomName>,
    /// How it speaks.
    pub door: Box<dyn Door>,
    /// The rooms that it hears, each with its place in the room's list.
    pub rooms: Vec<(RoomId, u32)>,
    /// Its seat loop waits for an answer, or for its close, and is told here.
    pub awaiting: Option<oneshot::Sender<()>>,
    /// On whose token it stands, and its number: when that is revoked, the seat is over.
    pub device: Option<Box<(Name, u64)>>,
    /// The world has signed it out, and its desk has not heard of that.
    pub signed_out: bool,
    /// Since when it is signing in.
    pub signing_since_ms: Option<u64>,
    /// When the connection came, on the worker's clock in milliseconds.
    pub since_ms: u64,
    /// When something was last heard.
    pub heard_ms: u64,
    /// When it was last probed, if nothing was heard since.
    pub probed_ms: Option<u64>,
    /// Was anything heard, or the greeting given?
    pub started: Started,
    /// Were the last words said?
    pub over: bool,
}

/// How far the beginning of a conversation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// Nothing was heard, nothing said.
    No,
    /// The greeting was given; the first line still decides how the client speaks.
    Greeted,
    /// The door is chosen.
    Yes,
}

/// What a seat would have been told while its history is on the way.
pub struct Hold {
    /// What is being fetched.
    pub errand: Errand,
    /// What waits behind it, oldest first.
    pub waiting: VecDeque<Waiting>,
}

/// One thing that waits.
pub enum Waiting {
    /// For this session alone.
    Alone(Event),
    /// For many; `own` if this session said it.
    Shared {
        /// What was said.
        event: Arc<Event>,
        /// By this session?
        own: bool,
    },
    /// Another errand, asked for meanwhile.
    Errand(Errand),
    /// The end.
    Close(Text),
}

/// How many events may wait for one seat's history. At the limit the seat is too slow.
pub const HOLD_MAX: usize = 8192;

impl Seat {
    /// Whose it is, as far as addresses tell; who comes by a Unix socket is of this machine.
    pub fn ip(&self) -> IpAddr {
        self.from.ip().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST))
    }

    /// How this seat sees an event of a room.
    pub fn view(&self, own: bool, room: Option<&RoomName>) -> View {
        View { look: self.look, own, here: room.is_some() && self.focus.as_ref() == room }
    }

    /// Keeps what the fan-out needs of the door beside the outbox.
    pub fn remember(&mut self) {
        self.look = self.door.look();
        if self.focus.as_ref() != self.door.focus() {
            self.focus = self.door.focus().cloned();
        }
    }

    /// Is told when an answer or the close has come.
    pub fn listen(&mut self) -> oneshot::Receiver<()> {
        let (told, listening) = oneshot::channel();
        self.awaiting = Some(told);
        listening
    }

    /// Notes since when the client is signing in, if it is.
    pub fn note_signing(&mut self, now_ms: u64) {
        match self.door.is_signing_in() {
            true => self.signing_since_ms = self.signing_since_ms.or(Some(now_ms)),
            false => self.signing_since_ms = None,
        }
    }

    /// Signing in took too long: who has no name goes, who has one stays and is told.
    pub fn give_up_signing(&mut self) {
        self.signing_since_ms = None;
        if self.person.is_none() {
            let why = Text::new("signing in took too long").expect("our own words are good text");
            return self.say_last(&why, End::TimedOut);
        }
        let mut out = Vec::new();
        self.door.give_up_signing(&mut out);
        self.outbox.push(&out);
    }

    /// Wakes the seat's loop.
    pub fn wake(&mut self) {
        if let Some(awaiting) = self.awaiting.take() {
            // A seat loop that no longer listens has ended.
            let _ = awaiting.send(());
        }
    }

    /// Invites a silent client to speak.
    pub fn greet(&mut self, known: Option<&Name>) {
        let mut out = Vec::new();
        self.door.greet(known, &mut out);
        self.outbox.push(&out);
        self.started = Started::Greeted;
    }

    /// Puts something behind the history that is on its way. A seat for which too much waits is too slow.
    pub fn wait(&mut self, waiting: Waiting) {
        let Some(hold) = &mut self.hold else { return };
        if hold.waiting.len() < HOLD_MAX {
            return hold.waiting.push_back(waiting);
        }
        self.hold = None;
        self.outbox.cut(End::TooSlow);
    }

    /// Ends the seat, behind its history if that is on its way.
    pub fn close(&mut self, why: Text) {
        if self.hold.is_some() {
            return self.wait(Waiting::Close(why));
        }
        self.say_last(&why, End::Done);
    }

    /// The last words; the connection closes behind them.
    pub fn say_last(&mut self, why: &Text, end: End) {
        let mut out = Vec::new();
        self.door.close(why, &mut out);
        self.outbox.push(&out);
        self.outbox.finish(end);
        self.over = true;
        self.wake();
    }
}

struct Row {
    uses: u64,
    seat: Option<Seat>,
}

/// All seats of a worker.
pub struct Seats {
    worker: usize,
    rows: Vec<Row>,
    free: Vec<u32>,
    rooms: HashMap<RoomId, Vec<u32>>,
    seated: usize,
}

impl Seats {
    /// None yet.
    pub fn new(worker: usize) -> Seats {
        Seats { worker, rows: Vec::new(), free: Vec::new(), rooms: HashMap::new(), seated: 0 }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.seated
    }

    /// Seats a client: `make` gets its session's number.
    pub fn seat(&mut self, make: impl FnOnce(SessionId) -> Seat) -> SessionId {
        let row = self.free.pop().unwrap_or_else(|| {
            self.rows.push(Row { uses: 0, seat: None });
            u32::try_from(self.rows.len() - 1).expect("far fewer seats than 2^32")
        });
        let place = &mut self.rows[row as usize];
        place.uses = (place.uses + 1) & ((1 << (48 - ROW_BITS)) - 1);
        let session = seat_number(self.worker, place.uses << ROW_BITS | u64::from(row));
        place.seat = Some(make(session));
        self.seated += 1;
        session
    }

    /// The seat of a session, if it is still there.
    pub fn of(&mut self, session: SessionId) -> Option<&mut Seat> {
        self.rows.get_mut(row_of(session))?.seat.as_mut().filter(|seat| seat.session == session)
    }

    /// The client is gone: its place is free at once, and it hears no room any more.
    pub fn leave(&mut self, session: SessionId) {
        if self.of(session).is_none() {
            return;
        }
        while let Some((room, _)) = self.of(session).and_then(|seat| seat.rooms.last().copied()) {
            self.departed(session, room);
        }
        let row = row_of(session);
        self.rows[row].seat = None;
        self.free.push(u32::try_from(row).expect("a row has a small number"));
        self.seated -= 1;
    }

    /// The session hears the room from here on.
    pub fn entered(&mut self, session: SessionId, room: RoomId) {
        let row = u32::try_from(row_of(session)).expect("a row has a small number");
        let Some(seat) = self.rows.get_mut(row as usize).and_then(|place| place.seat.as_mut()) else {
            return;
        };
        if seat.session != session || seat.rooms.iter().any(|(heard, _)| *heard == room) {
            return;
        }
        let hearers = self.rooms.entry(room).or_default();
        seat.rooms.push((room, u32::try_from(hearers.len()).expect("far fewer seats than 2^32")));
        hearers.push(row);
    }

    /// It no longer does. The last one of the list takes its place there.
    pub fn departed(&mut self, session: SessionId, room: RoomId) {
        let Some(seat) = self.of(session) else { return };
        let Some(at) = seat.rooms.iter().position(|(heard, _)| *heard == room) else { return };
        let (_, place) = seat.rooms.swap_remove(at);
        let hearers = self.rooms.get_mut(&room).expect("a seat hears only rooms that have a list");
        hearers.swap_remove(place as usize);
        let moved = hearers.get(place as usize).copied();
        if hearers.is_empty() {
            self.rooms.remove(&room);
        }
        if let Some(seat) = moved.and_then(|row| self.rows[row as usize].seat.as_mut()) {
            let entry = seat.rooms.iter_mut().find(|(heard, _)| *heard == room);
            entry.expect("who is in a room's list knows it").1 = place;
        }
    }

    /// Everybody here who hears the room.
    pub fn in_room(&mut self, room: RoomId, mut each: impl FnMut(&mut Seat)) {
        let Some(hearers) = self.rooms.get(&room) else { return };
        for row in hearers {
            if let Some(seat) = self.rows[*row as usize].seat.as_mut() {
                each(seat);
            }
        }
    }

    /// Everybody here.
    pub fn each(&mut self, each: impl FnMut(&mut Seat)) {
        self.rows.iter_mut().filter_map(|row| row.seat.as_mut()).for_each(each);
    }
}

fn row_of(session: SessionId) -> usize {
    (place_of(session) & ((1 << ROW_BITS) - 1)) as usize
}
