//! Message ids: UUID version 7 (RFC 9562 §5.7), each greater than all before it, across restarts too.
//!
//! The ledger asks for them. A clock that stands still or goes back does not matter: then the next id is the last
//! one plus one (§6.2, method 2: the random bits are the counter).

use throng_chat::{MsgId, Time};
use uuid::{Builder, NoContext, Timestamp, Uuid};

/// Makes an id for a moment; need not be greater than others.
pub(crate) type Fresh = fn(Time) -> u128;

/// Where the version lies, and the two bits of the variant.
const VERSION_SHIFT: u32 = 76;
const VARIANT_SHIFT: u32 = 62;
const TAIL: u128 = (1 << VARIANT_SHIFT) - 1;
const MIDDLE: u128 = (1 << 12) - 1;

/// The id after `last`.
pub(crate) fn next(last: MsgId, now: Time, fresh: Fresh) -> MsgId {
    let made = fresh(now);
    MsgId(if made > last.0 { made } else { dressed(bare(last.0) + 1) })
}

/// With random bits, so that two stores never give the same.
pub(crate) fn random(now: Time) -> u128 {
    let millis = u64::try_from(now.0).unwrap_or(0);
    let nanos = (millis % 1000) as u32 * 1_000_000;
    Uuid::new_v7(Timestamp::from_unix(NoContext, millis / 1000, nanos)).as_u128()
}

/// Without, so that a simulation gives the same ids each time.
pub(crate) fn plain(now: Time) -> u128 {
    let millis = u64::try_from(now.0).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid().as_u128()
}

/// The 122 bits that are the id's own: without version and variant.
fn bare(id: u128) -> u128 {
    let millis = id >> (VERSION_SHIFT + 4);
    let middle = (id >> 64) & MIDDLE;
    (millis << 74) | (middle << VARIANT_SHIFT) | (id & TAIL)
}

fn dressed(bare: u128) -> u128 {
    let millis = bare >> 74;
    let middle = (bare >> VARIANT_SHIFT) & MIDDLE;
    (millis << 80) | (7 << VERSION_SHIFT) | (middle << 64) | (0b10 << VARIANT_SHIFT) | (bare & TAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_a_valid_uuid_of_version_7_with_its_time() {
        let id = Uuid::from_u128(next(MsgId(0), Time(1_700_000_000_123), random).0);
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(id.get_timestamp().map(|t| t.to_unix()), Some((1_700_000_000, 123_000_000)));
    }

    #[test]
    fn ids_grow_while_the_clock_stands_still_goes_back_and_is_before_all_time() {
        let mut last = MsgId(0);
        for at in [1000, 1000, 1000, 999, 0, -5, 1000, 1001] {
            let id = next(last, Time(at), random);
            assert!(id > last, "{id:?} after {last:?}");
            assert_eq!(Uuid::from_u128(id.0).get_version_num(), 7);
            last = id;
        }
    }

    #[test]
    fn a_counter_that_is_full_carries_into_the_time() {
        let last = dressed((5 << 74) | ((1 << 74) - 1));
        let id = next(MsgId(last), Time(5), plain);
        assert_eq!(id.0, dressed(6 << 74));
        assert_eq!(Uuid::from_u128(id.0).get_variant(), uuid::Variant::RFC4122);
    }

    #[test]
    fn plain_ids_are_the_same_each_time() {
        let twice = [0, 1].map(|_| next(MsgId(0), Time(77), plain));
        assert_eq!(twice[0], twice[1]);
    }
}
