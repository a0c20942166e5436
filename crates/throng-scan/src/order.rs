//! The ports of one host, told in ascending order although they become known in any: a port waits until all before it are
//! final.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::event::{Counts, Verdict};

/// Of one host.
#[derive(Debug)]
pub struct Watermark<T> {
    ports: Arc<[u16]>,
    /// All before it are final.
    next: usize,
    /// One bit for each port that is final.
    done: Box<[u64; 1024]>,
    waiting: BTreeMap<u16, T>,
    counts: Counts,
}

impl<T> Watermark<T> {
    /// Over these, which ascend.
    pub fn new(ports: Arc<[u16]>) -> Self {
        Self {
            ports,
            next: 0,
            done: Box::new([0; 1024]),
            waiting: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    /// One is final; what is to be told of it, if anything. False if it was already: nothing is told twice.
    pub fn settle(&mut self, port: u16, verdict: Verdict, told: Option<T>) -> bool {
        let (word, bit) = (usize::from(port >> 6), 1 << (port & 63));
        if self.done[word] & bit != 0 {
            return false;
        }
        self.done[word] |= bit;
        self.counts.count(verdict);
        if let Some(told) = told {
            self.waiting.insert(port, told);
        }
        true
    }

    /// What may be told by now.
    pub fn release(&mut self) -> Vec<T> {
        while self.ports.get(self.next).is_some_and(|port| self.is_done(*port)) {
            self.next += 1;
        }
        match self.ports.get(self.next) {
            Some(port) => {
                let later = self.waiting.split_off(port);
                std::mem::replace(&mut self.waiting, later).into_values().collect()
            }
            None => std::mem::take(&mut self.waiting).into_values().collect(),
        }
    }

    /// Those that are not final will not be: what they are, and what is to be told of each.
    pub fn close(&mut self, verdict: Verdict, mut told: impl FnMut(u16) -> Option<T>) {
        for port in Arc::clone(&self.ports).iter().copied() {
            if !self.is_done(port) {
                self.settle(port, verdict, told(port));
            }
        }
    }

    /// So far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    fn is_done(&self, port: u16) -> bool {
        self.done[usize::from(port >> 6)] & (1 << (port & 63)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_waits_for_those_before_it_and_is_told_once() {
        let mut order = Watermark::new(Arc::from([1, 5, 9, 64, 65535]));
        let mut told = Vec::new();
        for (port, open, expected) in [
            (9, true, &[][..]),
            (5, false, &[]),
            (1, true, &[1, 9]),
            (65535, true, &[]),
            (9, true, &[]),
            (64, false, &[65535]),
        ] {
            let verdict = if open { Verdict::Open } else { Verdict::Closed };
            assert_eq!(order.settle(port, verdict, open.then_some(port)), !told.contains(&port));
            let released = order.release();
            assert_eq!(released, expected, "after {port}");
            told.extend(released);
        }
        assert_eq!((order.counts().open, order.counts().closed), (3, 2));
    }

    #[test]
    fn neighbours_are_told_one_by_one() {
        let mut order = Watermark::new(Arc::from([1, 2, 3]));
        for port in [1, 2, 3] {
            order.settle(port, Verdict::Open, Some(port));
            assert_eq!(order.release(), [port]);
        }
    }

    #[test]
    fn what_is_left_at_the_end_is_told_in_its_place() {
        let mut order = Watermark::new(Arc::from([1, 2, 3]));
        order.settle(2, Verdict::Open, Some(2));
        order.close(Verdict::Unknown, Some);
        assert_eq!(order.release(), [1, 2, 3]);
        assert_eq!((order.counts().open, order.counts().unknown), (1, 2));
    }
}
