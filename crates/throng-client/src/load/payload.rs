//! What is sent: each byte is a function of the seed, the connection and the byte's offset in its stream, so that any byte
//! that comes back can be checked without a copy of what was sent.
//!
//! A message is a slice of one table of noise, chosen by its connection and its number, within its form. Nothing is made or
//! copied for it.

use super::plan::{Framing, Messages};
use crate::echo::pattern::mixed;

/// Where a message may begin in the noise. Small enough to stay in the second cache.
const BEGINNINGS: usize = 256 << 10;

/// What lines are made of.
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes of a length before a message.
const LENGTH_BYTES: usize = 4;

/// The streams of all connections.
pub struct Payload {
    seed: u64,
    /// Before each message.
    head: Vec<u8>,
    /// Behind each message.
    tail: &'static [u8],
    noise: Vec<u8>,
    bytes: usize,
}

impl Payload {
    /// Streams of such messages. They are at least as long as their form asks.
    pub fn new(messages: Messages) -> Payload {
        let Messages { framing, bytes, seed, .. } = messages;
        let bytes = bytes.max(framing.bytes_min());
        let words = (BEGINNINGS + bytes).div_ceil(size_of::<u64>());
        let noise = (0..words as u64).flat_map(|word| mixed(word).to_le_bytes());
        let letters = |byte: u8| LETTERS[usize::from(byte) % LETTERS.len()];
        let noise = match framing {
            Framing::Line => noise.map(letters).collect(),
            Framing::Raw | Framing::LengthPrefixed => noise.collect(),
        };
        let head = match framing {
            Framing::LengthPrefixed => {
                let follow = u32::try_from(bytes - LENGTH_BYTES).unwrap_or(u32::MAX);
                follow.to_be_bytes().to_vec()
            }
            Framing::Raw | Framing::Line => Vec::new(),
        };
        let tail: &[u8] = if framing == Framing::Line { b"\n" } else { b"" };
        Payload { seed, head, tail, noise, bytes }
    }

    /// How long each message is, with its form.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The stream of a connection from this offset on, as far as it lies in one place; at least one byte, and never beyond
    /// the message.
    pub fn piece(&self, connection: u64, offset: u64) -> &[u8] {
        let (number, place) = (offset / self.bytes as u64, (offset % self.bytes as u64) as usize);
        if place < self.head.len() {
            return &self.head[place..];
        }
        let end = self.bytes - self.tail.len();
        if place >= end {
            return &self.tail[place - end..];
        }
        let beginning = mixed(mixed(self.seed ^ mixed(connection)) ^ number) as usize % BEGINNINGS;
        &self.noise[beginning + place..beginning + end]
    }

    /// So many bytes of the stream of a connection, copied.
    pub fn copy(&self, connection: u64, from: u64, to: u64) -> Vec<u8> {
        let mut copied = Vec::with_capacity(to.saturating_sub(from) as usize);
        while from + (copied.len() as u64) < to {
            let at = from + copied.len() as u64;
            let piece = self.piece(connection, at);
            copied.extend_from_slice(&piece[..piece.len().min((to - at) as usize)]);
        }
        copied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn payload(framing: Framing, bytes: usize, seed: u64) -> Payload {
        Payload::new(Messages { framing, bytes, seed, verify: true })
    }

    #[test]
    fn each_form_is_kept_in_every_message() {
        let raw = payload(Framing::Raw, 5, 1).copy(3, 0, 15);
        assert_eq!(raw.len(), 15);
        for bytes in [1, 2, 40] {
            let lines = payload(Framing::Line, bytes, 1).copy(3, 0, 3 * bytes as u64);
            let ends: Vec<_> = (0..lines.len()).filter(|at| lines[*at] == b'\n').collect();
            assert_eq!(ends, [bytes - 1, 2 * bytes - 1, 3 * bytes - 1]);
            assert!(lines.iter().all(|byte| byte.is_ascii_graphic() || *byte == b'\n'));
        }
        for bytes in [4_u32, 5, 300] {
            let prefixed =
                payload(Framing::LengthPrefixed, bytes as usize, 1).copy(3, 0, 2 * u64::from(bytes));
            for message in prefixed.chunks(bytes as usize) {
                assert_eq!(message[..4], (bytes - 4).to_be_bytes());
            }
        }
    }

    #[test]
    fn a_byte_is_the_same_however_one_comes_to_it() {
        for framing in [Framing::Raw, Framing::Line, Framing::LengthPrefixed] {
            let payload = payload(framing, 7, 9);
            let whole = payload.copy(2, 0, 70);
            for from in 0..70 {
                for to in from..70 {
                    assert_eq!(payload.copy(2, from, to), whole[from as usize..to as usize]);
                }
            }
        }
    }

    #[test]
    fn other_seeds_connections_and_numbers_have_other_bytes() {
        let mut seen = BTreeSet::new();
        for seed in 0..5 {
            let payload = payload(Framing::Raw, 32, seed);
            for connection in 0..5 {
                seen.extend((0..5).map(|number| payload.copy(connection, number * 32, number * 32 + 32)));
            }
        }
        assert_eq!(seen.len(), 125);
    }
}
