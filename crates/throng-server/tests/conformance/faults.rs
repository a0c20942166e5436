//! What goes wrong: in the kernel, on the way, at the peer, and in the handler. It costs nobody else anything.

use std::io::{Read, Write};

use rustix::io::Errno;
use throng_server::testing::AcceptFaults;
use throng_server::{End, Event, Pause, Rejected};

use crate::callers::{ADDRESSED, Client, Transport};
use crate::place::{hear, hear_all, hear_out, talk, until};
use crate::say;
use crate::stands::{FLOOD, Panics, Rules, Stage, on_every, on_every_of, usual};

/// Errors of accept(2): of one client, and of ours.
const TROUBLES: [Errno; 6] =
    [Errno::CONNABORTED, Errno::PROTO, Errno::NFILE, Errno::MFILE, Errno::NOBUFS, Errno::PERM];

/// How often a peer takes a little before it takes the rest.
const SIPS: usize = 1000;

/// A header of version 1, as the protocol's own text has it: who calls, whom, from where.
const PASSED: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";

/// Another client is served as ever.
#[track_caller]
fn others_are_served(stage: &Stage) {
    drop(stage.served());
    stage.ends("peer_closed");
}

#[test]
fn whatever_the_kernel_says_to_an_accept_the_next_client_is_served() {
    // Each stage has a script of its own: it is read wholly before the next one begins.
    let faults = AcceptFaults::default();
    let rules = Rules { faults: faults.clone(), ..usual() };
    on_every(&rules, |stage| {
        faults.add(TROUBLES.map(Errno::raw_os_error));
        others_are_served(stage);
        assert_eq!(faults.left(), 0, "{}", stage.name);
    });
}

#[test]
fn one_who_resets_before_he_is_taken_is_lost_alone() {
    on_every_of(&ADDRESSED, &usual(), |stage| {
        stage.place.running.pause(Pause::Hold).unwrap();
        let mut gone = stage.ground.bare(&stage.place).unwrap();
        say(&mut gone, "nobody hears this\n");
        gone.reset();
        stage.place.running.resume().unwrap();
        let expected = if stage.transport() == Transport::Tls { "tls_failed" } else { "peer_reset" };
        stage.ends(expected);
        others_are_served(stage);
    });
}

#[test]
fn one_who_resets_in_the_middle_of_his_answer_is_lost_alone() {
    on_every_of(&ADDRESSED, &usual(), |stage| {
        let mut gone = stage.served();
        say(&mut gone, "flood\n");
        assert_eq!(hear(&mut gone, 8).len(), 8);
        gone.reset();
        stage.ends("peer_reset");
        assert_eq!(stage.finished(), ["peer_reset"], "{}", stage.name);
        others_are_served(stage);
    });
}

#[test]
fn one_who_leaves_in_the_middle_of_his_answer_is_lost_alone() {
    on_every(&usual(), |stage| {
        let mut gone = stage.served();
        say(&mut gone, "flood\n");
        assert_eq!(hear(&mut gone, 8).len(), 8);
        drop(gone);
        // The kernel answers what nobody reads any more with a reset.
        let end = stage.place.next_end();
        assert!(matches!(end, End::PeerReset | End::PeerClosed), "{end}, {}", stage.name);
        others_are_served(stage);
    });
}

#[test]
fn one_who_has_said_all_hears_all_that_is_answered() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        say(&mut client, "flood\n");
        client.end_side();
        let heard = hear_all(&mut client);
        let (flood, last) = heard.split_at(FLOOD.len());
        assert!(flood == *FLOOD && last == b"flood\n", "{}", stage.name);
        drop(client);
        stage.ends("peer_closed");
    });
}

#[test]
fn one_who_is_answered_to_the_end_can_still_speak() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        // The server has ended its side and reads out what comes: none of that is answered with a reset.
        say(&mut client, "done\n");
        assert_eq!(hear_all(&mut client), b"", "{}", stage.name);
        let _ = client.write_all(b"and one thing more\n");
        client.end_side();
        assert_eq!(hear_all(&mut client), b"", "{}", stage.name);
        drop(client);
        stage.ends("done");
    });
}

#[test]
fn one_who_takes_his_answer_in_sips_holds_nobody_up_and_hears_it_whole() {
    on_every(&usual(), |stage| {
        let mut slow = stage.served();
        say(&mut slow, "flood\n");
        let mut heard = vec![0; FLOOD.len()];
        let (sips, rest) = heard.split_at_mut(SIPS);
        for sip in sips.chunks_mut(1) {
            slow.read_exact(sip).unwrap();
        }
        // His window is shut meanwhile: two sockets hold less than that.
        if stage.many {
            talk(&mut stage.client(), "and me\n");
            stage.ends("peer_closed");
        }
        slow.read_exact(rest).unwrap();
        assert!(heard == *FLOOD, "{}", stage.name);
        assert_eq!(hear(&mut slow, 6), "flood\n");
    });
}

#[test]
fn one_who_does_not_speak_what_is_spoken_here_is_lost_alone() {
    on_every_of(&[Transport::Tls], &usual(), |stage| {
        for garbage in
            [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\0\x05hello", &[0x16; 600], b"\x16", b""]
        {
            let mut client = stage.ground.bare(&stage.place).unwrap();
            client.write_all(garbage).unwrap();
            client.end_side();
            hear_out(&mut client);
            drop(client);
            stage.ends("tls_failed");
        }
        others_are_served(stage);
    });
}

#[test]
fn a_proxys_header_is_heard_wherever_it_is_torn_and_half_of_one_is_refused() {
    let rules = Rules { proxies: vec!["127.0.0.0/8".parse().unwrap()], ..usual() };
    on_every_of(&ADDRESSED, &rules, |stage| {
        for torn_at in 1..PASSED.len() {
            let mut proxy = stage.ground.bare(&stage.place).unwrap();
            proxy.write_all(&PASSED[..torn_at]).unwrap();
            if torn_at % 2 == 0 {
                proxy.end_side();
                assert_eq!(hear_out(&mut proxy).0, b"", "{} {torn_at}", stage.name);
                let told = stage.place.next_event();
                let refused = matches!(told, Event::Rejected { why: Rejected::NoProxyHeader, .. });
                assert!(refused, "{told:?}, {} {torn_at}", stage.name);
                continue;
            }
            proxy.write_all(&PASSED[torn_at..]).unwrap();
            let mut client = stage.ground.secured(proxy);
            talk(&mut client, "here\n");
            let conns = stage.place.running.conns();
            assert_eq!(conns[0].peer.address.to_string(), "192.0.2.7:4711", "{}", stage.name);
            drop(client);
            stage.ends("peer_closed");
        }
    });
}

#[test]
fn a_handler_that_panics_anywhere_ends_one_connection_only() {
    on_every(&usual(), |stage| {
        let panic = |here| stage.book.lock().unwrap().panic = here;
        panic(Panics::InSetup);
        hear_out(&mut stage.client());
        assert_eq!(stage.place.next_end().name(), "panicked", "{}", stage.name);
        assert_eq!(stage.finished(), [""; 0], "{}", stage.name);
        panic(Panics::InFinish);
        others_are_served(stage);
        panic(Panics::Nowhere);
        others_are_served(stage);
        assert_eq!(stage.finished(), ["peer_closed"; 2], "{}", stage.name);
    });
}

#[test]
fn a_word_that_panics_leaves_who_is_refused_without_one() {
    let limits = throng_server::Limits { total: 1, full: throng_server::Full::Refuse, ..Default::default() };
    on_every(&Rules { limits, ..usual() }, |stage| {
        if !stage.many {
            return;
        }
        let mut first = stage.served();
        stage.book.lock().unwrap().panic = Panics::InRejected;
        assert_eq!(hear_out(&mut stage.client()).0, b"", "{}", stage.name);
        talk(&mut first, "still here\n");
    });
}

#[test]
fn one_who_has_said_nothing_is_kicked_as_any_other() {
    on_every(&usual(), |stage| {
        let mut silent: Client = stage.client();
        stage.kick_the_only_one();
        hear_out(&mut silent);
        stage.ends("kicked");
        until("he has left", || stage.place.open_count() == 0);
    });
}
