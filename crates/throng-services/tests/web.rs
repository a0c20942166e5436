//! The web door as a browser, a stranger's page and a vandal find it: HTTP, and the handshake of a WebSocket.

#![allow(clippy::unwrap_used)]

mod guests;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use guests::{Door, PATIENCE, Place, read_to_end};
use throng_store::Durability;

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
/// The answer to that key (RFC 6455 §1.3).
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

fn connect(address: SocketAddr) -> TcpStream {
    let socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    socket
}

/// Says all of it, and hears all of the answer.
fn exchange(address: SocketAddr, said: &str) -> String {
    let mut socket = connect(address);
    socket.write_all(said.as_bytes()).unwrap();
    String::from_utf8(read_to_end(socket)).unwrap()
}

fn request(address: SocketAddr, line: &str, more: &str) -> String {
    let said = format!("{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{more}\r\n");
    exchange(address, &said)
}

/// The head of an answer, without reading further than it.
fn read_head(socket: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        assert_eq!(socket.read(&mut byte).unwrap(), 1, "closed within {}", String::from_utf8_lossy(&head));
        head.push(byte[0]);
    }
    String::from_utf8(head).unwrap()
}

fn status(answer: &str) -> u16 {
    let word = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no status in {answer:?}"));
    word.parse().unwrap()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next().unwrap();
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(": ")?;
        found.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn the_page_is_served_with_everything_that_it_loads() {
    let place = Place::open();
    let page = request(place.address(), "GET /", "");
    assert_eq!(status(&page), 200);
    assert_eq!(header(&page, "content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(header(&page, "x-content-type-options"), Some("nosniff"));
    assert_eq!(header(&page, "referrer-policy"), Some("no-referrer"));
    let policy = header(&page, "content-security-policy").unwrap();
    for needed in ["default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"]
    {
        assert!(policy.contains(needed), "{policy}");
    }
    assert!(!page.contains("<script>") && !page.contains("<style"), "nothing in the page itself runs");
    let mut loaded: Vec<String> = quoted(&page, "src=\"").chain(quoted(&page, "href=\"")).collect();
    let mut seen = 0;
    while let Some(path) = loaded.pop() {
        seen += 1;
        assert!(seen < 50, "modules import each other without end");
        let answer = request(place.address(), &format!("GET {path}"), "");
        assert_eq!(status(&answer), 200, "{path}");
        loaded.extend(quoted(&answer, "from \"./").map(|module| format!("/{module}")));
    }
    assert!(seen >= 6, "{seen}");
}

fn quoted(text: &str, before: &str) -> impl Iterator<Item = String> {
    let found = text.split(before).skip(1).filter_map(|rest| rest.split('"').next());
    found.map(str::to_owned).collect::<Vec<_>>().into_iter()
}

#[test]
fn a_page_that_is_known_is_not_sent_again() {
    let place = Place::open();
    let first = request(place.address(), "GET /chat.js", "");
    let etag = header(&first, "etag").unwrap();
    let again = request(place.address(), "GET /chat.js", &format!("If-None-Match: {etag}\r\n"));
    assert_eq!(status(&again), 304);
    assert!(again.ends_with("\r\n\r\n"), "{again}");
    let head = request(place.address(), "HEAD /chat.js", "");
    assert_eq!(status(&head), 200);
    assert_eq!(header(&head, "content-length"), header(&first, "content-length"));
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn only_a_few_paths_can_be_read_and_nothing_written() {
    let place = Place::open();
    let check = |line: &str, more: &str, expected: u16| {
        assert_eq!(status(&request(place.address(), line, more)), expected, "{line}");
    };
    check("GET /nothing", "", 404);
    check("GET /../Cargo.toml", "", 404);
    check("GET /%2e%2e/Cargo.toml", "", 404);
    check("GET //", "", 404);
    check("GET /?x=y", "", 200);
    check("POST /", "", 405);
    check("POST /", "Content-Length: 5\r\n", 413);
    check("POST /", "Transfer-Encoding: chunked\r\n", 413);
    check("GET /", "Content-Length: 1000000000000\r\n", 413);
    check("DELETE /socket", "", 405);
    check("HEAD /socket", "", 405);
    check("GET /socket", "", 426);
    check("GET /", &"X-Many: 1\r\n".repeat(60), 200);
    check("GET /", &"X-Many: 1\r\n".repeat(65), 431);
    let refused = request(place.address(), "PUT /style.css", "");
    assert_eq!(header(&refused, "allow"), Some("GET, HEAD"));
}

#[test]
fn a_host_that_is_not_ours_is_told_so() {
    let named = |settings: &mut throng_services::chat::Settings| {
        settings.hosts.set(vec!["chat.example.org".to_owned()]);
    };
    let place = Place::open_with(throng_store::memory(), Durability::Memory, named);
    let port = place.address().port();
    let check = |host: &str, expected: u16| {
        let host = host.replace("PORT", &port.to_string());
        let said = format!("GET / HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        assert_eq!(status(&exchange(place.address(), &said)), expected, "{host}");
    };
    check("Host: localhost:PORT\r\n", 200);
    check("host: LocalHost:PORT\r\n", 200);
    check("Host: 127.0.0.1:PORT\r\n", 200);
    check("Host: chat.example.org:PORT\r\n", 200);
    check("Host: evil.example:PORT\r\n", 403);
    check("Host: chat.example.org.evil.example:PORT\r\n", 403);
    check("Host: localhost.evil.example:PORT\r\n", 403);
    check("Host: evil-localhost:PORT\r\n", 403);
    check("Host: localhost\r\n", 403);
    check("Host: localhost:1\r\n", 403);
    check("Host: [::1]:PORT\r\n", 403);
    check("Host: 127.0.0.2:PORT\r\n", 403);
    check("Host: xn--lcalhost-n4a:PORT\r\n", 403);
    check("Host: \r\n", 403);
    check("", 400);
    check("Host: localhost:PORT\r\nHost: localhost:PORT\r\n", 400);
    let said =
        format!("GET http://evil.example/ HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n");
    assert_eq!(status(&exchange(place.address(), &said)), 400);
}

/// A good handshake with these headers instead of `Origin` and the subprotocol.
fn knock(address: SocketAddr, host: &str, more: &str) -> String {
    let mut socket = connect(address);
    let said = format!(
        "GET /socket HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n{more}\r\n"
    );
    socket.write_all(said.as_bytes()).unwrap();
    read_head(&mut socket)
}

#[test]
fn only_our_own_page_may_open_a_socket() {
    let place = Place::open();
    let port = place.address().port();
    let check = |origin: &str, expected: u16| {
        let origin = origin.replace("PORT", &port.to_string());
        let more = format!("{origin}Sec-WebSocket-Protocol: text.ircv3.net\r\n");
        let answer = knock(place.address(), &format!("localhost:{port}"), &more);
        assert_eq!(status(&answer), expected, "{origin}");
    };
    check("Origin: http://localhost:PORT\r\n", 101);
    for (origin, _why) in [
        ("", "none"),
        ("Origin: null\r\n", "a sandboxed page"),
        ("Origin: \r\n", "empty"),
        ("Origin: http://localhost\r\n", "another port, which is left out"),
        ("Origin: http://localhost:1\r\n", "another port"),
        ("Origin: http://localhost:PORT0\r\n", "a longer port"),
        ("Origin: https://localhost:PORT\r\n", "another scheme"),
        ("Origin: ws://localhost:PORT\r\n", "another scheme"),
        ("Origin: file://localhost:PORT\r\n", "another scheme"),
        ("Origin: http://127.0.0.1:PORT\r\n", "ours, but not the one that was asked for"),
        ("Origin: http://evil.example\r\n", "a stranger"),
        ("Origin: http://localhost:PORT.evil.example\r\n", "a suffix"),
        ("Origin: http://localhost.evil.example:PORT\r\n", "a suffix"),
        ("Origin: http://evil-localhost:PORT\r\n", "a prefix"),
        ("Origin: http://evil.localhost:PORT\r\n", "a prefix"),
        ("Origin: http://ana@localhost:PORT\r\n", "a user"),
        ("Origin: http://localhost:PORT@evil.example\r\n", "a user"),
        ("Origin: http://localhost:PORT/\r\n", "a path"),
        ("Origin: HTTP://localhost:PORT\r\n", "capitals, which no browser writes"),
        ("Origin: http://LOCALHOST:PORT\r\n", "capitals"),
        ("Origin: http://xn--lcalhost-n4a:PORT\r\n", "punycode of a look-alike"),
        ("Origin: http://localhost:PORT http://localhost:PORT\r\n", "two in one"),
        ("Origin: http://localhost:PORT\r\nOrigin: http://localhost:PORT\r\n", "two"),
        ("Origin: localhost:PORT\r\n", "no scheme"),
    ] {
        check(origin, 403);
    }
}

#[test]
fn the_clients_order_of_subprotocols_counts() {
    let place = Place::open();
    let address = place.address();
    let check = |asked: &str, expected: Option<&str>| {
        let more = format!("Origin: http://{address}\r\n{asked}");
        let answer = knock(address, &address.to_string(), &more);
        assert_eq!(status(&answer), if expected.is_some() { 101 } else { 400 }, "{asked}");
        assert_eq!(header(&answer, "sec-websocket-protocol"), expected, "{asked}");
        if expected.is_some() {
            assert_eq!(header(&answer, "sec-websocket-accept"), Some(ACCEPT));
        }
    };
    let (text, binary) = (Some("text.ircv3.net"), Some("binary.ircv3.net"));
    check("Sec-WebSocket-Protocol: text.ircv3.net\r\n", text);
    check("Sec-WebSocket-Protocol: binary.ircv3.net,text.ircv3.net\r\n", binary);
    check("Sec-WebSocket-Protocol: text.ircv3.net, binary.ircv3.net\r\n", text);
    check("Sec-WebSocket-Protocol: chat, binary.ircv3.net\r\n", binary);
    check("Sec-WebSocket-Protocol: soap\r\nSec-WebSocket-Protocol: text.ircv3.net\r\n", text);
    check("Sec-WebSocket-Protocol: TEXT.IRCV3.NET\r\n", None);
    check("Sec-WebSocket-Protocol: chat\r\n", None);
    check("", None);
}

#[test]
fn a_handshake_of_another_kind_is_refused() {
    let place = Place::open();
    let address = place.address();
    let good = format!(
        "GET /socket HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\
         Sec-WebSocket-Protocol: text.ircv3.net\r\n\r\n"
    );
    let check = |from: &str, to: &str, expected: u16| {
        assert!(good.contains(from), "{from}");
        let mut socket = connect(address);
        socket.write_all(good.replace(from, to).as_bytes()).unwrap();
        let answer = read_head(&mut socket);
        assert_eq!(status(&answer), expected, "{to}");
        if expected == 426 {
            assert_eq!(header(&answer, "sec-websocket-version"), Some("13"));
        }
    };
    check("Version: 13", "Version: 13", 101);
    check("Version: 13", "Version: 8", 426);
    check("Version: 13\r\n", "Version: 13, 8\r\n", 426);
    check("Upgrade: websocket", "Upgrade: h2c", 426);
    check("Connection: Upgrade", "Connection: keep-alive", 426);
    check(KEY, "short", 400);
    check(KEY, "dGhlIHNhbXBsZSBub25jZ!==", 400);
    check(KEY, "", 400);
    check("/socket", "/socket/", 404);
}

#[test]
fn a_request_may_be_torn_anywhere() {
    let place = Place::open();
    let address = place.address();
    let said = format!("GET /irc.js HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    let whole = without_date(&exchange(address, &said));
    for cut in 1..said.len() {
        let mut socket = connect(address);
        socket.set_nodelay(true).unwrap();
        socket.write_all(&said.as_bytes()[..cut]).unwrap();
        // Whatever the two halves arrive as, the answer is the same.
        std::thread::yield_now();
        socket.write_all(&said.as_bytes()[cut..]).unwrap();
        let answer = String::from_utf8(read_to_end(socket)).unwrap();
        assert_eq!(without_date(&answer), whole, "cut at {cut}");
    }
}

fn without_date(answer: &str) -> String {
    answer.lines().filter(|line| !line.starts_with("date: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_head_without_end_is_cut_short() {
    let place = Place::open();
    let mut socket = connect(place.address());
    let start = format!("GET / HTTP/1.1\r\nHost: {}\r\nX-Long: ", place.address());
    // The server stops reading long before the end, so a write may fail.
    let _ = socket.write_all(start.as_bytes()).and_then(|()| socket.write_all(&vec![b'x'; 1 << 20]));
    let answer = String::from_utf8_lossy(&read_to_end(socket)).into_owned();
    assert!(answer.is_empty() || status(&answer) == 431, "{answer}");
    assert_eq!(status(&request(place.address(), "GET /", "")), 200);
}

#[test]
fn a_connection_serves_only_so_many_requests() {
    let place = Place::open();
    let said = format!("GET /nothing HTTP/1.1\r\nHost: {}\r\n\r\n", place.address());
    let answers = exchange(place.address(), &said.repeat(150));
    assert_eq!(answers.matches("HTTP/1.1 404").count(), 100);
    assert_eq!(answers.matches("connection: close").count(), 1);
}

#[test]
fn who_loads_the_page_and_says_nothing_is_let_go_without_a_word_of_chat() {
    let hasty = |settings: &mut throng_services::chat::Settings| {
        settings.nameless_max = Duration::from_millis(500);
    };
    let place = Place::open_with(throng_store::memory(), Durability::Memory, hasty);
    let said = format!("GET /nothing HTTP/1.1\r\nHost: {}\r\n\r\n", place.address());
    let answer = exchange(place.address(), &said);
    assert!(answer.ends_with("\r\n\r\nThere is nothing here; the chat is at /\n"), "{answer}");
}

#[test]
fn a_connection_that_a_browser_opened_ahead_is_not_greeted() {
    let place = Place::open();
    let mut spare = connect(place.address());
    assert_eq!(status(&request(place.address(), "GET /", "")), 200);
    spare.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    assert_eq!(spare.read(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock, "greeted");
    spare.set_read_timeout(Some(PATIENCE)).unwrap();
    spare.write_all(b"bo\n").unwrap();
    let mut hello = [0; 5];
    spare.read_exact(&mut hello).unwrap();
    assert!(!hello.starts_with(b"HTTP"), "whoever speaks is heard as ever");
}

#[test]
fn a_browser_that_comes_late_to_a_greeted_connection_is_let_go() {
    let place = Place::open();
    let mut socket = connect(place.address());
    let mut first = [0];
    assert_eq!(socket.read(&mut first).unwrap(), 1, "the greeting");
    let said = format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", place.address());
    socket.write_all(said.as_bytes()).unwrap();
    let rest = String::from_utf8_lossy(&read_to_end(socket)).into_owned();
    assert!(rest.contains("open the page anew") && !rest.contains("HTTP/1.1 200"), "{rest}");
    // Its next spare connection may be silent for longer, so that its next try succeeds.
    let mut spare = connect(place.address());
    spare.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    assert_eq!(spare.read(&mut first).unwrap_err().kind(), ErrorKind::WouldBlock, "greeted again");
    spare.set_read_timeout(Some(PATIENCE)).unwrap();
    spare.write_all(said.as_bytes()).unwrap();
    assert_eq!(status(&read_head(&mut spare)), 200);
    // And its words were taken for no name.
    let ana = place.enter(Door::Line, "ana");
    assert_eq!(ana.found, ["ana"]);
}
