//! Which worker hears what: the hub's picture of where sessions and rooms are.
//!
//! A session's number says on which worker its seat is ([`seat_number`]), so only rooms need counting.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use throng_chat::output::Rooms;
use throng_chat::{Audience, Event, RoomId, SessionId};

use super::delivery::Delivery;

const WORKER_SHIFT: u32 = 48;

/// The number of a session: its worker above, its place on that worker below.
pub fn seat_number(worker: usize, place: u64) -> SessionId {
    debug_assert!(worker < 1 << 16 && place < 1 << WORKER_SHIFT);
    SessionId((worker as u64) << WORKER_SHIFT | place)
}

/// On which worker the session's seat is.
pub fn worker_of(session: SessionId) -> usize {
    (session.0 >> WORKER_SHIFT) as usize
}

/// The place of the session's seat on its worker.
pub fn place_of(session: SessionId) -> u64 {
    session.0 & ((1 << WORKER_SHIFT) - 1)
}

/// The lists that this turn sends to the workers, and what is needed to fill them.
#[derive(Debug)]
pub struct Routes {
    /// For each room, how many of its sessions are on each worker.
    rooms: HashMap<RoomId, Box<[u32]>>,
    lists: Vec<Vec<Delivery>>,
}

impl Routes {
    /// Routes for so many workers.
    pub fn new(workers: usize) -> Routes {
        Routes { rooms: HashMap::new(), lists: vec![Vec::new(); workers] }
    }

    /// How many rooms have somebody in them.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Something for the worker of one session.
    pub fn to_session(&mut self, session: SessionId, delivery: Delivery) {
        if let Some(list) = self.lists.get_mut(worker_of(session)) {
            list.push(delivery);
        }
    }

    /// A session comes into a room: its worker must hear the room.
    pub fn entered(&mut self, session: SessionId, room: RoomId) {
        let workers = self.lists.len();
        let counts = self.rooms.entry(room).or_insert_with(|| vec![0; workers].into());
        counts[worker_of(session)] += 1;
        self.to_session(session, Delivery::Entered(session, room));
    }

    /// A session goes out of a room.
    pub fn departed(&mut self, session: SessionId, room: RoomId) {
        if let Some(counts) = self.rooms.get_mut(&room) {
            counts[worker_of(session)] -= 1;
            if counts.iter().all(|count| *count == 0) {
                self.rooms.remove(&room);
            }
        }
        self.to_session(session, Delivery::Departed(session, room));
    }

    /// One delivery to each worker that has somebody of the audience: never one per member.
    pub fn to_audience(&mut self, to: &Audience, by: Option<SessionId>, event: Event, at: Option<Duration>) {
        let event = Arc::new(event);
        for worker in 0..self.lists.len() {
            if self.hears(worker, &to.rooms) {
                let event = Arc::clone(&event);
                self.lists[worker].push(Delivery::Told { to: to.clone(), by, event, at });
            }
        }
    }

    /// The same for every worker.
    pub fn to_all(&mut self, delivery: &Delivery) {
        for list in &mut self.lists {
            list.push(delivery.clone());
        }
    }

    /// The list of one worker, if there is anything in it; it starts anew.
    pub fn take(&mut self, worker: usize) -> Option<Vec<Delivery>> {
        let list = self.lists.get_mut(worker)?;
        (!list.is_empty()).then(|| std::mem::take(list))
    }

    fn hears(&self, worker: usize, rooms: &Rooms) -> bool {
        let one = |room: &RoomId| self.rooms.get(room).is_some_and(|counts| counts[worker] > 0);
        match rooms {
            Rooms::One(room) => one(room),
            Rooms::Several(rooms) => rooms.iter().any(one),
            Rooms::Everybody => true,
        }
    }
}
