//! Frames on their way in one direction of a link: each is due a while after it came, some are lost, and there is room
//! for so many and no more. No clock and no socket: the time is an argument.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How many frames fit on the way: what a link of 100,000 packets a second with a delay of 5 s holds.
pub const FRAMES_MAX: usize = 500_000;

/// How many bytes fit on the way.
pub const BYTES_MAX: usize = 64 << 20;

/// What happened to frames so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// They came out at the other end.
    pub carried: u64,
    /// They were drawn by the seed.
    pub lost: u64,
    /// There was no room.
    pub overflowed: u64,
}

/// The frames of one direction, the oldest first: all wait equally long, so they are due in the order they came.
pub struct Delayed {
    delay: Duration,
    /// Of one frame, 0 to 1.
    loss: f64,
    draws: fastrand::Rng,
    /// When each is due, and how long it is.
    frames: VecDeque<(Instant, usize)>,
    /// All their bytes, one frame after the other.
    bytes: VecDeque<u8>,
    counts: Counts,
}

impl Delayed {
    /// Nothing is on its way.
    pub fn new(delay: Duration, loss: f64, seed: u64) -> Delayed {
        let draws = fastrand::Rng::with_seed(seed);
        let (frames, bytes, counts) = (VecDeque::new(), VecDeque::new(), Counts::default());
        Delayed { delay, loss, draws, frames, bytes, counts }
    }

    /// A frame came.
    pub fn push(&mut self, now: Instant, frame: &[u8]) {
        if self.draws.f64() < self.loss {
            self.counts.lost += 1;
        } else if self.frames.len() == FRAMES_MAX || self.bytes.len() + frame.len() > BYTES_MAX {
            self.counts.overflowed += 1;
        } else {
            self.frames.push_back((now + self.delay, frame.len()));
            self.bytes.extend(frame);
        }
    }

    /// Puts the next frame that is due in the place of what is in `frame`; false if none is.
    pub fn pop(&mut self, now: Instant, frame: &mut Vec<u8>) -> bool {
        let Some((_, length)) = self.frames.pop_front_if(|(due, _)| *due <= now) else { return false };
        frame.clear();
        frame.extend(self.bytes.drain(..length));
        self.counts.carried += 1;
        true
    }

    /// Is nothing on its way?
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// What happened to all that came.
    pub fn counts(&self) -> Counts {
        self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::now;

    const DELAY: Duration = Duration::from_millis(25);

    #[test]
    fn a_frame_comes_out_when_it_is_due_and_as_it_was() {
        let (begun, mut frame) = (now(), b"old".to_vec());
        let mut link = Delayed::new(DELAY, 0.0, 7);
        link.push(begun, b"first");
        link.push(begun + Duration::from_millis(1), b"second, longer");
        assert!(!link.is_empty());
        assert!(!link.pop(begun + DELAY - Duration::from_nanos(1), &mut frame));
        assert!(link.pop(begun + DELAY, &mut frame));
        assert_eq!(frame, b"first");
        assert!(!link.pop(begun + DELAY, &mut frame));
        assert!(link.pop(begun + DELAY * 2, &mut frame));
        assert_eq!(frame, b"second, longer");
        assert!(link.is_empty() && link.counts().carried == 2);
    }

    #[test]
    fn the_seed_says_which_frames_are_lost() {
        let lost = |loss, seed| {
            let (begun, mut link) = (now(), Delayed::new(DELAY, loss, seed));
            let came = (0..10_000u32).map(|number| link.push(begun, &number.to_be_bytes())).count() as u64;
            let (mut out, mut frame) = (Vec::new(), Vec::new());
            while link.pop(begun + DELAY, &mut frame) {
                out.extend_from_slice(&frame);
            }
            let Counts { carried, lost, overflowed } = link.counts();
            assert_eq!((carried + lost, overflowed, out.len() as u64), (came, 0, carried * 4));
            (lost, out)
        };
        let (one, seven) = (lost(0.01, 1), lost(0.01, 7));
        assert!((50..200).contains(&one.0), "{} of 10,000", one.0);
        assert_eq!(one.1, lost(0.01, 1).1, "the same seed, the same frames");
        assert_ne!(one.1, seven.1, "another seed, others");
        assert_eq!((lost(0.0, 1).0, lost(1.0, 1).0), (0, 10_000));
    }

    #[test]
    fn what_finds_no_room_is_counted() {
        let begun = now();
        let mut many = Delayed::new(DELAY, 0.0, 7);
        (0..FRAMES_MAX + 3).for_each(|_| many.push(begun, b"x"));
        assert_eq!(many.counts().overflowed, 3);
        let mut large = Delayed::new(DELAY, 0.0, 7);
        let frame = vec![0; 1 << 20];
        (0..BYTES_MAX / frame.len() + 2).for_each(|_| large.push(begun, &frame));
        assert_eq!(large.counts().overflowed, 2);
        assert!(large.pop(begun + DELAY, &mut Vec::new()));
        large.push(begun, &frame);
        assert_eq!(large.counts().overflowed, 2, "there is room again");
    }
}
