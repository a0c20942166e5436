//! The core against networks that are made up: what is lost, limited, cold, full or gone never becomes a wrong verdict, and
//! never costs more time than it must. The clock is made up too, so times can be asserted to the millisecond.

#![allow(clippy::unwrap_used)]

mod net;

use std::sync::Arc;
use std::time::Duration;

use net::{Net, Outcome, scan, scan_until};
use throng_scan::core::{Core, Moment, Terms};
use throng_scan::event::{HostEnd, Trouble, Verdict};

const TERMS: Terms = Terms { window: 16_384, fixed: false, rate: None };

fn all() -> Vec<u16> {
    (1..=65535).collect()
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Exactly the open ports are called open, each port has one verdict, and each other verdict is one of these.
fn right(net: &Net, outcome: &Outcome, ports: usize, others: &[Verdict], seconds_max: f64) {
    let context = format!("seed {}, took {:?}, {} probes", net.seed, outcome.took, outcome.probes);
    let open: Vec<u16> = outcome
        .found
        .values()
        .filter(|found| found.verdict == Verdict::Open)
        .map(|found| found.port)
        .collect();
    let missed: Vec<_> = net.open.iter().filter(|port| !open.contains(port)).collect();
    let wrong: Vec<_> = open.iter().filter(|port| !net.open.contains(port)).collect();
    assert!(wrong.is_empty(), "{context}: called open and not: {wrong:?}");
    assert!(missed.is_empty(), "{context}: missed {missed:?}");
    assert_eq!(outcome.found.len(), ports, "{context}");
    assert!(outcome.twice.is_empty(), "{context}: told twice: {:?}", outcome.twice);
    assert_eq!(outcome.end.end, HostEnd::Complete, "{context}");
    for found in outcome.found.values().filter(|found| found.verdict != Verdict::Open) {
        assert!(others.contains(&found.verdict), "{context}: {found:?}");
    }
    assert!(outcome.took.as_secs_f64() <= seconds_max, "{context}: more than {seconds_max} s");
}

fn each_seed(net: impl Fn(u64) -> Net, others: &[Verdict], seconds_max: f64) {
    for seed in 1..=5 {
        let net = net(seed);
        right(&net, &scan(&net, &all(), TERMS), 65535, others, seconds_max);
    }
}

#[test]
fn a_free_way_is_filled_within_a_few_round_trips() {
    each_seed(|seed| Net::new(seed, ms(50)), &[Verdict::Closed], 0.8);
    each_seed(|seed| Net { capacity: Some(80_000.0), ..Net::new(seed, ms(50)) }, &[Verdict::Closed], 1.5);
    each_seed(|seed| Net::new(seed, ms(1)), &[Verdict::Closed], 0.1);
    each_seed(|seed| Net::new(seed, ms(700)), &[Verdict::Closed], 20.0);
}

#[test]
fn what_is_lost_is_asked_again() {
    each_seed(
        |seed| Net { loss: 0.01, ..Net::new(seed, ms(50)) },
        &[Verdict::Closed, Verdict::Filtered],
        3.0,
    );
    let net = |seed| Net { loss: 0.01, silent: |_| true, capacity: Some(80_000.0), ..Net::new(seed, ms(50)) };
    each_seed(net, &[Verdict::Filtered], 4.5);
}

#[test]
fn a_closed_port_is_called_filtered_only_where_its_resets_are_lost() {
    let net = Net { loss: 0.01, ..Net::new(3, ms(50)) };
    let outcome = scan(&net, &all(), TERMS);
    let filtered = outcome.found.values().filter(|found| found.verdict == Verdict::Filtered).count();
    assert!(filtered <= 20, "{filtered} of 65,535 with 2 % loss and three tries or more");
}

#[test]
fn limited_resets_are_not_chased_and_are_told() {
    let net = |seed| Net { resets: Some(200.0), capacity: Some(80_000.0), ..Net::new(seed, ms(50)) };
    each_seed(net, &[Verdict::Closed, Verdict::Filtered], 6.0);
    assert!(scan(&net(1), &all(), TERMS).end.resets_limited);
    for usual in
        [Net::new(1, ms(50)), Net { loss: 0.01, silent: |port| port % 2 == 0, ..Net::new(1, ms(50)) }]
    {
        assert!(!scan(&usual, &all(), TERMS).end.resets_limited);
    }
}

#[test]
fn a_neighbour_that_must_be_found_first_costs_no_port() {
    each_seed(|seed| Net { cold_until: ms(300), ..Net::new(seed, ms(1)) }, &[Verdict::Closed], 2.0);
    each_seed(
        |seed| Net { cold_until: ms(2500), ..Net::new(seed, ms(1)) },
        &[Verdict::Closed, Verdict::Filtered],
        6.0,
    );
}

#[test]
fn nobody_there_is_known_in_three_seconds_and_few_questions() {
    let net = Net { nobody: true, ..Net::new(1, ms(1)) };
    let outcome = scan(&net, &all(), TERMS);
    assert_eq!(outcome.end.end, HostEnd::Unreachable);
    assert!(outcome.took <= ms(3600), "{:?}", outcome.took);
    assert!(outcome.found.values().all(|found| found.verdict != Verdict::Open));
}

#[test]
fn a_host_without_a_word_is_asked_about_everything_all_the_same() {
    let mut net = Net { silent: |_| true, ..Net::new(1, ms(20)) };
    net.open.clear();
    let outcome = scan(&net, &all(), TERMS);
    right(&net, &outcome, 65535, &[Verdict::Filtered], 60.0);
    net.open.insert(50_000);
    let outcome = scan(&net, &all(), TERMS);
    right(&net, &outcome, 65535, &[Verdict::Filtered], 40.0);
}

#[test]
fn a_router_that_rejects_is_believed_when_it_says_it_twice() {
    let net = |seed| Net { rejected: Some(ms(10)), ..Net::new(seed, ms(20)) };
    each_seed(net, &[Verdict::Unreachable], 3.0);
    let mut net = net(1);
    // The first that are asked are rejected too: that is no host without a way to it.
    net.open.retain(|port| (1000..60_000).contains(port));
    let outcome = scan(&net, &all(), TERMS);
    right(&net, &outcome, 65535, &[Verdict::Unreachable], 3.0);
    assert!(outcome.found.values().all(|found| found.verdict == Verdict::Open || found.tries == 2));
}

#[test]
fn descriptors_and_ports_that_are_missing_here_say_nothing_of_there() {
    for (descriptors, seconds_max) in [(40, 120.0), (200, 30.0), (4, 1000.0)] {
        let net = Net { descriptors, ..Net::new(1, ms(50)) };
        let outcome = scan(&net, &all(), TERMS);
        right(&net, &outcome, 65535, &[Verdict::Closed], seconds_max);
        assert!(outcome.most_waiting as usize <= descriptors);
    }
    for trouble in [Trouble::Ports, Trouble::Buffers, Trouble::Other] {
        let net = Net { trouble: Some((500, trouble)), ..Net::new(2, ms(5)) };
        right(&net, &scan(&net, &all(), TERMS), 65535, &[Verdict::Closed], 60.0);
    }
}

#[test]
fn a_machine_that_cannot_ask_at_all_says_so() {
    let net = Net { descriptors: 0, ..Net::new(1, ms(5)) };
    let outcome = scan(&net, &all(), TERMS);
    assert_eq!(outcome.end.end, HostEnd::Local(Trouble::Descriptors));
    assert!(outcome.found.is_empty() && outcome.took < ms(12_000), "{:?}", outcome.took);
}

#[test]
fn a_host_that_vanishes_leaves_what_is_not_known_unknown() {
    for (seed, gone_from, silent) in
        [(1, 100, false), (2, 150, false), (3, 900, true), (4, 1300, true), (5, 1600, true)]
    {
        let silent: fn(u16) -> bool = if silent { |_| true } else { |_| false };
        let net = Net { gone_from: Some(ms(gone_from)), silent, ..Net::new(seed, ms(50)) };
        let outcome = scan(&net, &all(), TERMS);
        assert_eq!(outcome.end.end, HostEnd::Vanished, "seed {seed}");
        assert!(outcome.took < ms(gone_from + 20_000), "{:?}", outcome.took);
        for found in outcome.found.values() {
            let open = net.open.contains(&found.port);
            assert_eq!(found.verdict == Verdict::Open, open, "seed {seed}: {found:?}");
        }
    }
}

#[test]
fn what_was_only_asked_while_the_host_was_away_is_not_called_filtered() {
    // So few that nothing else shows that the host has gone.
    let ports = [80, 85, 86];
    let mut net = Net { gone_from: Some(ms(60)), ..Net::new(1, ms(50)) };
    net.open = [80, 85].into();
    let outcome = scan(&net, &ports, TERMS);
    assert_eq!(outcome.end.end, HostEnd::Vanished);
    assert!(outcome.found.values().all(|found| found.verdict != Verdict::Filtered), "{:?}", outcome.found);
    net.back_at = Some(ms(1500));
    right(&net, &scan(&net, &ports, TERMS), ports.len(), &[Verdict::Closed], 4.0);
    // What was asked meanwhile does not count: after that each port is asked as often as its way makes necessary.
    for seed in 1..=8 {
        let ports: Vec<u16> = (80..=160).collect();
        let net =
            Net { loss: 0.06, silent: |_| true, open: (80..=160).step_by(2).collect(), seed, ..net.clone() };
        right(&net, &scan(&net, &ports, TERMS), ports.len(), &[Verdict::Filtered], 9.0);
    }
}

#[test]
fn a_host_that_comes_back_is_scanned_to_the_end() {
    for (seed, gone_from, back_at) in [(1, 100, 900), (2, 200, 4000), (3, 1000, 1700), (4, 500, 6000)] {
        for silent in [(|_| true) as fn(u16) -> bool, |_| false] {
            let net = Net {
                gone_from: Some(ms(gone_from)),
                back_at: Some(ms(back_at)),
                silent,
                capacity: Some(40_000.0),
                ..Net::new(seed, ms(50))
            };
            let outcome = scan(&net, &all(), TERMS);
            right(&net, &outcome, 65535, &[Verdict::Closed, Verdict::Filtered], 20.0);
            if !silent(2) {
                let filtered =
                    outcome.found.values().filter(|found| found.verdict == Verdict::Filtered).count();
                assert!(filtered < 70, "seed {seed}: {filtered} closed ports are called filtered");
            }
        }
    }
}

#[test]
fn who_meets_himself_is_not_open() {
    let net = |seed| Net { local: true, meets_itself: Some(20_000), ..Net::new(seed, Duration::ZERO) };
    each_seed(net, &[Verdict::Closed], 0.5);
}

#[test]
fn a_host_without_a_port_to_ask_is_done_at_once() {
    let mut core = Core::new(TERMS);
    core.begin(Moment::default(), 7, [192, 0, 2, 1].into(), false, Arc::from([]));
    assert!(core.is_idle() && core.next(Moment::default()).is_none() && core.wake().is_none());
    assert_eq!(core.ended().map(|end| (end.visit, end.end)).collect::<Vec<_>>(), [(7, HostEnd::Complete)]);
}

#[test]
fn hosts_take_turns() {
    let mut core = Core::new(TERMS);
    for host in 1..=3 {
        core.begin(
            Moment::default(),
            host,
            [127, 0, 0, u8::try_from(host).unwrap()].into(),
            true,
            all().into(),
        );
    }
    let asked: Vec<String> =
        (0..9).map(|_| core.next(Moment::default()).unwrap().address.to_string()).collect();
    assert!(
        asked.windows(3).all(|three| three[0] != three[1] && three[1] != three[2] && three[0] != three[2]),
        "{asked:?}"
    );
}

#[test]
fn a_rate_is_kept_and_one_after_another_is_one() {
    let ports: Vec<u16> = (1..=2000).collect();
    let mut net = Net::new(1, ms(5));
    net.open.retain(|port| *port <= 2000);
    let outcome = scan(&net, &ports, Terms { rate: Some(500.0), ..TERMS });
    right(&net, &outcome, 2000, &[Verdict::Closed], 4.1);
    assert!(outcome.took >= ms(3900), "{:?}", outcome.took);
    let outcome = scan(&net, &ports, Terms { window: 1, fixed: true, rate: None });
    right(&net, &outcome, 2000, &[Verdict::Closed], 10.1);
    assert_eq!(outcome.most_waiting, 1);
    assert!(outcome.took >= ms(9990), "{:?}", outcome.took);
}

#[test]
fn stopped_at_any_moment_nothing_is_claimed_that_was_not_seen() {
    for seed in 1..=50 {
        let net = Net {
            loss: 0.02,
            silent: |port| port % 3 == 0,
            capacity: Some(50_000.0),
            ..Net::new(seed, ms(20))
        };
        let outcome = scan_until(&net, &all(), TERMS, ms(seed * 37));
        for found in outcome.found.values() {
            let open = net.open.contains(&found.port);
            assert_eq!(found.verdict == Verdict::Open, open, "seed {seed}: {found:?}");
        }
        assert!(outcome.twice.is_empty());
    }
}

#[test]
fn the_same_network_gives_the_same_scan() {
    let net = Net { loss: 0.03, silent: |port| port % 5 == 0, ..Net::new(9, ms(30)) };
    let (first, second) = (scan(&net, &all(), TERMS), scan(&net, &all(), TERMS));
    assert_eq!((first.took, first.probes), (second.took, second.probes));
    assert_eq!(first.found, second.found);
}
