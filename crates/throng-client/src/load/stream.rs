//! What one connection has sent and heard: every byte that comes must be the one that is due. No sockets, no allocation.

use std::io::IoSlice;

use super::payload::Payload;

/// The two streams of a connection, as far as they went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stream {
    /// Which connection it is; nobody else has its number.
    pub connection: u64,
    /// Messages that were begun.
    pub begun: u64,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that came back and were right.
    pub heard: u64,
}

/// Pieces of a message: what stands before it, itself, what stands behind it.
pub const PIECES_MAX: usize = 3;

impl Stream {
    /// Of a connection with this number.
    pub fn new(connection: u64) -> Stream {
        Stream { connection, ..Stream::default() }
    }

    /// Messages that came back whole.
    pub fn answered(&self, payload: &Payload) -> u64 {
        self.heard / payload.bytes() as u64
    }

    /// Messages that were begun and have not come back whole.
    pub fn under_way(&self, payload: &Payload) -> u64 {
        self.begun - self.answered(payload)
    }

    /// Whether everything that was begun was sent.
    pub fn is_sent(&self, payload: &Payload) -> bool {
        self.sent == self.begun * payload.bytes() as u64
    }

    /// What is to be sent of what was begun; how many of the pieces there are.
    pub fn unsent<'a>(&self, payload: &'a Payload, pieces: &mut [IoSlice<'a>; PIECES_MAX]) -> usize {
        let end = self.begun * payload.bytes() as u64;
        let (mut at, mut count) = (self.sent, 0);
        while at < end && count < PIECES_MAX {
            let piece = payload.piece(self.connection, at);
            pieces[count] = IoSlice::new(piece);
            at += piece.len() as u64;
            count += 1;
        }
        count
    }

    /// Checks what came. Nothing can come back before it was sent.
    ///
    /// # Errors
    /// The place in `bytes` of the first one that is not due. What comes before it was heard.
    pub fn hear(&mut self, payload: &Payload, bytes: &[u8]) -> Result<(), usize> {
        let mut place = 0;
        while place < bytes.len() {
            let due = payload.piece(self.connection, self.heard);
            let sent = usize::try_from(self.sent - self.heard).unwrap_or(usize::MAX);
            let length = due.len().min(sent).min(bytes.len() - place);
            if length == 0 {
                return Err(place);
            }
            let came = &bytes[place..place + length];
            if came != &due[..length] {
                let at = came.iter().zip(due).position(|(came, due)| came != due).unwrap_or(0);
                self.heard += at as u64;
                return Err(place + at);
            }
            self.heard += length as u64;
            place += length;
        }
        Ok(())
    }

    /// Counts what came without a look at it.
    ///
    /// # Errors
    /// The place in `bytes` of the first one that is more than was sent.
    pub fn count(&mut self, bytes: usize) -> Result<(), usize> {
        let due = usize::try_from(self.sent - self.heard).unwrap_or(usize::MAX);
        self.heard += bytes.min(due) as u64;
        if bytes > due { Err(due) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Framing, Messages};
    use super::*;

    /// Connection 3 has sent three messages whole.
    fn sent(framing: Framing) -> (Stream, Payload, Vec<u8>) {
        let payload = Payload::new(Messages { framing, bytes: 7, seed: 5, verify: true });
        let mut stream = Stream::new(3);
        let mut bytes = Vec::new();
        for _ in 0..3 {
            stream.begun += 1;
            while !stream.is_sent(&payload) {
                let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
                let count = stream.unsent(&payload, &mut pieces);
                bytes.extend(pieces[..count].iter().flat_map(|piece| piece.iter().copied()));
                stream.sent = bytes.len() as u64;
            }
        }
        (stream, payload, bytes)
    }

    #[test]
    fn messages_are_heard_however_they_are_torn() {
        for framing in [Framing::Raw, Framing::Line, Framing::LengthPrefixed] {
            for first in 0..=21 {
                for second in first..=21 {
                    let (mut stream, payload, bytes) = sent(framing);
                    for piece in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                        assert_eq!(stream.hear(&payload, piece), Ok(()));
                    }
                    assert_eq!((stream.answered(&payload), stream.under_way(&payload)), (3, 0));
                }
            }
        }
    }

    #[test]
    fn every_wrong_byte_is_found_at_its_place() {
        for framing in [Framing::Raw, Framing::Line, Framing::LengthPrefixed] {
            for place in 0..21 {
                let (mut stream, payload, mut bytes) = sent(framing);
                bytes[place] ^= 0x40;
                assert_eq!(stream.hear(&payload, &bytes), Err(place));
                assert_eq!(stream.heard, place as u64);
            }
        }
    }

    #[test]
    fn nothing_may_come_that_was_not_sent() {
        let (mut stream, payload, mut bytes) = sent(Framing::Raw);
        bytes.push(1);
        assert_eq!(stream.hear(&payload, &bytes), Err(21));
        stream.begun += 1;
        assert_eq!(stream.hear(&payload, &payload.copy(3, 21, 22)), Err(0), "it was begun, and nothing sent");
        let (mut stream, _, _) = sent(Framing::Raw);
        assert_eq!((stream.count(20), stream.count(3)), (Ok(()), Err(1)));
    }
}
