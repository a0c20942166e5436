//! The real binary over TLS, over a Unix socket, and behind a proxy.

#![allow(clippy::unwrap_used)]

mod real;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use real::{PATIENCE, Person, Server};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

fn self_signed(folder: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.args(["tls", "self-signed", "--out"]).arg(folder).args(more).output().unwrap()
}

/// A client that trusts this certificate and no other.
fn trusting(certificate: &Path, stream: TcpStream) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
    let name = ServerName::try_from("localhost").unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream)
}

fn knock(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Comes in by the line door as somebody of this name, says a line, and hears it come back; everything heard.
fn chat(mut stream: impl Read + Write, name: &str) -> String {
    stream.write_all(format!("{name}\nhello all\n").as_bytes()).unwrap();
    let mut reads = BufReader::new(stream);
    let mut heard = String::new();
    while !heard.contains(&format!("<{name}> hello all")) {
        assert!(reads.read_line(&mut heard).unwrap() > 0, "{heard}");
    }
    reads.get_mut().write_all(b"/quit\n").unwrap();
    // TLS is ended properly, so the end is an end and no error.
    reads.read_to_string(&mut heard).unwrap();
    heard
}

#[test]
fn the_chat_is_joined_with_tls_and_without_at_one_port() {
    let folder = tempfile::tempdir().unwrap();
    let made = self_signed(folder.path(), &[]);
    let said = String::from_utf8(made.stdout).unwrap();
    assert!(made.status.success() && said.contains("good until") && said.contains("SHA-256 "), "{said}");
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let files = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let server = Server::start(&folder.path().join("data"), &files);
    let heard = chat(trusting(&cert, knock(&server)), "ana");
    assert!(heard.contains("Bye ana."), "{heard}");
    let mut bo = Person::enter(server.address, "bo");
    bo.type_line("/quit");
    let (status, said) = server.terminate();
    assert!(status.success() && said.contains("name=ana tls=TLSv1_3 end=done"), "{said}");
}

#[test]
fn an_address_of_tls_alone_serves_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    assert!(self_signed(folder.path(), &[]).status.success());
    let (cert, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    let (cert_text, key_text) = (cert.to_str().unwrap(), key.to_str().unwrap());
    let arguments = ["echo", "--tls-cert", cert_text, "--tls-key", key_text];
    let server = Server::start_at("tls:127.0.0.1:0", &folder.path().join("data"), &arguments);
    let mut plain = knock(&server);
    plain.write_all(b"hello\n").unwrap();
    // It may have thrown us out already.
    let _ = plain.shutdown(Shutdown::Write);
    let mut heard = Vec::new();
    // What comes is an alert of TLS, or nothing; behind what nobody read, the end may be a reset.
    let _ = plain.read_to_end(&mut heard);
    assert!(!heard.windows(5).any(|part| part == b"hello"));
    let mut secure = trusting(&cert, knock(&server));
    secure.write_all(b"hello\n").unwrap();
    secure.read_exact(&mut [0; 6]).unwrap();
    let (_, said) = server.terminate();
    assert!(said.contains("TLS failed: "), "{said}");
}

#[test]
fn without_a_usable_certificate_nothing_is_opened() {
    let folder = tempfile::tempdir().unwrap();
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        let output = command.args(["serve", "echo"]).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(code) && said.contains(expected), "{said}");
    };
    check(&["--listen", "tls:127.0.0.1:0"], 2, "--tls-cert FILE --tls-key FILE");
    check(&["--tls-cert", "x"], 2, "--tls-key");
    let missing = folder.path().join("missing.pem");
    let missing = missing.to_str().unwrap();
    check(&["--tls-cert", missing, "--tls-key", missing], 1, "cannot read ");
    assert!(self_signed(folder.path(), &[]).status.success());
    let again = self_signed(folder.path(), &[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8(again.stderr).unwrap().contains("--force"));
    assert!(self_signed(folder.path(), &["--force", "chat.example.org"]).status.success());
}

#[test]
fn the_chat_is_joined_by_a_unix_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chat.sock");
    let listen = format!("unix:{}", path.display());
    let server = Server::start(&folder.path().join("data"), &["--listen", &listen]);
    let stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(chat(stream, "ana").contains("Bye ana."));
    let (status, said) = server.terminate();
    assert!(status.success() && said.contains("from=unix door=line"), "{said}");
    assert!(!path.exists());
}

#[test]
fn a_listed_proxy_says_who_comes_and_nobody_else_does() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["echo", "--proxy-allowed-from", "127.0.0.0/8"]);
    let mut passed = knock(&server);
    passed.write_all(b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\nhello").unwrap();
    let mut heard = [0; 5];
    passed.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
    let mut silent = knock(&server);
    silent.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = silent.shutdown(Shutdown::Write);
    assert_eq!(silent.read(&mut [0]).unwrap_or(0), 0);
    drop((passed, silent));
    let (_, said) = server.terminate();
    assert!(said.contains("client.connected conn=1 from=192.0.2.7:4711"), "{said}");
    assert!(said.contains("why=no_proxy_header"), "{said}");
}

#[test]
fn a_proxy_is_believed_that_its_client_came_by_tls() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &["--proxy-allowed-from", "127.0.0.1/32"]);
    let heard = |header: &[u8], typed: &str, words: &str| {
        let mut client = TcpStream::connect(server.address).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.write_all(header).unwrap();
        client.write_all(typed.as_bytes()).unwrap();
        let (mut heard, mut piece) = (String::new(), [0; 4096]);
        while !heard.contains(words) {
            let read = client.read(&mut piece).unwrap();
            assert!(read > 0, "{heard}");
            heard.push_str(&String::from_utf8_lossy(&piece[..read]));
        }
    };
    // Version 2, from 192.0.2.7:4711, with PP2_TYPE_SSL: the client came by TLS and showed no certificate.
    let by_tls = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x14\xc0\0\x02\x07\xc0\0\x02\x01\x12\x67\x01\xbb\x20\0\x05\x01\0\0\0\0";
    heard(by_tls, "ana\n", "ana is free. Register it?");
    let in_plain = b"PROXY TCP4 192.0.2.7 192.0.2.1 4711 443\r\n";
    heard(in_plain, "bo\n/register\n", "! Not here: passwords are not taken in plain text over a network");
}
