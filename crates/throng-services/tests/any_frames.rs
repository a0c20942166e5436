//! Whatever comes behind the handshake of a WebSocket: nothing of it panics, and how it is torn makes no difference.

#![allow(clippy::unwrap_used)]

mod frames;

use std::sync::Arc;

use frames::frame;
use proptest::prelude::*;
use throng_services::chat::door::irc::IrcDoor;
use throng_services::chat::door::web::WebDoor;
use throng_services::chat::door::web::socket::Speech;
use throng_services::chat::door::{Ask, Door, Footing, Heard};
use throng_services::chat::{House, Notes, Settings};

fn door(speech: Speech) -> WebDoor {
    let house = House {
        settings: Settings { zone: jiff::tz::TimeZone::UTC, ..Settings::default() },
        since: throng_chat::Time(0),
        now: || throng_chat::Time(0),
        notes: Notes::default(),
    };
    WebDoor::new(IrcDoor::new(Arc::new(house), Footing::default()), speech)
}

/// What a door heard in these parts: asks, how often it was over, and how many bytes it answered.
fn hear(speech: Speech, parts: &[&[u8]]) -> (Vec<Ask>, bool, usize) {
    let mut door = door(speech);
    let (mut asks, mut over, mut answered) = (Vec::new(), false, 0);
    for part in parts {
        let mut heard = Heard::default();
        door.hear(part, &mut heard);
        asks.append(&mut heard.asks);
        over |= heard.over.is_some();
        answered += heard.reply.len();
    }
    (asks, over, answered)
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let first =
        prop_oneof![4 => Just(0x81), 1 => Just(0x01), 1 => Just(0x80), 1 => Just(0x89), 1 => any::<u8>()];
    let line = prop_oneof![
        "(NICK|USER|JOIN|PRIVMSG|PASS|CAP|QUIT|PING) [ -~]{0,60}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..300),
    ];
    (first, any::<[u8; 4]>(), line).prop_map(|(first, mask, line)| frame(first, mask, &line))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_does_not_matter_how_frames_are_torn(
        frames in proptest::collection::vec(any_frame(), 0..6),
        cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..6),
        binary in any::<bool>(),
    ) {
        let speech = if binary { Speech::Binary } else { Speech::Text };
        let bytes = frames.concat();
        let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        ends.extend([0, bytes.len()]);
        ends.sort_unstable();
        let parts: Vec<&[u8]> = ends.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        prop_assert_eq!(hear(speech, &parts), hear(speech, &[&bytes]));
    }
}

#[test]
fn any_bytes_are_heard_without_a_panic() {
    bolero::check!().for_each(|bytes: &[u8]| {
        let (asks, ..) = hear(Speech::Text, &[bytes]);
        assert!(asks.len() <= bytes.len(), "each ask takes at least a byte");
    });
}
