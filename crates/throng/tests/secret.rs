//! `throng connect --tls`: nobody is believed without a reason, and each refusal says whose it is.

#![allow(clippy::unwrap_used)]

mod peers;
mod real;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::JoinHandle;

use peers::{Piped, command, ended, read_all, run, self_signed, server};
use real::Server;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// An echo of throng's own, which speaks TLS and nothing else.
fn echo(folder: &Path) -> (Server, String) {
    let (cert, key) = self_signed(folder);
    let data = folder.join("data");
    let server =
        Server::start_at("tls:127.0.0.1:0", &data, &["echo", "--tls-cert", &cert, "--tls-key", &key]);
    (server, cert)
}

/// A server that shows this certificate, and does this with its one client.
fn tls_server(
    (cert, key): (&str, &str),
    clients: Option<&str>,
    serve: impl FnOnce(StreamOwned<ServerConnection, TcpStream>) + Send + 'static,
) -> (SocketAddr, JoinHandle<()>) {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let certificates =
        |path| CertificateDer::pem_file_iter(path).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let config =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let config = match clients {
        None => config.unwrap().with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            certificates(path).into_iter().for_each(|certificate| roots.add(certificate).unwrap());
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            config.unwrap().with_client_cert_verifier(verifier)
        }
    };
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    let config = Arc::new(config.with_single_cert(certificates(cert), key).unwrap());
    server(move |client| serve(StreamOwned::new(ServerConnection::new(config).unwrap(), client)))
}

#[test]
fn a_certificate_is_believed_when_it_is_trusted_and_for_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let (server, cert) = echo(folder.path());
    let output = run(server.address, &["--tls", "--ca", &cert], b"hello");
    assert_eq!((ended(&output), output.stdout.as_slice()), ((0, String::new()), &b"hello"[..]));

    let (code, said) =
        ended(&run(server.address, &["--tls", "--ca", &cert, "--servername", "example.org"], b""));
    assert!(code == 4 && said.contains("example.org") && said.contains("is not to be trusted"), "{said}");
    let (code, said) =
        ended(&run(server.address, &["--tls", "--ca", &cert, "--servername", "localhost"], b""));
    assert_eq!((code, said.as_str()), (0, ""));
}

#[test]
fn without_a_reason_nobody_is_believed_and_the_fingerprint_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (server, cert) = echo(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (strange, _) = self_signed(other.path());
    // The system's roots are these, as far as the program knows.
    let with_roots = |roots: &str| {
        let mut command = command();
        let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
        let output =
            command.args([&host, &port, "--tls"]).env("SSL_CERT_FILE", roots).stdin(Stdio::null()).output();
        ended(&output.unwrap())
    };
    let fingerprint = fingerprint(&cert);
    let (code, said) = with_roots(&strange);
    assert!(code == 4 && said.contains(&fingerprint) && said.contains("--ca FILE"), "{said}");
    assert_eq!(with_roots(&cert), (0, String::new()));

    let output = run(server.address, &["--tls", "--insecure"], b"hello");
    let (code, said) = ended(&output);
    assert_eq!((code, output.stdout.as_slice()), (0, &b"hello"[..]));
    assert!(said.contains(&format!("not verified: SHA-256 {fingerprint}")), "{said}");
}

/// As `throng tls self-signed` told it; here from the file, by another program's reckoning where there is one.
fn fingerprint(cert: &str) -> String {
    let der = CertificateDer::from_pem_file(cert).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &der);
    digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}

#[test]
fn who_does_not_speak_tls_is_told_from_who_hangs_up() {
    let (address, _) = server(|mut client| {
        client.write_all(b"220 smtp.example.org ready\r\n").unwrap();
        read_all(&mut client);
    });
    let (code, said) = ended(&run(address, &["--tls", "--insecure"], b""));
    assert!(code == 4 && said.contains("does not speak TLS") && said.contains("without --tls"), "{said}");
    let (address, _) = server(drop);
    let (code, said) = ended(&run(address, &["--tls", "--insecure"], b""));
    assert!(code == 4 && said.contains("hung up where TLS begins"), "{said}");
    // This one is silent until the client goes.
    let (address, _) = server(|mut client| read_all(&mut client));
    let (code, said) = ended(&run(address, &["--tls", "--insecure", "--connect-timeout", "50ms"], b""));
    assert!(code == 4 && said.contains("did not agree on TLS within 50ms"), "{said}");
}

#[test]
fn an_end_that_tls_does_not_know_of_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = self_signed(folder.path());
    for ends_well in [true, false] {
        let (address, served) = tls_server((&cert, &key), None, move |mut stream| {
            stream.write_all(b"half").unwrap();
            if ends_well {
                stream.conn.send_close_notify();
            }
            stream.flush().unwrap();
        });
        let output = Piped::start(address, &["--tls", "--ca", &cert]).wait();
        let (code, said) = ended(&output);
        assert_eq!(output.stdout, b"half");
        assert_eq!(
            (code, said.contains("something may be missing")),
            if ends_well { (0, false) } else { (5, true) }
        );
        served.join().unwrap();
    }
}

#[test]
fn a_server_may_want_to_know_us_too() {
    let folder = tempfile::tempdir().unwrap();
    let (cert, key) = self_signed(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (own, own_key) = self_signed(other.path());
    let (address, served) = tls_server((&cert, &key), Some(&own), |mut stream| {
        let mut line = [0; 5];
        stream.read_exact(&mut line).unwrap();
        stream.write_all(&line).unwrap();
        stream.conn.send_close_notify();
        stream.flush().unwrap();
    });
    let output = run(address, &["--tls", "--ca", &cert, "--cert", &own, "--key", &own_key], b"hello");
    assert_eq!((ended(&output), output.stdout.as_slice()), ((0, String::new()), &b"hello"[..]));
    served.join().unwrap();

    let (address, _) = tls_server((&cert, &key), Some(&own), |mut stream| {
        assert!(stream.read(&mut [0]).is_err());
    });
    let (code, said) = ended(&Piped::start(address, &["--tls", "--ca", &cert]).wait());
    assert!(code == 4 && said.contains("CertificateRequired"), "{code} {said}");
}
