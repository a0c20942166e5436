//! Which port of a host is asked next, how often each was, and which have their verdict. A port is known by its place among
//! those that are to be asked, and is at any time in one queue, under way, or done.

use std::collections::VecDeque;
use std::sync::Arc;

use super::moment::Moment;

/// It has its verdict.
const DONE: u8 = 0x80;
/// It has been asked at some time, so the sweep passes it by; below this the tries are counted.
const MET: u8 = 0x40;

/// Of one host.
#[derive(Debug)]
pub struct Agenda {
    ports: Arc<[u16]>,
    /// For each port its tries, [`DONE`] and [`MET`].
    asked: Vec<u8>,
    /// How many have no verdict.
    left: usize,
    /// Where the sweep is.
    cursor: usize,
    /// To be asked at once: this machine could not.
    put_back: VecDeque<u32>,
    /// To be asked once more before they are called open.
    confirm: VecDeque<u32>,
    /// To be asked later.
    again: VecDeque<(u32, Moment)>,
}

impl Agenda {
    /// Of these ports, which ascend.
    pub fn new(ports: Arc<[u16]>) -> Self {
        Self {
            asked: vec![0; ports.len()],
            left: ports.len(),
            ports,
            cursor: 0,
            put_back: VecDeque::new(),
            confirm: VecDeque::new(),
            again: VecDeque::new(),
        }
    }

    /// How many have no verdict.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Which port has this place.
    pub fn port(&self, index: u32) -> u16 {
        self.ports[index as usize]
    }

    /// Which place this port has.
    pub fn place(&self, port: u16) -> Option<u32> {
        self.ports.binary_search(&port).ok().and_then(|index| u32::try_from(index).ok())
    }

    /// The places of the last port and the first.
    pub fn ends(&self) -> Option<[u32; 2]> {
        let last = self.ports.len().checked_sub(1)?;
        Some([u32::try_from(last).ok()?, 0])
    }

    /// The next to be asked for its verdict.
    pub fn next(&mut self, now: Moment) -> Option<u32> {
        if let Some(index) = self.put_back.pop_front() {
            return Some(index);
        }
        if self.again.front().is_some_and(|(_, due)| now >= *due) {
            return self.again.pop_front().map(|(index, _)| index);
        }
        while self.cursor < self.asked.len() && self.asked[self.cursor] != 0 {
            self.cursor += 1;
        }
        if self.cursor == self.asked.len() {
            return None;
        }
        self.cursor += 1;
        u32::try_from(self.cursor - 1).ok()
    }

    /// The next to be asked once more before it is called open.
    pub fn next_to_confirm(&mut self) -> Option<u32> {
        self.confirm.pop_front()
    }

    /// When the next of those comes that are to be asked later.
    pub fn due(&self) -> Option<Moment> {
        self.again.front().map(|(_, due)| *due)
    }

    /// It has been asked.
    pub fn ask(&mut self, index: u32) {
        let asked = &mut self.asked[index as usize];
        *asked = (*asked | MET) + 1;
    }

    /// It has not been asked after all.
    pub fn put_back(&mut self, index: u32) {
        self.asked[index as usize] -= 1;
        self.put_back.push_back(index);
    }

    /// It looks open.
    pub fn confirm(&mut self, index: u32) {
        self.confirm.push_back(index);
    }

    /// It was silent, and is to be asked again then.
    pub fn postpone(&mut self, index: u32, due: Moment) {
        self.again.push_back((index, due));
    }

    /// These, and those that were to be asked later, are asked now, as if they never had been.
    pub fn begin_anew(&mut self, silent: impl Iterator<Item = u32>, now: Moment) {
        let waiting = self.again.drain(..).map(|(index, _)| index);
        let anew: VecDeque<(u32, Moment)> = waiting.chain(silent).map(|index| (index, now)).collect();
        for (index, _) in &anew {
            self.asked[*index as usize] = MET;
        }
        self.again = anew;
    }

    /// How often it was asked.
    pub fn tries(&self, index: u32) -> u8 {
        self.asked[index as usize] & !(DONE | MET)
    }

    /// It has its verdict; false if it had one.
    pub fn finish(&mut self, index: u32) -> bool {
        let asked = &mut self.asked[index as usize];
        let had = *asked & DONE != 0;
        debug_assert!(!had, "a port gets its verdict once");
        *asked |= DONE;
        self.left -= usize::from(!had);
        !had
    }
}
