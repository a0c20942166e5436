//! The questions that wait for an answer, each in a slot whose number is small, so that whoever drives the core can keep a
//! socket for each slot. The slot that became free last is used first: its socket is warm.

use super::moment::Moment;

/// Where a question waits.
pub type Slot = u32;

/// One question.
#[derive(Clone, Copy, Debug)]
pub struct Flight {
    /// To which host, by its place among those under way.
    pub visit: u32,
    /// What for.
    pub kind: Kind,
    /// To which port.
    pub port: u16,
    /// When.
    pub sent: Moment,
    /// Which of all the questions that ever had this slot.
    pub serial: u32,
}

/// What a question is for. The number is the port's place among those to be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To know the host and the way.
    WarmUp(u32),
    /// To know the port.
    Sweep(u32),
    /// To know it again, since it looked open and this machine might have talked to itself.
    Confirm(u32),
    /// To know the way. It stands for so many other questions.
    Canary(u32),
}

/// All of them.
#[derive(Debug, Default)]
pub struct Flights {
    slots: Vec<Option<Flight>>,
    free: Vec<Slot>,
    serial: u32,
}

impl Flights {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// One more.
    pub fn depart(&mut self, visit: u32, kind: Kind, port: u16, sent: Moment) -> (Slot, u32) {
        self.serial = self.serial.wrapping_add(1);
        let flight = Flight { visit, kind, port, sent, serial: self.serial };
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            u32::try_from(self.slots.len() - 1).expect("the window is far smaller")
        });
        self.slots[slot as usize] = Some(flight);
        (slot, self.serial)
    }

    /// The one in a slot, if one waits there.
    pub fn at(&self, slot: Slot) -> Option<&Flight> {
        self.slots.get(slot as usize)?.as_ref()
    }

    /// The one that was given that slot with that serial, if it still waits.
    pub fn same(&self, slot: Slot, serial: u32) -> Option<&Flight> {
        self.at(slot).filter(|flight| flight.serial == serial)
    }

    /// It waits no longer.
    pub fn land(&mut self, slot: Slot) -> Option<Flight> {
        let flight = self.slots.get_mut(slot as usize)?.take()?;
        self.free.push(slot);
        Some(flight)
    }

    /// All that wait for that host wait no longer; their slots.
    pub fn land_all_of(&mut self, visit: u32) -> Vec<Slot> {
        let of_visit = |flight: &Option<Flight>| flight.as_ref().is_some_and(|flight| flight.visit == visit);
        let slots: Vec<Slot> =
            (0..).zip(&self.slots).filter(|(_, flight)| of_visit(flight)).map(|(slot, _)| slot).collect();
        for &slot in &slots {
            self.land(slot);
        }
        slots
    }
}
