//! Real sockets, on this machine only: everything that is open is found, in order, once, whatever is in the way.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};
use std::num::NonZero;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_core::Stream;
use throng_scan::event::{End, Event, HostEnd, Verdict};
use throng_scan::{Builder, Scan, StartError, Tell};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Somebody who listens at so many ports.
fn listeners(address: IpAddr, count: usize) -> (Vec<TcpListener>, BTreeSet<u16>) {
    let listeners: Vec<TcpListener> = (0..count).map(|_| TcpListener::bind((address, 0)).unwrap()).collect();
    let ports = listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    (listeners, ports)
}

/// The ports that are called open, in the order in which they are told, and how it ended.
fn open_ports(scan: Builder) -> (Vec<u16>, throng_scan::event::Ended) {
    let (mut open, mut ended) = (Vec::new(), None);
    for event in scan.build().unwrap().run().unwrap().blocking() {
        assert!(ended.is_none(), "nothing comes after the end: {event:?}");
        match event {
            Event::Port(port) if port.verdict == Verdict::Open => open.push(port.number),
            Event::Ended(end) => ended = Some(end),
            _ => {}
        }
    }
    (open, ended.expect("a scan ends"))
}

#[test]
fn every_open_port_is_told_once_and_in_order_by_any_number_of_threads() {
    for (address, threads) in [(HERE, [1, 2]), (IpAddr::V6(Ipv6Addr::LOCALHOST), [2, 5])] {
        let (_held, ports) = listeners(address, 40);
        for threads in threads {
            let (open, ended) = open_ports(Scan::builder().address(address).threads(NonZero::new(threads)));
            assert!(open.windows(2).all(|pair| pair[0] < pair[1]), "{open:?}");
            let missed: Vec<_> = ports.iter().filter(|port| !open.contains(port)).collect();
            assert!(missed.is_empty(), "{address} {threads} threads missed {missed:?}");
            assert!(ended.is_complete(), "{ended:?}");
            assert_eq!(ended.counts.total(), 65535);
        }
    }
}

#[test]
fn one_after_another_finds_the_same() {
    let (_held, ports) = listeners(HERE, 5);
    let scan = Scan::builder().address(HERE).ports(ports.clone()).parallel(NonZero::new(1));
    let (open, ended) = open_ports(scan);
    assert_eq!(open, ports.into_iter().collect::<Vec<_>>());
    assert_eq!(ended.hosts, 1);
}

#[test]
fn all_that_was_asked_is_told_where_somebody_wants_it() {
    let (_held, ports) = listeners(HERE, 1);
    let port = *ports.first().unwrap();
    let others = port.saturating_sub(3)..=port.saturating_add(3);
    let told: Vec<(u16, Verdict)> = Scan::builder()
        .address(HERE)
        .ports(others.clone())
        .tell(Tell::All)
        .build()
        .unwrap()
        .run()
        .unwrap()
        .blocking()
        .filter_map(
            |event| if let Event::Port(port) = event { Some((port.number, port.verdict)) } else { None },
        )
        .collect();
    assert_eq!(told.iter().map(|(number, _)| *number).collect::<Vec<_>>(), others.collect::<Vec<_>>());
    assert!(told.contains(&(port, Verdict::Open)));
}

#[test]
fn a_listener_whose_queue_is_full_is_open_all_the_same() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&std::net::SocketAddr::new(HERE, 0).into()).unwrap();
    socket.listen(0).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    // Its queue of one is taken by the scan's own first question.
    let (open, _) = open_ports(Scan::builder().address(HERE).ports([port]));
    assert_eq!(open, [port]);
}

#[test]
fn a_banner_is_told_with_its_port_and_the_order_is_kept() {
    let (held, ports) = listeners(HERE, 6);
    let greeting = |port: u16| format!("220 {port}\r\n");
    std::thread::scope(|scope| {
        for listener in &held {
            scope.spawn(move || {
                // Twice: the scan asks a second time before it says that a port is open, and that one it listens to.
                for _ in 0..2 {
                    let (mut stream, _) = listener.accept().unwrap();
                    let port = stream.local_addr().unwrap().port();
                    // The first is ended before it is greeted.
                    let _ = stream.write_all(greeting(port).as_bytes());
                }
            });
        }
        let scan = Scan::builder().address(HERE).ports(ports.clone()).banners(true);
        let mut told = Vec::new();
        for event in scan.build().unwrap().run().unwrap().blocking() {
            if let Event::Port(port) = event {
                assert_eq!(port.banner.as_deref(), Some(greeting(port.number).as_bytes()));
                told.push(port.number);
            }
        }
        assert_eq!(told, ports.iter().copied().collect::<Vec<_>>());
    });
}

#[test]
fn it_can_be_stopped_and_says_what_it_knows() {
    // So slow that it would take hours.
    let scan = Scan::builder().address(HERE).rate(Some(10.0)).build().unwrap().run().unwrap();
    let stopper = scan.stopper();
    let mut events = scan.blocking();
    assert!(matches!(events.next(), Some(Event::Started(started)) if started.ports == 65535));
    assert!(events.any(|event| matches!(event, Event::Progress(_))), "it is under way");
    stopper.stop();
    let rest: Vec<Event> = events.collect();
    let Some(Event::Ended(ended)) = rest.last() else { panic!("{rest:?}") };
    assert_eq!((ended.end, ended.is_complete(), ended.counts.total()), (End::Stopped, false, 65535));
    let report =
        rest.iter().find_map(|event| if let Event::Host(host) = event { Some(host.clone()) } else { None });
    assert_eq!(report.unwrap().end, HostEnd::Stopped);
}

#[test]
fn its_time_may_be_up() {
    let scan = Scan::builder().address(HERE).rate(Some(10.0)).deadline(Some(Duration::from_millis(50)));
    let (_, ended) = open_ports(scan);
    assert_eq!(ended.end, End::Deadline);
    assert!(ended.counts.unknown > 65_000, "{ended:?}");
}

#[test]
fn as_a_stream_it_is_the_same_and_dropped_it_ends() {
    let (_held, ports) = listeners(HERE, 3);
    let mut running = Scan::builder().address(HERE).ports(ports.clone()).build().unwrap().run().unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let mut told = Vec::new();
    loop {
        match Pin::new(&mut running).poll_next(&mut context) {
            Poll::Ready(Some(Event::Port(port))) => told.push(port.number),
            Poll::Ready(Some(_)) => {}
            Poll::Ready(None) => break,
            Poll::Pending => std::thread::yield_now(),
        }
    }
    assert_eq!(told, ports.into_iter().collect::<Vec<_>>());
    let slow = Scan::builder().address(HERE).rate(Some(1.0)).build().unwrap().run().unwrap();
    let stopper = slow.stopper();
    drop(slow);
    assert!(stopper.is_stopped());
}

#[test]
fn several_hosts_take_turns_and_each_has_its_report() {
    let addresses = (1..=9).map(|last| IpAddr::V4(Ipv4Addr::new(127, 0, 0, last)));
    let (_held, ports) = listeners(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5)), 3);
    let hosts = addresses.map(|address| throng_scan::event::Host { address, name: None });
    for threads in [None, NonZero::new(3)] {
        let scan = Scan::builder().hosts(9, hosts.clone()).ports(ports.clone()).threads(threads);
        let (mut open, mut reports) = (Vec::new(), 0);
        for event in scan.build().unwrap().run().unwrap().blocking() {
            match event {
                Event::Port(port) => open.push((port.host.address, port.number)),
                Event::Host(report) => {
                    assert_eq!((report.end, report.counts.total()), (HostEnd::Complete, 3));
                    reports += 1;
                }
                _ => {}
            }
        }
        let five = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 5));
        assert_eq!(open, ports.iter().map(|port| (five, *port)).collect::<Vec<_>>());
        assert_eq!(reports, 9);
    }
}

#[test]
fn what_cannot_be_asked_is_refused_before_anything_is_sent() {
    let refused = |scan: Builder| scan.build().err().map(|why| why.to_string());
    assert!(matches!(Scan::builder().build(), Err(StartError::NoHosts)));
    assert!(matches!(Scan::builder().address(HERE).ports([0]).build(), Err(StartError::NoPorts)));
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            refused(Scan::builder().address(HERE).rate(Some(rate))).unwrap().contains("probes per second")
        );
    }
    assert!(refused(Scan::builder().address(HERE).threads(NonZero::new(65))).unwrap().contains("at most 64"));
}
