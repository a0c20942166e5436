//! What is sent: a slice of one table of noise for each message, chosen by its connection and its number.
//!
//! Nothing is made or copied for a message, and two of them have the same bytes by chance only.

/// Where a message may begin. Small enough to stay in the second cache.
const BEGINNINGS: usize = 256 << 10;

/// The table.
pub struct Pattern {
    noise: Vec<u8>,
    bytes: usize,
}

impl Pattern {
    /// For messages of so many bytes.
    pub fn new(bytes: usize) -> Pattern {
        let words = (BEGINNINGS + bytes).div_ceil(size_of::<u64>());
        let noise = (0..words as u64).flat_map(|word| mixed(word).to_le_bytes()).collect();
        Pattern { noise, bytes }
    }

    /// How long each message is.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// This message of this connection.
    pub fn message(&self, connection: u64, number: u64) -> &[u8] {
        let beginning = mixed(mixed(connection) ^ number) as usize % BEGINNINGS;
        &self.noise[beginning..beginning + self.bytes]
    }
}

/// A number that looks like chance (the step of SplitMix64).
pub(crate) fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_connection_and_each_number_has_bytes_of_its_own() {
        let pattern = Pattern::new(64);
        let pairs = (0..10_u64).flat_map(|connection| (0..10_u64).map(move |number| (connection, number)));
        let messages: BTreeSet<_> =
            pairs.map(|(connection, number)| pattern.message(connection, number)).collect();
        assert_eq!(messages.len(), 100);
        assert!(messages.iter().all(|message| message.len() == 64));
    }

    #[test]
    fn neighbouring_bytes_differ_mostly() {
        let pattern = Pattern::new(64 << 10);
        let message = pattern.message(7, 7);
        let same = message.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!(same * 100 < message.len(), "{same} of {} are like the one before", message.len());
    }
}
