//! A server as those see it who watch over it: its metrics while it is busy, and its health while it ends.

#![allow(clippy::unwrap_used)]

mod real;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use real::{PATIENCE, Person, Server};

/// Where programs may ask.
fn metrics_of(server: &Server) -> SocketAddr {
    let line = server.said.lines().find(|line| line.contains("metrics.ready")).expect("it says where");
    line.split("address=").nth(1).unwrap().trim().parse().unwrap()
}

/// Status, content type and body.
fn get(at: SocketAddr, path: &str, accept: &str) -> (u16, String, String) {
    let mut socket = TcpStream::connect(at).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n").unwrap();
    let mut heard = String::new();
    socket.read_to_string(&mut heard).unwrap();
    let (head, body) = heard.split_once("\r\n\r\n").unwrap();
    let kind = head.lines().find_map(|line| line.strip_prefix("content-type: ")).unwrap_or_default();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), kind.to_owned(), body.to_owned())
}

/// Samples by their series, from a strict look at the text: each family has its help and its type once and before its
/// samples, which lie together; no series comes twice; labels are quoted; a histogram adds up.
fn parse(text: &str, is_openmetrics: bool) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut seen, mut family, mut kind) = (BTreeSet::new(), String::new(), String::new());
    let mut lines = text.lines();
    assert!(text.ends_with('\n'));
    for line in lines.by_ref() {
        if line == "# EOF" {
            assert!(is_openmetrics, "only OpenMetrics has an end");
            break;
        }
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap();
            assert!(!help.is_empty() && seen.insert(name.to_owned()), "{line}");
            (family, kind) = (name.to_owned(), String::new());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, told) = rest.split_once(' ').unwrap();
            assert!(name == family && kind.is_empty(), "{line}");
            kind = told.to_owned();
        } else {
            assert!(!line.starts_with('#') && !kind.is_empty(), "{line}");
            let (series, value) = line.rsplit_once(' ').unwrap();
            // What is of the whole process has no labels.
            let (name, labels) =
                series.split_once('{').map_or((series, None), |(name, rest)| (name, Some(rest)));
            let labels = labels.map(|labels| labels.strip_suffix('}').unwrap());
            for label in labels.iter().flat_map(|labels| labels.split(',')) {
                let (key, value) = label.split_once('=').unwrap();
                assert!(key.bytes().all(|byte| byte.is_ascii_lowercase()), "{line}");
                let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
                assert!(quoted.is_some_and(|value| !value.contains(['"', '\\'])), "{line}");
            }
            let suffixes: &[&str] = match (&*kind, is_openmetrics) {
                ("counter", true) => &["_total"],
                ("info", true) => &["_info"],
                ("histogram", _) => &["_bucket", "_sum", "_count"],
                ("counter" | "gauge", _) => &[""],
                other => panic!("{other:?} in {line}"),
            };
            assert!(suffixes.iter().any(|suffix| format!("{family}{suffix}") == name), "{line} in {family}");
            assert!(is_openmetrics || kind != "counter" || name.ends_with("_total"), "{line}");
            let value: f64 = value.parse().unwrap();
            assert!(value.is_finite() && value >= 0.0, "{line}");
            assert!(samples.insert(series.to_owned(), value).is_none(), "twice: {series}");
        }
    }
    assert_eq!(lines.next(), None, "nothing is behind the end");
    assert_eq!(is_openmetrics, text.ends_with("# EOF\n"));
    for (series, count) in samples.iter().filter(|(series, _)| series.contains("_seconds_count{")) {
        let (name, labels) = series.strip_suffix('}').unwrap().split_once("_count{").unwrap();
        let buckets = format!("{name}_bucket{{");
        let mut bounds: Vec<(f64, f64)> = samples
            .iter()
            .filter(|(series, _)| series.starts_with(&buckets) && series.contains(labels))
            .map(|(series, count)| {
                let bound = series.split("le=\"").nth(1).unwrap().split('"').next().unwrap();
                (if bound == "+Inf" { f64::INFINITY } else { bound.parse().unwrap() }, *count)
            })
            .collect();
        bounds.sort_by(|one, other| one.0.total_cmp(&other.0));
        assert!(bounds.len() > 10 && bounds.windows(2).all(|pair| pair[0].1 <= pair[1].1), "{bounds:?}");
        assert_eq!(bounds.last(), Some(&(f64::INFINITY, *count)));
    }
    samples
}

#[test]
fn metrics_can_be_read_while_people_talk_and_only_grow() {
    const TALKERS: usize = 4;
    const MESSAGES: usize = 150;
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["--metrics-listen", "127.0.0.1:0", "--durability", "memory", "--pace", "off"];
    let server = Server::start(folder.path(), &arguments);
    let at = metrics_of(&server);
    let talk = |name: String| {
        let mut person = Person::enter(server.address, &name);
        for number in 0..MESSAGES {
            person.type_line(&format!("{name} says {number}"));
            person.read_until(&format!("<{name}> {name} says {number}"));
        }
        // Who has left hears no more, and the figures would depend on who leaves first.
        person
    };
    let counter = |samples: &BTreeMap<String, f64>, name: &str| {
        let of = samples.iter().filter(|(series, _)| series.starts_with(&format!("{name}{{")));
        of.map(|(_, value)| *value).sum::<f64>()
    };
    let mut before = BTreeMap::new();
    let talked = std::thread::scope(|scope| {
        let talkers: Vec<_> =
            (0..TALKERS).map(|talker| scope.spawn(move || talk(format!("talker{talker}")))).collect();
        while !talkers.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            for (accept, is_openmetrics) in [("*/*", false), ("application/openmetrics-text", true)] {
                let (status, kind, text) = get(at, "/metrics", accept);
                assert_eq!((status, kind.contains("openmetrics")), (200, is_openmetrics));
                let samples = parse(&text, is_openmetrics);
                for (series, value) in samples.iter().filter(|(series, _)| series.contains("_total{")) {
                    let last = before.insert(series.clone(), *value).unwrap_or(0.0);
                    assert!(last <= *value, "{series} went from {last} to {value}");
                }
            }
        }
        talkers.into_iter().map(|talker| talker.join().unwrap()).collect::<Vec<_>>()
    });
    let samples = parse(&get(at, "/metrics", "").2, false);
    let all = (TALKERS * MESSAGES) as f64;
    assert_eq!(counter(&samples, "throng_chat_said_total"), all);
    assert_eq!(counter(&samples, "throng_store_records_total"), all);
    assert_eq!(counter(&samples, "throng_chat_people"), TALKERS as f64);
    assert_eq!(samples["throng_chat_clients{service=\"chat\",door=\"line\"}"], TALKERS as f64);
    assert!(counter(&samples, "throng_chat_delivery_seconds_count") >= all);
    assert!(counter(&samples, "throng_received_bytes_total") > 0.0, "counted while they are connected");
    drop(talked);
}

#[test]
fn a_server_that_ends_says_so_while_somebody_is_still_connected_and_ends_with_him() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["echo", "--metrics-listen", "127.0.0.1:0"]);
    let at = metrics_of(&server);
    assert_eq!(get(at, "/readyz", "").0, 200);
    assert!(parse(&get(at, "/metrics", "").2, false).contains_key("throng_ready{service=\"echo\"}"));
    // Somebody who reads nothing of what he is told is busy, and holds the drain.
    let mut busy = TcpStream::connect(server.address).unwrap();
    busy.set_nonblocking(true).unwrap();
    // The kernel takes nothing more when the server waits for him as well.
    let chunk = [b'x'; 1 << 16];
    let full = |busy: &mut TcpStream| (0..10_000).any(|_| busy.write(&chunk).is_err());
    let stalled = || {
        let samples = parse(&get(at, "/metrics", "").2, false);
        let sum = |name: &str| samples[&format!("{name}{{service=\"echo\"}}")];
        sum("throng_received_bytes_total") > sum("throng_sent_bytes_total")
    };
    assert!((0..10_000).any(|_| full(&mut busy) && stalled()), "he is told faster than he reads");
    server.signal("-TERM");
    let mut answers = (0..10_000).map(|_| get(at, "/readyz?json", ""));
    let (_, _, body) = answers.find(|(status, ..)| *status == 503).expect("it is not ready any more");
    assert!(body.starts_with("{\"ok\":false,\"reasons\":[\"it is "), "{body}");
    assert_eq!(get(at, "/healthz", "").0, 200, "and alive");
    assert_eq!(parse(&get(at, "/metrics", "").2, false)["throng_connections{service=\"echo\"}"], 1.0);
    drop(busy);
    let (status, said) = server.wait();
    assert!(status.success(), "{said}");
    assert!(TcpStream::connect(at).is_err(), "nobody answers behind the end");
}

#[test]
fn an_address_that_is_taken_is_a_fault_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_throng"))
        .args(["serve", "--listen", "127.0.0.1:0", "--metrics-listen", &address, "--data"])
        .arg(folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("cannot listen on {address}: address in use")), "{said}");
}
