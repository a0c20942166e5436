//! Bad bytes at any door end at most the connection that sent them: never the process, never another's.

#![allow(clippy::unwrap_used)]

mod real;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use real::{PATIENCE, Person, Server};

/// What people and programs send by mistake or by malice.
fn payloads() -> Vec<(&'static str, Vec<u8>)> {
    let noise: Vec<u8> = (0_u32..200_000).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let upgrade = "GET /socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    vec![
        ("noise", noise.clone()),
        ("noise behind an IRC command", [b"NICK a\r\n", &noise[..]].concat()),
        ("noise behind a request", [b"GET / HTTP/1.1\r\n", &noise[..]].concat()),
        ("noise behind a name", [b"zed\n", &noise[..]].concat()),
        ("a megabyte without a line's end", vec![b'x'; 1 << 20]),
        ("an IRC line without an end", [b"PRIVMSG #a :", &vec![b'x'; 1 << 20][..]].concat()),
        ("a header without an end", [b"GET / HTTP/1.1\r\nX: ", &vec![b'x'; 1 << 20][..]].concat()),
        ("NUL", vec![0; 10_000]),
        ("bare CR", b"a\rb\rNICK c\r\r\r".repeat(1_000)),
        ("half a letter", b"\xd0\n\xf0\x9f\nzed\xd0\n".to_vec()),
        ("telnet options without end", [255, 253, 1, 255, 251, 31, 255, 250].repeat(20_000)),
        ("half a request", upgrade.as_bytes()[..40].to_vec()),
        ("half an upgrade", upgrade.as_bytes().to_vec()),
        ("a TLS hello", [&[0x16, 3, 1, 2, 0, 1][..], &noise[..500]].concat()),
        ("nothing", Vec::new()),
        ("empty lines", b"\r\n".repeat(50_000)),
        ("many commands", b"CAP LS\r\nNICK q\r\nFROBNICATE\r\n".repeat(5_000)),
    ]
}

/// Sends, ends its side, and reads until the server does; what comes back is dropped.
fn misbehave(address: SocketAddr, payload: &[u8]) {
    let mut socket = TcpStream::connect(address).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    for piece in payload.chunks(7_001) {
        // The server may have closed already, and then the rest is not wanted.
        if socket.write_all(piece).is_err() {
            return;
        }
    }
    let _ = socket.shutdown(Shutdown::Write);
    let mut dropped = [0; 4096];
    while let Ok(1..) = socket.read(&mut dropped) {}
}

#[test]
fn bad_bytes_end_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--pace", "off"]);
    let mut ana = Person::enter(server.address, "ana");
    let mut bo = Person::enter(server.address, "bo");
    for (what, payload) in payloads() {
        misbehave(server.address, &payload);
        let said = format!("still here after {what}");
        ana.type_line(&said);
        bo.read_until(&format!("<ana> {said}"));
    }
    let all: Vec<_> = payloads()
        .into_iter()
        .map(|(_, payload)| {
            let address = server.address;
            std::thread::spawn(move || misbehave(address, &payload))
        })
        .collect();
    all.into_iter().for_each(|one| one.join().unwrap());
    bo.type_line("and after all at once");
    ana.read_until("<bo> and after all at once");
    drop((ana, bo));
    let (status, said) = server.terminate();
    assert!(status.success() && !said.contains("panicked"), "{said}");
}
