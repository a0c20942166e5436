//! What happened to a stream that came back wrong: from what should have come and what came, the least damage that explains
//! it. Pure.

use std::fmt;

use super::payload::Payload;
use super::stream::Stream;

/// How much of what comes after the first wrong byte is looked at.
pub const EVIDENCE_BYTES: usize = 256;

/// Damage of more bytes than this is not told apart.
const DAMAGE_MAX: usize = EVIDENCE_BYTES - MATCH_MIN;

/// What is missing may be more, since it takes no place in what comes.
const MISSING_MAX: usize = 64 << 10;

/// Where so many bytes are right again, that is no chance.
const MATCH_MIN: usize = 16;

/// A stream that came back wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Whose.
    pub connection: u64,
    /// The first byte of its stream that is wrong.
    pub offset: u64,
    /// What should have come there; nothing, when all that was sent was back.
    pub expected: Option<u8>,
    /// What came there; nothing, when nothing more came.
    pub came: Option<u8>,
    /// What happened.
    pub damage: Damage,
}

/// What happened to bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// So many are others.
    Changed(u64),
    /// So many did not come.
    Missing(u64),
    /// So many came a second time.
    Repeated(u64),
    /// So many came that were never sent.
    Extra(u64),
    /// Nothing of what came afterwards is what was sent.
    Garbled,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, what) = match self {
            Damage::Changed(count) => (count, "changed"),
            Damage::Missing(count) => (count, "missing"),
            Damage::Repeated(count) => (count, "repeated"),
            Damage::Extra(count) => (count, "extra"),
            Damage::Garbled => return write!(f, "nothing after it is what was sent"),
        };
        write!(f, "{count} {} {what}", if *count == 1 { "byte" } else { "bytes" })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault { connection, offset, expected, came, damage } = self;
        write!(f, "connection {connection}, byte {offset}: ")?;
        match (expected, came) {
            (Some(expected), Some(came)) => write!(f, "{came:#04x} came for {expected:#04x}, ")?,
            (None, Some(came)) => write!(f, "{came:#04x} came when nothing was due, ")?,
            (_, None) => {}
        }
        write!(f, "{damage}")
    }
}

/// Looks at `evidence`, which came behind what `stream` heard; its first byte is wrong. `is_all` says that nothing more will
/// come.
pub fn diagnose(stream: &Stream, payload: &Payload, evidence: &[u8], is_all: bool) -> Fault {
    let (heard, sent) = (stream.heard, stream.sent);
    let before = payload.copy(stream.connection, heard.saturating_sub(DAMAGE_MAX as u64), heard);
    let reach = sent.min(heard + (evidence.len() + MISSING_MAX) as u64);
    let due = payload.copy(stream.connection, heard, reach);
    Fault {
        connection: stream.connection,
        offset: heard,
        expected: due.first().copied(),
        came: evidence.first().copied(),
        damage: damage(&before, &due, evidence, is_all),
    }
}

fn damage(before: &[u8], due: &[u8], evidence: &[u8], is_all: bool) -> Damage {
    // Right again are enough bytes; or all that are left, when as many came as that makes.
    let agrees = |came: &[u8], due: &[u8]| {
        due.starts_with(came) && (came.len() >= MATCH_MIN || is_all && came.len() == due.len())
    };
    let from = |bytes: usize| evidence.get(bytes..);
    for bytes in 1..=MISSING_MAX.min(due.len().max(evidence.len())) {
        let count = bytes as u64;
        if let (Some(came), Some(due)) = (from(bytes), due.get(bytes..))
            && agrees(came, due)
        {
            return Damage::Changed(count);
        }
        if due.get(bytes..).is_some_and(|due| agrees(evidence, due)) {
            return Damage::Missing(count);
        }
        if bytes <= DAMAGE_MAX && from(bytes).is_some_and(|came| agrees(came, due)) {
            let repeats = before.ends_with(&evidence[..bytes]);
            return if repeats { Damage::Repeated(count) } else { Damage::Extra(count) };
        }
    }
    Damage::Garbled
}

#[cfg(test)]
mod tests {
    use super::super::plan::{Framing, Messages};
    use super::*;

    const SENT: u64 = 4096;

    fn payload() -> Payload {
        Payload::new(Messages { framing: Framing::Raw, bytes: 64, seed: 8, verify: true })
    }

    /// What is said when this comes back for a stream of connection 1.
    fn check(came: &[u8]) -> Fault {
        let payload = payload();
        let mut stream = Stream { connection: 1, begun: SENT / 64, sent: SENT, heard: 0 };
        let rest = match stream.hear(&payload, came) {
            Err(place) => &came[place..],
            Ok(()) => &[][..],
        };
        let is_all = rest.len() <= EVIDENCE_BYTES;
        diagnose(&stream, &payload, &rest[..rest.len().min(EVIDENCE_BYTES)], is_all)
    }

    #[test]
    fn damage_of_any_size_is_told_at_any_place() {
        let sent = payload().copy(1, 0, SENT);
        for at in [64_usize, 65, 100, 2000, 4000, 4090, 4095] {
            for count in [1_usize, 2, 7, 63, 200] {
                let count = count.min(sent.len() - at).min(at);
                let is_random = |damage: &Fault, expected: Damage| {
                    assert_eq!(damage.damage, expected, "{count} at {at}: {damage}");
                };
                let mut changed = sent.clone();
                changed[at..at + count].iter_mut().for_each(|byte| *byte ^= 0x55);
                let fault = check(&changed);
                assert_eq!(fault.offset, at as u64);
                is_random(&fault, Damage::Changed(count as u64));

                let missing = [&sent[..at], &sent[at + count..]].concat();
                is_random(&check(&missing), Damage::Missing(count as u64));

                let repeated = [&sent[..at], &sent[at - count..at], &sent[at..]].concat();
                is_random(&check(&repeated), Damage::Repeated(count as u64));

                let noise: Vec<u8> = (0..count).map(|byte| sent[(at + byte) % 4096] ^ 0x33).collect();
                let extra = [&sent[..at], &noise, &sent[at..]].concat();
                is_random(&check(&extra), Damage::Extra(count as u64));
            }
        }
    }

    #[test]
    fn noise_is_told_as_such_and_nothing_that_comes_can_harm() {
        let sent = payload().copy(1, 0, SENT);
        let noise: Vec<u8> = sent.iter().map(|byte| byte.wrapping_mul(3) ^ 0x5a).collect();
        assert_eq!(check(&[&sent[..100], &noise[..1000]].concat()).damage, Damage::Garbled);
        for length in 0..64 {
            let stream = Stream { connection: 1, begun: 1, sent: length, heard: 0 };
            for evidence in [&noise[..], &noise[..1], &[]] {
                diagnose(&stream, &payload(), &evidence[..evidence.len().min(EVIDENCE_BYTES)], true);
            }
        }
    }

    #[test]
    fn a_fault_is_told_in_words() {
        let fault = Fault {
            connection: 7,
            offset: 90,
            expected: Some(1),
            came: Some(0xff),
            damage: Damage::Changed(1),
        };
        assert_eq!(fault.to_string(), "connection 7, byte 90: 0xff came for 0x01, 1 byte changed");
        let fault = Fault { expected: None, damage: Damage::Extra(2), ..fault };
        assert_eq!(fault.to_string(), "connection 7, byte 90: 0xff came when nothing was due, 2 bytes extra");
        let fault = Fault { came: None, damage: Damage::Missing(3), ..fault };
        assert_eq!(fault.to_string(), "connection 7, byte 90: 3 bytes missing");
    }
}
