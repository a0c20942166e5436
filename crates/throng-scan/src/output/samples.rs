//! Events for the tests of the formats.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;

use super::About;
use crate::event::{
    Counts, End, Ended, Event, Host, HostEnd, HostReport, Port, Progress, Reason, Started, Trouble, Verdict,
};

/// Makes bytes safe as the front end does, roughly.
fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().flat_map(char::escape_default).collect()
}

pub fn about() -> About {
    About {
        program: "throng scan".to_owned(),
        version: "0.0.0".to_owned(),
        command: "throng scan localhost".to_owned(),
        began: Duration::from_millis(1_700_000_000_250),
        ports: "1-1024".parse().unwrap(),
        authorized: None,
        names: false,
        printable,
    }
}

pub fn host(address: &str, name: Option<&str>) -> Arc<Host> {
    Arc::new(Host { address: address.parse().unwrap(), name: name.map(Into::into) })
}

pub fn port(host: &Arc<Host>, number: u16, verdict: Verdict) -> Port {
    let (reason, round_trip) = match verdict {
        Verdict::Open => (Reason::Accepted, Some(Duration::from_micros(412))),
        Verdict::Closed => (Reason::Reset, Some(Duration::from_micros(99))),
        Verdict::Filtered => (Reason::Silence, None),
        Verdict::Unreachable => (Reason::HostUnreachable, None),
        Verdict::Unknown => (Reason::NotAsked, None),
    };
    Port { host: Arc::clone(host), number, verdict, reason, round_trip, tries: 1, banner: None }
}

pub fn report(host: &Arc<Host>, counts: Counts) -> HostReport {
    HostReport {
        host: Arc::clone(host),
        counts,
        end: HostEnd::Complete,
        round_trip: Some(Duration::from_micros(120)),
        elapsed: Duration::from_millis(250),
        resets_limited: false,
    }
}

pub fn ended(hosts: u64, counts: Counts, end: End) -> Ended {
    let elapsed = Duration::from_millis(1500);
    Ended { hosts, answered: 1, counts, elapsed, probes: 1030, troubles: 0, end }
}

/// Two ports of one host and all that stands around them.
pub fn usual() -> Vec<Event> {
    let host = host("127.0.0.1", Some("localhost"));
    let counts = Counts { open: 2, closed: 1022, ..Counts::default() };
    let said = Port { banner: Some((*b"SSH-2.0-x\r\nmore").into()), ..port(&host, 22, Verdict::Open) };
    vec![
        Event::Started(Started { hosts: 1, ports: 1024 }),
        Event::Port(said),
        Event::Progress(Progress { done: 500, of: 1024, ..Progress::default() }),
        Event::Port(port(&host, 80, Verdict::Open)),
        Event::Host(report(&host, counts)),
        Event::Ended(ended(1, counts, End::Complete)),
    ]
}

/// Any text and any bytes, often the worst of both.
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[\\x00-\\x20<>&\"'\\]\\\\-]{0,12}",
        ".{0,12}",
        "\\PC{0,12}",
        Just("\u{fffe}\u{ffff}]]>--".to_owned())
    ]
}

fn any_host() -> impl Strategy<Value = Arc<Host>> {
    // Few, so that they meet again.
    (0_u8..4, prop::option::of(text())).prop_map(|(last, name)| {
        let address: IpAddr =
            if last % 2 == 0 { [192, 0, 2, last].into() } else { [0, 0, 0, 0, 0, 0, 0, last.into()].into() };
        Arc::new(Host { address, name: name.map(Into::into) })
    })
}

fn any_counts() -> impl Strategy<Value = Counts> {
    (0_u64..3, 0_u64..3, any::<u64>(), 0_u64..3, 0_u64..3).prop_map(
        |(open, closed, filtered, unreachable, unknown)| Counts {
            open,
            closed,
            filtered: filtered >> 8,
            unreachable,
            unknown,
        },
    )
}

/// Anything that a scan may tell, and in any order, which it may not.
pub fn any_event() -> impl Strategy<Value = Event> {
    let verdicts =
        [Verdict::Open, Verdict::Closed, Verdict::Filtered, Verdict::Unreachable, Verdict::Unknown];
    let reasons = [
        Reason::Accepted,
        Reason::Reset,
        Reason::Silence,
        Reason::HostUnreachable,
        Reason::NetworkUnreachable,
        Reason::Prohibited,
        Reason::NotAsked,
        Reason::Local(Trouble::Descriptors),
    ];
    let ends = [
        HostEnd::Complete,
        HostEnd::Unreachable,
        HostEnd::Vanished,
        HostEnd::Stopped,
        HostEnd::Local(Trouble::Ports),
    ];
    let banner = prop::option::of(prop_oneof![
        prop::collection::vec(any::<u8>(), 0..40),
        text().prop_map(String::into_bytes)
    ]);
    let port = (
        any_host(),
        any::<u16>(),
        prop::sample::select(verdicts.to_vec()),
        prop::sample::select(reasons.to_vec()),
        banner,
    )
        .prop_map(|(host, number, verdict, reason, banner)| Port {
            reason,
            banner: banner.map(Into::into),
            ..port(&host, number, verdict)
        });
    let report = (any_host(), any_counts(), prop::sample::select(ends.to_vec()), any::<bool>()).prop_map(
        |(host, counts, end, resets_limited)| HostReport { end, resets_limited, ..report(&host, counts) },
    );
    let ends = prop::sample::select(vec![End::Complete, End::Stopped, End::Deadline]);
    let ended = (0_u64..5, any_counts(), ends).prop_map(|(hosts, counts, end)| ended(hosts, counts, end));
    prop_oneof![
        2 => (0_u64..5, any::<u32>()).prop_map(|(hosts, ports)| Event::Started(Started { hosts, ports })),
        12 => port.prop_map(Event::Port),
        2 => Just(Event::Progress(Progress::default())),
        3 => report.prop_map(Event::Host),
        1 => ended.prop_map(Event::Ended),
    ]
}
