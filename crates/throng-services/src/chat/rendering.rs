//! How an event that many hear looks, rendered once for all who see it the same way.
//!
//! Called by a worker for each delivery, with a [`View`] for each local seat; equal views share their bytes.

use bytes::Bytes;
use throng_chat::{Event, RoomName};

use super::door::{irc, line, web};
use super::house::House;

/// How a door shows things: which one, and with which of its abilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Which door.
    pub face: Face,
    /// What the client agreed to, in the door's own numbering.
    pub abilities: u16,
}

/// Which door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Face {
    /// A person at a terminal.
    Line,
    /// An IRC client.
    Irc,
    /// A browser.
    Web,
}

/// One way to see one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// How the door shows things.
    pub look: Look,
    /// Did this session say it?
    pub own: bool,
    /// Is it about the room that need not be named?
    pub here: bool,
}

/// The renderings so far of what is told in one go. Kept by the worker and cleared each time.
#[derive(Debug, Default)]
pub struct Renderings {
    done: Vec<(View, Bytes)>,
}

impl Renderings {
    /// Forgets what was told last.
    pub fn clear(&mut self) {
        self.done.clear();
    }

    /// The bytes of this view, made at the first call.
    pub fn of<'a>(&mut self, view: View, events: impl Iterator<Item = &'a Event>, house: &House) -> &Bytes {
        let place = match self.done.iter().position(|(done, _)| *done == view) {
            Some(place) => place,
            None => {
                let mut out = Vec::with_capacity(160);
                events.for_each(|event| render(view, event, house, &mut out));
                self.done.push((view, out.into()));
                self.done.len() - 1
            }
        };
        &self.done[place].1
    }
}

/// Renders one event for one view.
pub fn render(view: View, event: &Event, house: &House, out: &mut Vec<u8>) {
    match view.look.face {
        Face::Line => line::words::tell(view, event, house, out),
        Face::Irc => irc::words::tell(view, event, house, out),
        Face::Web => web::tell(view, event, house, out),
    }
}

/// The room that an event is about, if it is about one that a reader must be able to tell from others.
pub fn room_of(event: &Event) -> Option<&RoomName> {
    match event {
        Event::Entry(entry) => Some(&entry.record.room),
        Event::Arrived { room, .. }
        | Event::Left { room, .. }
        | Event::Kicked { room, .. }
        | Event::Moded { room, .. } => Some(room),
        _ => None,
    }
}
