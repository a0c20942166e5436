//! The frames of a WebSocket, good and bad, and the seat of one who comes back.

#![allow(clippy::unwrap_used)]

mod frames;
mod guests;

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};

use guests::{Door, PATIENCE, Place, Tell};

const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CONTINUED: u8 = 0x0;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const LAST: u8 = 0x80;

/// A client that may break any rule.
struct Client(TcpStream);

impl Client {
    fn open(address: SocketAddr) -> Client {
        Client::open_with(address, "text.ircv3.net")
    }

    fn open_with(address: SocketAddr, protocol: &str) -> Client {
        let mut socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        socket.write_all(handshake(address, protocol).as_bytes()).unwrap();
        let mut client = Client(socket);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(client.read(1));
        }
        assert!(head.starts_with(b"HTTP/1.1 101 "), "{}", String::from_utf8_lossy(&head));
        client
    }

    fn read(&mut self, bytes: usize) -> Vec<u8> {
        let mut read = vec![0; bytes];
        self.0.read_exact(&mut read).unwrap();
        read
    }

    fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).unwrap();
    }

    fn say(&mut self, line: &str) {
        self.send(&frame(LAST | TEXT, line.as_bytes()));
    }

    /// The next frame: its first byte, and what it holds.
    fn hear(&mut self) -> (u8, Vec<u8>) {
        let head = self.read(2);
        let length = match head[1] {
            126 => u16::from_be_bytes(self.read(2).try_into().unwrap()).into(),
            short => {
                assert!(short < 126, "a server masks nothing and says nothing so long");
                usize::from(short)
            }
        };
        (head[0], self.read(length))
    }

    fn hear_until(&mut self, words: &str) -> String {
        loop {
            let (kind, payload) = self.hear();
            let line = String::from_utf8(payload).unwrap();
            assert_eq!(kind, LAST | TEXT, "{line:?} instead of {words:?}");
            assert!(!line.contains(['\r', '\n']), "{line:?}");
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The code of the close that comes next, behind whatever lines.
    fn hear_close(&mut self) -> (u16, String) {
        loop {
            let (kind, payload) = self.hear();
            if kind == LAST | CLOSE {
                let reason = String::from_utf8(payload[2..].to_vec()).unwrap();
                return (u16::from_be_bytes([payload[0], payload[1]]), reason);
            }
        }
    }

    fn enter(&mut self, name: &str, seat: &str) {
        self.say(&format!("PASS seat:{seat}"));
        self.say(&format!("NICK {name}"));
        self.say("USER u 0 * :u");
    }
}

fn handshake(address: SocketAddr, protocol: &str) -> String {
    format!(
        "GET /socket HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nUpgrade: websocket\r\n\
         Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: {protocol}\r\n\r\n"
    )
}

/// A masked frame, as clients send them.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    frames::frame(first, [7, 99, 1, 200], payload)
}

#[test]
fn frames_may_be_torn_anywhere_the_handshake_included() {
    let place = Place::open();
    let said: Vec<u8> = [
        handshake(place.address(), "text.ircv3.net").into_bytes(),
        frame(LAST | TEXT, b"CAP LS 302"),
        frame(LAST | PING, b"there?"),
        frame(TEXT, "PING :Ολ".as_bytes().split_last().unwrap().1),
        frame(LAST | CONTINUED, &["λ".as_bytes()[1]]),
    ]
    .concat();
    for cut in 0..said.len() {
        let mut client = Client(TcpStream::connect(place.address()).unwrap());
        client.0.set_read_timeout(Some(PATIENCE)).unwrap();
        client.0.set_nodelay(true).unwrap();
        client.send(&said[..cut]);
        std::thread::yield_now();
        client.send(&said[cut..]);
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.extend(client.read(1));
        }
        let mut heard: Vec<_> = (0..3).map(|_| client.hear()).collect();
        // A pong may overtake lines.
        heard.sort();
        assert!(String::from_utf8_lossy(&heard[0].1).contains(" CAP "), "cut at {cut}: {heard:?}");
        assert!(heard[1].1.ends_with("Ολ".as_bytes()), "cut at {cut}: {heard:?}");
        assert_eq!(heard[2], (LAST | PONG, b"there?".to_vec()), "cut at {cut}");
    }
}

#[test]
fn each_broken_rule_has_its_code() {
    let place = Place::open();
    let check = |bytes: &[u8], expected: u16| {
        let mut client = Client::open(place.address());
        client.send(bytes);
        assert_eq!(client.hear_close().0, expected, "{:?}", &bytes[..bytes.len().min(20)]);
        // Behind it nothing comes.
        let mut rest = Vec::new();
        match client.0.read_to_end(&mut rest) {
            Ok(_) => assert_eq!(rest, b""),
            Err(why) => assert_eq!(why.kind(), ErrorKind::ConnectionReset),
        }
    };
    check(&[LAST | TEXT, 4, b'P', b'I', b'N', b'G'], 1002);
    check(&frame(LAST | 0x40 | TEXT, b"PING x"), 1002);
    check(&frame(LAST | 0x3, b"PING x"), 1002);
    check(&frame(LAST | 0xB, b""), 1002);
    check(&frame(PING, b"in parts"), 1002);
    check(&frame(LAST | PING, &[b'x'; 126]), 1002);
    check(&frame(LAST | CONTINUED, b"of nothing"), 1002);
    check(&[frame(TEXT, b"PI"), frame(LAST | TEXT, b"NG")].concat(), 1002);
    check(&frame(LAST | TEXT, b"PING \xff"), 1007);
    check(&[frame(TEXT, b"PING \xce"), frame(LAST | CONTINUED, b"x")].concat(), 1007);
    check(&frame(LAST | BINARY, b"PING x"), 1003);
    check(&frame(LAST | TEXT, b"PING x\r\nPING y"), 1008);
    check(&frame(LAST | TEXT, &[b'x'; (16 << 10) + 1]), 1009);
    let part = frame(CONTINUED, &[b'x'; 6000]);
    check(&[frame(TEXT, &[b'x'; 6000]), part.clone(), part].concat(), 1009);
    // Lengths that nobody has: nothing waits for them, nothing is set aside.
    check(&[LAST | TEXT, 0x80 | 127, 0, 0, 1, 0, 0, 0, 0, 0, 1, 2, 3, 4], 1009);
    check(&[LAST | TEXT, 0x80 | 127, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4], 1009);
    check(&[LAST | BINARY, 0x80 | 127, 255, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4], 1009);
}

#[test]
fn a_long_message_is_a_long_line_and_no_end() {
    let place = Place::open();
    let mut client = Client::open(place.address());
    client.send(&[frame(TEXT, &[b'x'; 8 << 10]), frame(LAST | CONTINUED, &[b'x'; 8 << 10])].concat());
    client.hear_until(" 417 ");
    client.say("PING :still here");
    client.hear_until("still here");
}

#[test]
fn a_close_is_answered_and_the_others_hear_of_it() {
    let place = Place::open();
    let mut bo = place.enter(Door::Line, "bo");
    let mut client = Client::open(place.address());
    client.enter("ana", "x");
    client.hear_until(" 001 ");
    client.say("JOIN #lobby");
    client.hear_until(" 366 ");
    client.send(&frame(LAST | CLOSE, &[0x03, 0xe9]));
    assert_eq!(client.hear_close().0, 1001);
    let gone = bo.hear_until_told(&Tell::Gone("ana".to_owned()));
    assert_eq!(gone, [Tell::Came("ana".to_owned()), Tell::Gone("ana".to_owned())]);
}

#[test]
fn binary_frames_carry_the_same_lines() {
    let place = Place::open();
    let mut bo = place.enter(Door::Line, "bo");
    let mut client = Client::open_with(place.address(), "binary.ircv3.net");
    for line in ["NICK ana", "USER u 0 * :u", "JOIN #lobby", "PRIVMSG #lobby :from binary"] {
        client.send(&frame(LAST | BINARY, line.as_bytes()));
    }
    bo.hear_until("from binary");
    bo.say("to binary");
    loop {
        let (kind, line) = client.hear();
        assert_eq!(kind, LAST | BINARY, "{}", String::from_utf8_lossy(&line));
        if line.ends_with(b"PRIVMSG #lobby :to binary") {
            break;
        }
    }
    client.send(&frame(LAST | BINARY, b"PING \xff"));
    assert!(String::from_utf8(client.hear().1).unwrap().contains("INVALID_UTF8"));
}

#[test]
fn who_asks_for_pongs_and_reads_none_is_too_slow_and_nobody_waits() {
    let place = Place::open();
    let mut flood = Client::open(place.address());
    flood.0.set_nonblocking(false).unwrap();
    let pings = frame(LAST | PING, &[b'x'; 100]).repeat(1000);
    let mut sent = 0;
    // Far more than all buffers between us hold; the server ends it before.
    while sent < 256 << 20 {
        match flood.0.write(&pings[sent % 106..]) {
            Ok(written) => sent += written,
            Err(_) => break,
        }
    }
    assert!(sent < 256 << 20, "the server took {sent} bytes");
    let mut ana = place.enter(Door::Web, "ana");
    ana.say("alive");
    ana.hear_until("alive");
}

#[test]
fn goodbyes_say_whether_to_come_back() {
    let place = Place::open();
    let mut client = Client::open(place.address());
    client.enter("ana", "x");
    client.hear_until(" 001 ");
    client.say("QUIT :bye");
    client.hear_until("ERROR ");
    assert_eq!(client.hear_close().0, 1000, "who quits does not come back");
    let mut client = Client::open(place.address());
    client.send(&[frame(LAST | TEXT, b"QUIT"), frame(LAST | TEXT, b"\xff")].concat());
    assert_eq!(client.hear_close().0, 1000, "what comes behind a goodbye is not looked at");
    let mut client = Client::open(place.address());
    client.enter("ana", "x");
    client.hear_until(" 001 ");
    drop(place);
    assert_eq!(client.hear_close(), (1001, "over".to_owned()), "a server that ends is waited for");
}

#[test]
fn who_comes_back_with_the_secret_takes_the_seat_over() {
    let place = Place::open();
    let (secret, other) = ("0123456789abcdef".repeat(2), "fedcba9876543210".repeat(2));
    let mut bo = place.enter(Door::Line, "bo");
    let mut first = Client::open(place.address());
    first.enter("ana", &secret);
    first.hear_until(" 001 ");
    first.say("JOIN #lobby");
    first.hear_until(" 366 ");
    first.say("JOIN #tea");
    first.hear_until(" 366 ");

    let mut thief = Client::open(place.address());
    thief.enter("ana", &other);
    thief.hear_until(" 433 ");

    let mut second = Client::open(place.address());
    second.enter("ana", &secret);
    second.hear_until(" 001 ana ");
    // It is in both rooms without asking.
    second.hear_until(" JOIN #lobby");
    second.hear_until(" 366 ana #lobby ");
    second.hear_until(" JOIN #tea");
    second.hear_until(" 366 ana #tea ");
    first.hear_until("ERROR :Closing link: taken over");
    assert_eq!(first.hear_close().0, 1000, "or both would take the seat over for ever");

    second.say("PRIVMSG #lobby :it is still me");
    let heard = bo.hear_until("it is still me");
    let expected = [Tell::Came("ana".to_owned()), Tell::Said("ana".to_owned(), "it is still me".to_owned())];
    assert_eq!(heard, expected, "nobody hears of it");
    bo.say("welcome back");
    second.hear_until("welcome back");
}
