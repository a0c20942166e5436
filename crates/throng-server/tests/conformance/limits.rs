//! Who is served, who waits, and who hears why not.

use std::time::Duration;

use throng_server::{Denial, Denied, Full, Limits, Rate};

use crate::callers::{ADDRESSED, TRANSPORTS, Transport};
use crate::place::{hear, hear_all, hear_out, talk, until};
use crate::say;
use crate::stands::{Rules, Stage, on_every, on_every_of, usual};

/// One who is not served hears why. Over TLS he hears nothing, as a plain word is not understood there, and a handshake costs
/// more than he is given.
#[track_caller]
fn hears_why(stage: &Stage) {
    let mut client = stage.client();
    match stage.transport() {
        Transport::Tls => assert_eq!(hear_out(&mut client), (vec![], false), "{}", stage.name),
        _ => assert_eq!(hear_all(&mut client), b"too many\n", "{}", stage.name),
    }
}

#[test]
fn of_further_clients_each_waits_its_turn_or_all_are_served() {
    on_every(&usual(), |stage| {
        let mut first = stage.served();
        let mut others: Vec<_> = (0..3).map(|_| stage.client()).collect();
        others.iter_mut().for_each(|other| say(other, "me too\n"));
        if stage.many {
            others.iter_mut().for_each(|other| assert_eq!(hear(other, 7), "me too\n"));
            return;
        }
        // The kernel counts who waits at a port, and not at a path.
        #[cfg(target_os = "linux")]
        if stage.transport() != Transport::Unix {
            until("three wait", || stage.place.running.waiting() == Some(3));
        }
        talk(&mut first, "still the only one\n");
        let mut served = first;
        for mut other in others {
            drop(served);
            assert_eq!(hear(&mut other, 7), "me too\n", "{}", stage.name);
            // Who was served before may still be saying goodbye.
            until("one is left", || stage.place.open_count() == 1);
            served = other;
        }
    });
}

#[test]
fn who_is_above_the_total_waits_until_one_leaves() {
    let rules = Rules { limits: Limits { total: 2, ..Limits::default() }, ..Rules::default() };
    on_every(&rules, |stage| {
        let first = stage.served();
        let second = stage.many.then(|| stage.served());
        let mut third = stage.client();
        say(&mut third, "and me\n");
        assert_eq!(stage.place.open_count(), 1 + u64::from(stage.many), "{}", stage.name);
        drop(first);
        assert_eq!(hear(&mut third, 7), "and me\n", "{}", stage.name);
        drop(second);
    });
}

#[test]
fn who_is_above_his_addresss_limit_hears_why() {
    let limits = Limits { per_address: 1, per_address_loopback: true, ..Limits::default() };
    on_every_of(&ADDRESSED, &Rules { limits, ..Rules::default() }, |stage| {
        if !stage.many {
            return;
        }
        let mut first = stage.served();
        hears_why(stage);
        talk(&mut first, "fine\n");
        assert_eq!(stage.place.running.stats().rejected, 1);
    });
}

#[test]
fn who_finds_the_server_full_or_comes_too_often_hears_it() {
    let rate = Some(Rate { count: 1, per: Duration::from_secs(3600) });
    let full = Limits { total: 1, full: Full::Refuse, ..Limits::default() };
    let often = Limits { rate_per_address: rate, per_address_loopback: true, ..Limits::default() };
    for (limits, reason, transports) in [(full, "full", &TRANSPORTS[..]), (often, "too_often", &ADDRESSED)] {
        on_every_of(transports, &Rules { limits, ..usual() }, |stage| {
            let mut first = stage.served();
            if !stage.many {
                // Who waits for a turn waits in the kernel.
                assert_eq!(stage.place.running.stats().rejected, 0);
                return;
            }
            hears_why(stage);
            talk(&mut first, "fine\n");
            assert_eq!(stage.place.running.stats().rejected_for, [(reason, 1)].into(), "{}", stage.name);
        });
    }
}

/// How long a denial lasts whose end a test waits for.
const DENIED_FOR: Duration = Duration::from_millis(50);

#[test]
fn who_is_denied_hears_why_and_is_let_in_when_that_is_over() {
    let denied = Denied::default();
    on_every(&Rules { denied: denied.clone(), ..usual() }, |stage| {
        let all = || ["127.0.0.0/8", "::/0"].map(|network| Denial::of(network.parse().unwrap()));
        let hears = |word: &str| {
            let heard = hear_out(&mut stage.client()).0;
            let expected = if stage.transport() == Transport::Tls { "" } else { word };
            assert_eq!(String::from_utf8(heard).unwrap(), expected, "{}", stage.name);
        };
        denied.set(all()).unwrap();
        if stage.transport() == Transport::Unix {
            // Nobody's address can keep out who has none.
            drop(stage.served());
            return denied.set([]).unwrap();
        }
        hears("not you\n");
        denied.set(all().map(|denial| denial.word(b"not until then\n"))).unwrap();
        hears("not until then\n");
        let running = &stage.place.running;
        assert_eq!(running.stats().rejected_for, [("banned", 2)].into(), "{}", stage.name);
        assert_eq!((running.stats().rejected, running.stats().accepted), (2, 0), "{}", stage.name);
        denied.set([]).unwrap();
        drop(stage.served());
        stage.ends("peer_closed");
        // Over by itself, whoever looks at the list.
        denied.set(all().map(|denial| denial.lasting(DENIED_FOR))).unwrap();
        until("its time is over", || denied.look(std::net::Ipv4Addr::LOCALHOST.into()).is_none());
        assert_eq!(denied.len(), 2, "and it is on the list still");
        drop(stage.served());
        denied.set([]).unwrap();
    });
}

#[test]
fn a_lowered_limit_cuts_nobody_and_adds_nobody() {
    on_every(&usual(), |stage| {
        let running = &stage.place.running;
        let mut first = stage.served();
        running.set_limits(Limits { total: 0, ..running.limits() }).unwrap();
        let mut second = stage.client();
        say(&mut second, "and me\n");
        talk(&mut first, "still here\n");
        drop(first);
        stage.ends("peer_closed");
        assert_eq!(running.stats().accepted, 1, "{}", stage.name);
        running.set_limits(Limits { total: 1, ..running.limits() }).unwrap();
        assert_eq!(hear(&mut second, 7), "and me\n", "{}", stage.name);
    });
}
