//! What one connection has sent and heard: every byte that comes must be the one that is due. No sockets, no allocation.

use super::pattern::Pattern;
use super::trouble::Wrong;

/// The two streams of a connection.
#[derive(Debug, Default)]
pub struct Exchange {
    connection: u64,
    begun: u64,
    /// Bytes of the last message that was begun.
    sent: usize,
    heard: u64,
    /// Bytes of the message that is being heard.
    heard_bytes: usize,
}

impl Exchange {
    /// Of a connection with this number, which nobody else may have.
    pub fn new(connection: u64) -> Exchange {
        Exchange { connection, ..Exchange::default() }
    }

    /// Messages that were begun.
    pub fn begun(&self) -> u64 {
        self.begun
    }

    /// Messages that came back whole.
    pub fn heard(&self) -> u64 {
        self.heard
    }

    /// Messages that were begun and have not come back whole.
    pub fn under_way(&self) -> u64 {
        self.begun - self.heard
    }

    /// Begins the next message. All of the last one must be sent.
    pub fn begin(&mut self) {
        self.begun += 1;
        self.sent = 0;
    }

    /// What is to be sent of the messages that were begun.
    pub fn unsent<'a>(&self, pattern: &'a Pattern) -> &'a [u8] {
        match self.begun.checked_sub(1) {
            Some(last) => &pattern.message(self.connection, last)[self.sent..],
            None => &[],
        }
    }

    /// So much of it was sent.
    pub fn send(&mut self, bytes: usize) {
        self.sent += bytes;
    }

    /// Checks what came. How many messages it made whole.
    ///
    /// # Errors
    /// When it is anything else than what is due, or more.
    pub fn hear(&mut self, pattern: &Pattern, mut bytes: &[u8]) -> Result<u64, Wrong> {
        let before = self.heard;
        while !bytes.is_empty() {
            let due = self.due(pattern);
            if due.is_empty() {
                return Err(Wrong::Surplus { connection: self.connection, messages: self.begun });
            }
            let (now, later) = bytes.split_at(due.len().min(bytes.len()));
            if now != &due[..now.len()] {
                return Err(self.damaged(due, now));
            }
            self.heard_bytes += now.len();
            if self.heard_bytes == pattern.bytes() {
                self.heard += 1;
                self.heard_bytes = 0;
            }
            bytes = later;
        }
        Ok(self.heard - before)
    }

    /// What must come next, as far as it was sent: nothing can come back before.
    fn due<'a>(&self, pattern: &'a Pattern) -> &'a [u8] {
        let sent = match self.under_way() {
            0 => 0,
            1 => self.sent,
            _ => pattern.bytes(),
        };
        &pattern.message(self.connection, self.heard)[self.heard_bytes..sent.max(self.heard_bytes)]
    }

    fn damaged(&self, due: &[u8], came: &[u8]) -> Wrong {
        let at = due.iter().zip(came).position(|(due, came)| due != came).unwrap_or(0);
        Wrong::Damaged {
            connection: self.connection,
            message: self.heard,
            place: self.heard_bytes + at,
            expected: due[at],
            came: came[at],
        }
    }

    /// The message that has not come back whole, if there is one.
    pub fn unheard(&self) -> Option<Wrong> {
        let Exchange { connection, heard, heard_bytes, .. } = *self;
        (self.under_way() > 0).then_some(Wrong::Unheard { connection, message: heard, bytes: heard_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: usize = 5;

    /// Connection 3 has sent three messages whole.
    fn sent() -> (Exchange, Pattern, Vec<u8>) {
        let pattern = Pattern::new(BYTES);
        let mut exchange = Exchange::new(3);
        let mut stream = Vec::new();
        for _ in 0..3 {
            exchange.begin();
            stream.extend_from_slice(exchange.unsent(&pattern));
            exchange.send(BYTES);
            assert!(exchange.unsent(&pattern).is_empty());
        }
        (exchange, pattern, stream)
    }

    #[test]
    fn messages_are_heard_however_they_are_torn() {
        for first in 0..=3 * BYTES {
            for second in first..=3 * BYTES {
                let (mut exchange, pattern, stream) = sent();
                let mut whole = 0;
                for piece in [&stream[..first], &stream[first..second], &stream[second..]] {
                    whole += exchange.hear(&pattern, piece).unwrap();
                    assert_eq!(exchange.heard(), whole);
                }
                assert_eq!((whole, exchange.under_way(), exchange.unheard()), (3, 0, None));
            }
        }
    }

    #[test]
    fn every_flipped_byte_is_found_at_its_place() {
        for place in 0..3 * BYTES {
            let (mut exchange, pattern, mut stream) = sent();
            stream[place] ^= 0x40;
            let found = Wrong::Damaged {
                connection: 3,
                message: (place / BYTES) as u64,
                place: place % BYTES,
                expected: stream[place] ^ 0x40,
                came: stream[place],
            };
            assert_eq!(exchange.hear(&pattern, &stream), Err(found));
        }
    }

    #[test]
    fn a_message_of_another_number_or_connection_is_found() {
        let (mut exchange, pattern, stream) = sent();
        assert!(exchange.hear(&pattern, &stream[BYTES..]).is_err(), "the second comes first");
        for other in [2, 4] {
            let (mut exchange, pattern, _) = sent();
            assert!(exchange.hear(&pattern, pattern.message(other, 0)).is_err(), "of connection {other}");
        }
    }

    #[test]
    fn nothing_may_come_that_was_not_sent() {
        let (mut exchange, pattern, mut stream) = sent();
        stream.push(stream[3 * BYTES - 1]);
        let surplus = Wrong::Surplus { connection: 3, messages: 3 };
        assert_eq!(exchange.hear(&pattern, &stream), Err(surplus.clone()));

        let (mut exchange, pattern, mut stream) = sent();
        exchange.begin();
        exchange.send(2);
        stream.extend_from_slice(&pattern.message(3, 3)[..2]);
        assert_eq!(exchange.hear(&pattern, &stream), Ok(3));
        let ahead = &pattern.message(3, 3)[2..3];
        assert_eq!(exchange.hear(&pattern, ahead), Err(Wrong::Surplus { connection: 3, messages: 4 }));
        let unheard = Wrong::Unheard { connection: 3, message: 3, bytes: 2 };
        assert_eq!(exchange.unheard(), Some(unheard));
    }

    #[test]
    fn before_the_first_message_nothing_is_sent_or_due() {
        let (mut exchange, pattern) = (Exchange::new(0), Pattern::new(BYTES));
        assert!(exchange.unsent(&pattern).is_empty());
        assert_eq!(exchange.hear(&pattern, b"x"), Err(Wrong::Surplus { connection: 0, messages: 0 }));
    }
}
