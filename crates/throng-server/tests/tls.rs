//! TLS, by every model: what is said through it comes whole, certificates are chosen and renewed, and who fails at it ends
//! alone.

#![allow(clippy::unwrap_used)]

mod place;
mod secured;

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use place::{PATIENCE, Place, end_side, hear_out, knock, local, numbered, open, open_at, until, workers};
use rustls::pki_types::CertificateDer;
use secured::{Authority, Secure, secure};
use throng_server::{
    BlockingConn, CertificateFiles, ClientCertificates, Conn, End, Limits, Outbox, Pool, Sequential, Server,
    Threads, Timeouts, Tls, TlsError, TlsSettings, Workers,
};

const NAME: &str = "chat.example.org";

/// More than any buffer on the way holds.
const MUCH: usize = 3 << 20;

/// Says `hello` first, then gives back what it hears.
async fn greet(mut conn: Conn) -> throng_server::Result {
    conn.write_all(b"hello").await?;
    place::echo(conn).await
}

async fn split(conn: Conn) -> throng_server::Result {
    let (mut reader, outbox) = conn.split();
    outbox.push(b"hello");
    let mut buffer = reader.buffer();
    while reader.read_into(&mut buffer).await? > 0 {
        outbox.push(&buffer);
        buffer.clear();
    }
    Ok(())
}

fn block(mut conn: BlockingConn) -> throng_server::Result {
    conn.write_all(b"hello")?;
    let mut chunk = [0; 5_000];
    loop {
        match conn.read(&mut chunk)? {
            0 => return Ok(()),
            read => conn.write_all(&chunk[..read])?,
        }
    }
}

/// How a server is opened with this TLS: as well as plain, or alone.
type Opens = fn(Tls, bool) -> Place;

fn placed<K: 'static>(server: Server<K>, tls: &Tls, alone: bool) -> Place {
    let server = server.limits(Limits { queue: 2 * MUCH, ..Limits::default() });
    match alone {
        true => open_at(server.listen_tls("127.0.0.1:0", tls)),
        false => open_at(server.tls(tls).listen("127.0.0.1:0")),
    }
}

/// Each model, and each way to write a handler.
const STANDS: [(&str, Opens); 7] = [
    ("sequential", |tls, alone| placed(Server::new(greet).model(Sequential), &tls, alone)),
    ("threads", |tls, alone| placed(Server::new(greet).model(Threads::default()), &tls, alone)),
    ("pool", |tls, alone| placed(Server::new(greet).model(Pool { workers: Workers::Count(2) }), &tls, alone)),
    ("events", |tls, alone| placed(Server::new(greet).model(workers(2)), &tls, alone)),
    ("outboxes", |tls, alone| placed(local(split).model(workers(2)), &tls, alone)),
    ("blocking threads", |tls, alone| placed(Server::blocking(block), &tls, alone)),
    ("blocking sequential", |tls, alone| placed(Server::blocking(block).model(Sequential), &tls, alone)),
];

fn on_every(alone: bool, act: impl Fn(&str, &Authority, &Place)) {
    let authority = Authority::new();
    for (name, open) in STANDS {
        let files = authority.files("server", NAME);
        let place = open(Tls::files(files.certificate, files.key).unwrap(), alone);
        act(name, &authority, &place);
        place.end();
    }
}

fn hear(stream: &mut impl Read, bytes: usize) -> Vec<u8> {
    let mut heard = vec![0; bytes];
    stream.read_exact(&mut heard).unwrap();
    heard
}

/// Says something and hears the same.
fn talk(stream: &mut (impl Read + Write), text: &[u8]) {
    stream.write_all(text).unwrap();
    assert_eq!(hear(stream, text.len()), text);
}

/// Ends our side as TLS does, and hears the other out: `true` when that ended in the same way.
fn bid_farewell(mut client: Secure) -> bool {
    client.conn.send_close_notify();
    client.flush().unwrap();
    client.sock.shutdown(Shutdown::Write).unwrap();
    client.read_to_end(&mut Vec::new()).is_ok()
}

/// The certificate that a server shows to who asks for this name.
fn shown(authority: &Authority, place: &Place, name: &str) -> CertificateDer<'static> {
    let mut client = authority.knock(place.address(), name);
    talk_first(&mut client);
    let chain = client.conn.peer_certificates().unwrap();
    chain[0].clone().into_owned()
}

fn talk_first(client: &mut Secure) {
    assert_eq!(hear(client, 5), b"hello");
}

#[test]
fn what_is_said_through_tls_comes_back_whole_and_ends_properly() {
    for alone in [true, false] {
        on_every(alone, |name, authority, place| {
            let mut client = authority.knock(place.address(), NAME);
            talk_first(&mut client);
            talk(&mut client, b"a line");
            assert!(bid_farewell(client), "{name}");
            assert_eq!(place.next_end(), End::PeerClosed, "{name}");
        });
    }
}

#[test]
fn much_comes_back_whole_to_who_reads_late() {
    on_every(true, |name, authority, place| {
        let mut client = authority.knock(place.address(), NAME);
        talk_first(&mut client);
        let sent = numbered(MUCH);
        // Half of it is under way before anything is read, as far as buffers allow; the rest goes along.
        let mut at = 0;
        for part in sent.chunks(1 << 16) {
            client.write_all(part).unwrap();
            if at > 1 << 18 {
                let heard = hear(&mut client, part.len());
                assert!(heard == sent[at - (1 << 18) - part.len()..][..part.len()], "{name}");
            }
            at += part.len();
        }
        drop(client);
    });
}

#[test]
fn the_end_is_said_to_who_takes_nothing_for_a_moment() {
    let authority = Authority::new();
    let (told, filled) = std::sync::mpsc::sync_channel(1);
    // Hears the other end, says more than the socket takes, and ends with that.
    let fill = move |mut conn: Conn| {
        let told = told.clone();
        async move {
            let mut buffer = conn.buffer();
            while conn.read_into(&mut buffer).await? > 0 {
                buffer.clear();
            }
            let chunk = [b'x'; 1 << 16];
            while tokio::time::timeout(Duration::ZERO, conn.write_all(&chunk)).await.is_ok() {}
            told.send(()).unwrap();
            Ok(())
        }
    };
    let files = authority.files("server", NAME);
    let place = placed(Server::new(fill), &Tls::files(files.certificate, files.key).unwrap(), true);
    let mut client = authority.knock(place.address(), NAME);
    // Behind a handshake.
    client.write_all(b"go on").unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    client.sock.shutdown(Shutdown::Write).unwrap();
    filled.recv_timeout(PATIENCE).unwrap();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).unwrap();
    assert!(heard.iter().all(|byte| *byte == b'x') && !heard.is_empty());
}

/// How long what waits in an outbox may be, and more than TLS and the kernel hold back of it.
const LAST_WORDS: usize = 16 << 20;

/// Hears a word, says much through an outbox, and ends in this way; the client takes it in sips and hears all of it, and then
/// the end as TLS has it.
fn check_last_words(last: fn(&Outbox), expected: &End) {
    let authority = Authority::new();
    let files = authority.files("server", NAME);
    let tls = Tls::files(files.certificate, files.key).unwrap();
    let says = move |conn: Conn| async move {
        let (mut reader, outbox) = conn.split();
        let mut buffer = reader.buffer();
        reader.read_into(&mut buffer).await?;
        outbox.push(&numbered(LAST_WORDS));
        last(&outbox);
        Ok(())
    };
    let limits = Limits { queue: 2 * LAST_WORDS, ..Limits::default() };
    let place = open_at(local(says).limits(limits).model(workers(1)).listen_tls("127.0.0.1:0", &tls));
    let mut client = authority.knock(place.address(), NAME);
    client.write_all(b"?").unwrap();
    let mut heard = vec![0; LAST_WORDS];
    heard.chunks_mut(3_000).for_each(|sip| client.read_exact(sip).unwrap());
    assert!(heard == numbered(LAST_WORDS));
    assert_eq!(client.read(&mut [0]).unwrap(), 0, "and a clean end");
    drop(client);
    assert_eq!(place.next_end(), *expected);
    place.end();
}

#[test]
fn the_last_words_of_an_outbox_are_heard_to_the_last_byte() {
    check_last_words(|outbox| outbox.finish(End::Kicked), &End::Kicked);
    check_last_words(|_| (), &End::Done);
}

#[test]
fn where_both_are_spoken_plain_clients_are_served_beside() {
    on_every(false, |name, authority, place| {
        // The greeting comes though the client says nothing.
        let mut plain = place.client();
        assert_eq!(hear(&mut plain, 5), b"hello", "{name}");
        talk(&mut plain, b"in plain words");
        plain.shutdown(Shutdown::Write).unwrap();
        hear_out(&mut plain);
        let mut client = authority.knock(place.address(), NAME);
        talk_first(&mut client);
        talk(&mut client, b"in secret");
    });
}

#[test]
fn who_fails_at_the_handshake_ends_alone() {
    on_every(true, |name, authority, place| {
        for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\x16\x03\x01\x00\x05hello", &[0x16; 600], b"\x16"] {
            let mut client = place.client();
            client.write_all(garbage).unwrap();
            end_side(&client);
            hear_out(&mut client);
            assert!(matches!(place.next_end(), End::TlsFailed(_)), "{name}");
        }
        let stranger = Authority::new();
        let mut client = stranger.knock(place.address(), NAME);
        assert!(client.read(&mut [0]).is_err());
        drop(client);
        assert!(matches!(place.next_end(), End::TlsFailed(_)), "{name}");
        talk_first(&mut authority.knock(place.address(), NAME));
    });
}

#[test]
fn a_handshake_that_stands_still_is_ended_in_time() {
    let timeouts = Timeouts { handshake: Some(Duration::from_millis(1)), ..Timeouts::default() };
    let authority = Authority::new();
    let files = authority.files("server", NAME);
    let tls = Tls::files(files.certificate, files.key).unwrap();
    let check = |place: Place| {
        let mut client = place.client();
        // The first bytes of a handshake's record, and no more.
        client.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
        hear_out(&mut client);
        assert_eq!(place.next_end(), End::TimedOut);
        until("it has left", || place.open_count() == 0);
    };
    let server = || Server::new(greet).timeouts(timeouts.clone());
    check(placed(server(), &tls, true));
    check(placed(server().model(Threads::default()), &tls, false));
    check(placed(Server::blocking(block).timeouts(timeouts.clone()), &tls, true));
}

#[test]
fn a_drain_cuts_a_handshake_that_stands_still_at_its_deadline() {
    on_every(true, |name, _authority, place| {
        let mut client = place.client();
        client.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
        until("it has come", || place.open_count() == 1);
        let report = place.running.drain(Duration::from_millis(1)).wait();
        assert_eq!((report.cut, place.open_count()), (1, 0), "{name}");
        hear_out(&mut client);
    });
}

#[test]
fn a_drain_waits_for_a_handshake_and_ends_the_idle() {
    on_every(true, |name, authority, place| {
        let mut idle = authority.knock(place.address(), NAME);
        talk_first(&mut idle);
        talk(&mut idle, b"half");
        let drain = place.running.drain(PATIENCE);
        // A clean end, as TLS has it.
        assert_eq!(idle.read(&mut [0]).unwrap(), 0, "{name}");
        drop(idle);
        let report = drain.wait();
        assert_eq!((report.finished, report.cut), (1, 0), "{name}");
    });
}

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let authority = Authority::new();
    let certificates =
        vec![authority.files("one", "one.example.org"), authority.files("two", "two.example.org")];
    let tls = Tls::new(TlsSettings { certificates, ..TlsSettings::default() }).unwrap();
    let place = placed(Server::new(greet), &tls, true);
    let (one, two) =
        (shown(&authority, &place, "one.example.org"), shown(&authority, &place, "two.example.org"));
    assert_ne!(one, two);
    let mut stranger = authority.knock(place.address(), "three.example.org");
    let refused = stranger.read(&mut [0]).unwrap_err();
    assert!(refused.to_string().contains("not valid for name"), "{refused}");
    place.end();
}

#[test]
fn a_client_is_known_by_its_certificate_where_one_is_required() {
    let authority = Authority::new();
    let whose = |conn: &Conn| conn.peer().tls().map(|secured| secured.certificates.len());
    let tell = move |mut conn: Conn| async move {
        let known = whose(&conn).unwrap();
        let secured = conn.peer().tls().unwrap();
        let told = format!("{known} {} {:?} {:?}", secured.version, secured.server_name, secured.protocol);
        conn.write_all(told.as_bytes()).await?;
        Ok(())
    };
    for (clients, stranger) in [
        (ClientCertificates::Required(authority.path()), None),
        (ClientCertificates::Asked(authority.path()), Some(r#"0 TLSv1_3 Some("chat.example.org") None"#)),
    ] {
        let certificates = vec![authority.files("server", NAME)];
        let tls = Tls::new(TlsSettings { certificates, clients, ..TlsSettings::default() }).unwrap();
        let place = placed(Server::new(tell), &tls, true);
        let own = Some(authority.sign("ana"));
        let mut known = secure(knock(place.address()), authority.trusting(own), NAME);
        let mut told = String::new();
        known.read_to_string(&mut told).unwrap();
        assert_eq!(told, r#"1 TLSv1_3 Some("chat.example.org") None"#);
        let mut told = String::new();
        let heard = authority.knock(place.address(), NAME).read_to_string(&mut told).is_ok();
        assert_eq!(heard.then_some(&told[..]), stranger);
        // One that another authority signed is no better than none, and worse where none is fine.
        let strange = Some(Authority::new().sign("ana"));
        let mut strange = secure(knock(place.address()), authority.trusting(strange), NAME);
        assert!(strange.read_to_string(&mut String::new()).is_err());
        place.end();
    }
}

#[test]
fn any_certificate_is_taken_where_only_its_key_counts() {
    let authority = Authority::new();
    let tell = |mut conn: Conn| async move {
        let shown = conn.peer().tls().map(|secured| secured.certificates.concat()).unwrap_or_default();
        conn.write_all(&shown).await?;
        Ok(())
    };
    let certificates = vec![authority.files("server", NAME)];
    let settings =
        TlsSettings { certificates, clients: ClientCertificates::Presented, ..TlsSettings::default() };
    let place = placed(Server::new(tell), &Tls::new(settings).unwrap(), true);
    for tls12 in [false, true] {
        let own = Authority::nobodys("ana");
        let mut told = Vec::new();
        let config = authority.trusting_with(own.whole(), tls12);
        secure(knock(place.address()), config, NAME).read_to_end(&mut told).unwrap();
        assert_eq!(told, own.der().as_ref(), "what was shown is known to who serves");
        let config = authority.trusting_with(own.stolen(), tls12);
        let stolen = secure(knock(place.address()), config, NAME).read_to_end(&mut told);
        assert!(stolen.is_err(), "a certificate without its key opens nothing");
    }
    let mut told = Vec::new();
    authority.knock(place.address(), NAME).read_to_end(&mut told).unwrap();
    assert_eq!(told, b"", "who shows none is served as well");
    place.end();
}

#[test]
fn a_renewed_certificate_is_for_those_who_come_and_a_bad_one_for_nobody() {
    let authority = Authority::new();
    let files = authority.files("server", NAME);
    let tls = Tls::files(&files.certificate, &files.key).unwrap();
    let place = placed(Server::new(greet), &tls, false);
    let mut stays = authority.knock(place.address(), NAME);
    talk_first(&mut stays);
    let before = shown(&authority, &place, NAME);
    authority.files("server", NAME);
    tls.reload().unwrap();
    let after = shown(&authority, &place, NAME);
    assert_ne!(before, after);
    std::fs::write(&files.key, "no key at all").unwrap();
    assert!(matches!(tls.reload(), Err(TlsError::NoKey { .. })));
    assert_eq!(shown(&authority, &place, NAME), after);
    talk(&mut stays, b"still here");
    place.end();
}

#[test]
fn files_that_cannot_be_used_are_told_by_name() {
    let authority = Authority::new();
    let files = authority.files("server", NAME);
    let other = authority.files("other", NAME);
    let check = |certificate: &std::path::Path, key: &std::path::Path, expected: &str| {
        let error = Tls::files(certificate, key).err().unwrap().to_string();
        let expected = expected.replace("FOLDER", &authority.folder.path().display().to_string());
        assert!(error.contains(&expected), "{error}");
    };
    let CertificateFiles { certificate, key } = files;
    let (missing, empty) = (authority.folder.path().join("missing"), authority.folder.path().join("empty"));
    std::fs::write(&empty, "").unwrap();
    check(&missing, &key, "cannot read FOLDER/missing: No such file");
    check(&certificate, &missing, "cannot read FOLDER/missing: No such file");
    check(&empty, &key, "FOLDER/empty holds no certificate");
    check(&certificate, &empty, "FOLDER/empty holds no private key");
    check(&key, &key, "FOLDER/server.key holds no certificate");
    check(
        &certificate,
        &other.key,
        "the key in FOLDER/other.key is not the certificate's in FOLDER/server.pem",
    );
    std::fs::write(&empty, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    check(&empty, &key, "cannot use FOLDER/empty");
    let none = Tls::new(TlsSettings::default()).err().unwrap();
    assert!(matches!(none, TlsError::NoneGiven));
}

#[test]
fn who_vanishes_without_a_farewell_has_ended_all_the_same() {
    let authority = Authority::new();
    let files = authority.files("server", NAME);
    let place = open(Server::new(greet).tls(&Tls::files(files.certificate, files.key).unwrap()));
    let mut client = authority.knock(place.address(), NAME);
    talk_first(&mut client);
    drop(client);
    assert_eq!(place.next_end(), End::PeerClosed);
    place.end();
}
