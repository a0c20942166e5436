//! Clients whom a proxy passes on: believed from listed sources, and from these only with a header.

#![allow(clippy::unwrap_used)]

mod place;
mod secured;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use place::{Place, echo, end_side, hear_all, hear_out, open, until, workers};
use secured::{Authority, secure};
use throng_server::{Conn, End, Event, Limits, Pool, Rejected, Sequential, Server, Threads, Tls, Workers};

const FIRST: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";

/// The same in version 2, with a field behind the addresses.
const SECOND: &[u8] =
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x10\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\x01\xbb\x04\0\x01\0";

/// A proxy that speaks for itself.
const ITSELF: [&[u8]; 2] = [b"PROXY UNKNOWN\r\n", b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0"];

/// Tells who it is, then gives back what it hears.
async fn tell(mut conn: Conn) -> throng_server::Result {
    let proxy = conn.peer().proxy.as_ref().map_or("nobody".to_owned(), |proxy| proxy.by.to_string());
    let told = format!("{} to {} by {proxy}\n", conn.peer().address, conn.peer().local);
    conn.write_all(told.as_bytes()).await?;
    echo(conn).await
}

fn proxied<K: 'static>(server: Server<K>) -> Server<K> {
    server.proxies(["127.0.0.0/8".parse().unwrap()])
}

fn line(client: &mut impl Read) -> String {
    let mut heard = Vec::new();
    while heard.last() != Some(&b'\n') {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        heard.extend(byte);
    }
    String::from_utf8(heard).unwrap()
}

/// Says the bytes, in two parts that are sent apart, then a word, which must come back.
fn check(place: &Place, header: &[u8], cut_at: usize, expected: &str) {
    let mut client = place.client();
    client.set_nodelay(true).unwrap();
    client.write_all(&header[..cut_at]).unwrap();
    client.write_all(&[&header[cut_at..], b"hello"].concat()).unwrap();
    let ours = client.local_addr().unwrap().to_string();
    let theirs = client.peer_addr().unwrap().to_string();
    let expected = expected.replace("OURS", &ours).replace("THEIRS", &theirs);
    assert_eq!(line(&mut client), expected, "{header:?} cut at {cut_at}");
    let mut heard = [0; 5];
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello", "{header:?} cut at {cut_at}");
}

#[test]
fn a_header_is_understood_wherever_it_is_torn() {
    let models = |tell: fn() -> Server<_>| {
        [open(proxied(tell())), open(proxied(tell()).model(Pool { workers: Workers::Count(2) }))]
    };
    for place in models(|| Server::new(tell)) {
        for header in [FIRST, SECOND] {
            for cut_at in 0..=header.len() {
                check(&place, header, cut_at, "192.0.2.7:4711 to 192.0.2.1:443 by OURS\n");
            }
        }
        for header in ITSELF {
            check(&place, header, 3, "OURS to THEIRS by nobody\n");
        }
        place.end();
    }
}

#[test]
fn every_model_serves_whom_a_proxy_passes_on() {
    let passed = |place: Place| {
        check(&place, SECOND, 0, "192.0.2.7:4711 to 192.0.2.1:443 by OURS\n");
        place.end();
    };
    passed(open(proxied(Server::new(tell)).model(Sequential)));
    passed(open(proxied(Server::new(tell)).model(Threads::default())));
    passed(open(proxied(Server::new(tell)).model(workers(2))));
}

#[test]
fn what_a_proxy_knows_of_tls_is_told() {
    async fn tell_tls(mut conn: Conn) -> throng_server::Result {
        let facts = conn.peer().proxy.as_ref().map(|proxy| proxy.facts.clone()).unwrap_or_default();
        let tls = facts.tls.unwrap_or_default();
        let told = (facts.server_name, tls.version, tls.common_name, tls.verified);
        conn.write_all(format!("{told:?}\n").as_bytes()).await?;
        Ok(())
    }
    let place = open(proxied(Server::new(tell_tls)));
    let addresses = &SECOND[16..28];
    let name = b"\x02\0\x0bexample.org";
    let tls = b"\x20\0\x15\x03\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x03ana";
    let length = u16::try_from(addresses.len() + name.len() + tls.len()).unwrap().to_be_bytes();
    let mut client = place.client();
    client.write_all(&[&SECOND[..14], &length, addresses, name, tls].concat()).unwrap();
    assert_eq!(line(&mut client), "(Some(\"example.org\"), Some(\"TLSv1.3\"), Some(\"ana\"), true)\n");
    place.end();
}

/// What a listed source that says this is refused with.
fn refused(place: &Place, said: &[u8]) {
    let mut client = place.client();
    client.write_all(said).unwrap();
    end_side(&client);
    assert_eq!(hear_out(&mut client).0, b"");
    let told = place.next_event();
    assert!(matches!(&told, Event::Rejected { why: Rejected::NoProxyHeader, .. }), "{told:?}");
    until("its place is free", || place.open_count() == 0);
}

#[test]
fn who_must_say_whom_he_passes_on_and_does_not_is_closed() {
    let place = open(proxied(Server::new(tell)).limits(Limits { total: 1, ..Limits::default() }));
    let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
    let huge = [&SECOND[..14], &[0xff, 0xff]].concat();
    for header in [FIRST, SECOND] {
        for length in 0..header.len() {
            refused(&place, &header[..length]);
        }
    }
    for wrong in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"PROXY TCP4 a b c d\r\n", &long, &huge, &[0; 300]] {
        refused(&place, wrong);
    }
    // One place is enough for all of them, since each was given back.
    check(&place, FIRST, 0, "192.0.2.7:4711 to 192.0.2.1:443 by OURS\n");
    assert_eq!(place.running.stats().rejected, (FIRST.len() + SECOND.len() + 5) as u64);
    place.end();
}

#[test]
fn a_header_from_anybody_else_is_what_he_says() {
    let place = open(Server::new(echo).proxies(["192.0.2.0/24".parse().unwrap()]));
    let mut client = place.client();
    client.write_all(FIRST).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(hear_all(&mut client), FIRST);
    place.end();
}

#[test]
fn limits_count_clients_and_not_their_proxy() {
    let limits = Limits { per_address: 1, per_address_loopback: true, ..Limits::default() };
    let place = open(proxied(Server::new(tell)).limits(limits));
    let pass = |last: u8| {
        let mut client = place.client();
        client.write_all(format!("PROXY TCP4 192.0.2.{last} 192.0.2.1 4711 443\r\n").as_bytes()).unwrap();
        client
    };
    let (mut one, mut two) = (pass(1), pass(2));
    assert!(line(&mut one).starts_with("192.0.2.1:4711") && line(&mut two).starts_with("192.0.2.2:4711"));
    assert_eq!(hear_out(&mut pass(1)).0, b"");
    drop(one);
    until("the first has left", || place.open_count() == 1);
    assert!(line(&mut pass(1)).starts_with("192.0.2.1:4711"));
    place.end();
}

#[test]
fn tls_is_spoken_behind_the_header() {
    let authority = Authority::new();
    let files = authority.files("server", "localhost");
    let place = open(proxied(Server::new(tell)).tls(&Tls::files(files.certificate, files.key).unwrap()));
    let mut stream: TcpStream = place.client();
    stream.write_all(SECOND).unwrap();
    let mut client = secure(stream, authority.trusting(None), "localhost");
    assert!(line(&mut client).starts_with("192.0.2.7:4711"));
    drop(client);
    assert_eq!(place.next_end(), End::PeerClosed);
    place.end();
}
