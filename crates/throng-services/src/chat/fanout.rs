//! The fan-out of one worker: who hears what, rendered once for each way it must look. Called by [`super::worker`] for
//! what the hub sends; it appends to outboxes, and never waits.

use std::sync::Arc;
use std::time::Duration;

use throng_chat::output::Rooms;
use throng_chat::{Audience, Event, PersonId, RoomId, RoomName, SessionId};

use super::delivery::Delivery;
use super::figures::{DOORS, number_of};
use super::rendering::{Renderings, room_of};
use super::seats::{Seat, Seats, Waiting};
use super::worker::Core;

/// One thing that many are told.
pub(super) struct Told {
    pub(super) by: Option<SessionId>,
    pub(super) except: Option<PersonId>,
    pub(super) event: Arc<Event>,
    /// Since when it is on its way, where that is measured.
    pub(super) at: Option<Duration>,
}

impl Told {
    /// The room that is told this, if it is one room that is; else the delivery again.
    pub(super) fn to_room(delivery: Delivery) -> Result<(RoomId, Told), Delivery> {
        match delivery {
            Delivery::Told { to: Audience { rooms: Rooms::One(room), except }, by, event, at } => {
                Ok((room, Told { by, except, event, at }))
            }
            other => Err(other),
        }
    }

    pub(super) fn is_to(delivery: &Delivery, room: RoomId) -> bool {
        matches!(delivery, Delivery::Told { to: Audience { rooms: Rooms::One(told), .. }, .. } if *told == room)
    }

    /// Must this seat be told in another way than all others?
    fn concerns(&self, seat: &Seat) -> bool {
        self.by == Some(seat.session) || (self.except.is_some() && self.except == seat.person)
    }
}

impl Core {
    /// What one room is told in one go is rendered once for each view, and appended to each outbox at once. Only for who
    /// said some of it, or is left out, each thing is looked at by itself.
    pub(super) fn tell_room(&self, seats: &mut Seats, room: RoomId, run: &[Told]) {
        let mut renderings = self.renderings.borrow_mut();
        renderings.clear();
        let name = name_in(run);
        // Counted here and added up once: each seat costs an addition.
        let mut counted = [0; DOORS.len()];
        seats.in_room(room, |seat| {
            if seat.hold.is_some() || run.iter().any(|told| told.concerns(seat)) {
                return run.iter().for_each(|told| self.tell_one(seat, told, &mut Renderings::default()));
            }
            let events = run.iter().map(|told| &*told.event);
            let bytes = renderings.of(seat.view(false, name), events, &self.house);
            if !bytes.is_empty() {
                counted[number_of(seat.look.face)] += run.len() as u64;
            }
            seat.outbox.push_shared(bytes);
        });
        self.figures().told(counted);
    }

    /// What several rooms are told, or everybody, each seat hears once.
    pub(super) fn tell_many(&self, seats: &mut Seats, to: &Rooms, told: &Told) {
        let mut renderings = self.renderings.borrow_mut();
        renderings.clear();
        let count = self.told.get() + 1;
        self.told.set(count);
        let mut each = |seat: &mut Seat| {
            if seat.person.is_some() && std::mem::replace(&mut seat.last_told, count) != count {
                self.tell_one(seat, told, &mut renderings);
            }
        };
        let rooms = match to {
            Rooms::One(room) => std::slice::from_ref(room),
            Rooms::Several(rooms) => rooms,
            Rooms::Everybody => return seats.each(each),
        };
        rooms.iter().for_each(|room| seats.in_room(*room, &mut each));
    }

    fn tell_one(&self, seat: &mut Seat, told: &Told, renderings: &mut Renderings) {
        if told.except.is_some() && told.except == seat.person {
            return;
        }
        let own = told.by == Some(seat.session);
        if seat.hold.is_some() {
            return seat.wait(Waiting::Shared { event: Arc::clone(&told.event), own });
        }
        let view = seat.view(own, room_of(&told.event));
        let bytes = renderings.of(view, std::iter::once(&*told.event), &self.house);
        // One's own words, at a door that does not want them back.
        if !bytes.is_empty() {
            self.figures().door(view.look.face).told.add(1);
        }
        seat.outbox.push_shared(bytes);
    }
}

/// The name of the room that is told all this. Not everything that a room is told names it: who is renamed or gone may be in
/// several.
fn name_in(run: &[Told]) -> Option<&RoomName> {
    run.iter().find_map(|told| room_of(&told.event))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use throng_chat::{Name, Names};

    use super::*;

    #[test]
    fn what_is_told_in_one_go_is_about_its_room_whatever_comes_first() {
        let told = |event| Told { by: None, except: None, event: Arc::new(event), at: None };
        let ana = Name::new("ana", Names::Unicode).unwrap();
        let renamed = || told(Event::Renamed { from: ana.clone(), to: ana.clone(), account: None });
        let arrived = || told(Event::Arrived { room: RoomName::lobby(), who: ana.clone(), account: None });
        for (run, expected) in [
            (vec![arrived(), renamed()], Some(RoomName::lobby())),
            (vec![renamed(), arrived()], Some(RoomName::lobby())),
            (vec![renamed()], None),
        ] {
            assert_eq!(name_in(&run), expected.as_ref());
        }
    }
}
