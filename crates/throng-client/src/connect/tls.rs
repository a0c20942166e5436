//! TLS towards a server: its certificate is verified against the system's roots unless something else is asked for, and its
//! fingerprint is known whatever comes of it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::flow::Stream;
use super::target::Target;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The name that the certificate must be for, where it is not the host's.
    pub name: Option<String>,
    /// Trust these certificates (PEM) and no others.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key (PEM).
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Believe anybody.
    pub insecure: bool,
}

/// Ready to shake hands.
pub struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    seen: Arc<Seen>,
}

/// What both agreed on.
#[derive(Clone, Debug)]
pub struct Agreed {
    /// `TLSv1_3`, say.
    pub version: String,
    /// SHA-256 of the server's certificate.
    pub fingerprint: String,
}

/// Why there is no TLS.
#[derive(Debug)]
pub enum TlsFault {
    /// What was asked for cannot be had.
    Setting(String),
    /// The server's certificate is not to be trusted; its fingerprint.
    NotTrusted(String, Option<String>),
    /// The other end does not speak TLS.
    NotTls,
    /// The handshake took longer than this.
    TimedOut(Duration),
    /// The connection ended during it.
    Lost(io::Error),
    /// Both have nothing in common, or the server does not want us.
    Failed(String),
}

impl Tls {
    /// Reads what was named.
    pub fn new(wanted: &Wanted, target: &Target) -> Result<Tls, TlsFault> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = match wanted.insecure {
            true => None,
            false => {
                let roots = Arc::new(roots(wanted.ca.as_deref())?);
                let built = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider)).build();
                Some(
                    built.map_err(|why| {
                        TlsFault::Setting(format!("the certificates cannot be used: {why}"))
                    })?,
                )
            }
        };
        let seen =
            Arc::new(Seen { verifier, provider: Arc::clone(&provider), fingerprint: Mutex::new(None) });
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = versions
            .expect("the provider has what TLS needs")
            .dangerous()
            .with_custom_certificate_verifier(Arc::clone(&seen) as Arc<dyn ServerCertVerifier>);
        let config = match &wanted.identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let key_der = PrivateKeyDer::from_pem_file(key).map_err(|why| unreadable(key, why))?;
                builder.with_client_auth_cert(certificates(certificate)?, key_der).map_err(|why| {
                    TlsFault::Setting(format!("the key {} cannot be used: {why}", key.display()))
                })?
            }
        };
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name: name_of(wanted, target)?, seen })
    }

    /// Shakes hands, and gives up after this time.
    pub async fn wrap(
        &self,
        stream: Stream,
        patience: Duration,
    ) -> Result<(TlsStream<Stream>, Agreed), TlsFault> {
        self.seen.forget();
        let shaking = self.connector.connect(self.name.clone(), stream);
        let shaken = tokio::time::timeout(patience, shaking).await;
        let fingerprint = self.seen.fingerprint();
        match shaken {
            Ok(Ok(stream)) => {
                let version = stream.get_ref().1.protocol_version();
                let version = version.map_or_else(|| "TLS".to_owned(), |version| format!("{version:?}"));
                Ok((stream, Agreed { version, fingerprint: fingerprint.unwrap_or_default() }))
            }
            Ok(Err(why)) => Err(fault(why, fingerprint)),
            Err(_) => Err(TlsFault::TimedOut(patience)),
        }
    }
}

/// SHA-256 of a certificate, as clients show it: two digits for each byte, colons between.
pub fn fingerprint(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    let digits: Vec<_> = digest.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
    digits.join(":")
}

fn fault(why: io::Error, fingerprint: Option<String>) -> TlsFault {
    let Some(tls) = why.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return TlsFault::Lost(why);
    };
    match tls {
        rustls::Error::InvalidCertificate(why) => TlsFault::NotTrusted(why.to_string(), fingerprint),
        rustls::Error::InvalidMessage(_) => TlsFault::NotTls,
        other => TlsFault::Failed(other.to_string()),
    }
}

fn name_of(wanted: &Wanted, target: &Target) -> Result<ServerName<'static>, TlsFault> {
    let name = match (&wanted.name, target) {
        (Some(name), _) => name,
        (None, Target::Tcp { host, .. }) => host,
        (None, Target::Unix(_)) => {
            return Err(TlsFault::Setting(
                "TLS over a Unix socket needs the server's name: --servername NAME".into(),
            ));
        }
    };
    let bare = name.split('%').next().unwrap_or(name);
    ServerName::try_from(bare.to_owned()).map_err(|_| {
        TlsFault::Setting(format!("{bare:?} cannot be the name of a TLS server: --servername NAME"))
    })
}

fn roots(ca: Option<&Path>) -> Result<RootCertStore, TlsFault> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = ca {
        for certificate in certificates(path)? {
            roots.add(certificate).map_err(|why| unreadable(path, why))?;
        }
        return Ok(roots);
    }
    let found = rustls_native_certs::load_native_certs();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        let why = found.errors.first().map_or_else(String::new, |why| format!(" ({why})"));
        return Err(TlsFault::Setting(format!(
            "this system has no certificates to trust{why}: name one by --ca FILE, or install ca-certificates"
        )));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsFault> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(unreadable(path, "there is no certificate in it")),
        Ok(found) => Ok(found),
        Err(why) => Err(unreadable(path, why)),
    }
}

fn unreadable(path: &Path, why: impl fmt::Display) -> TlsFault {
    TlsFault::Setting(format!("cannot read {}: {why}", path.display()))
}

/// Verifies, and keeps the fingerprint of what it saw.
#[derive(Debug)]
struct Seen {
    /// None believes anybody.
    verifier: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    /// Written by the handshake, read when it is over.
    fingerprint: Mutex<Option<String>>,
}

impl Seen {
    fn fingerprint(&self) -> Option<String> {
        self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn forget(&self) {
        *self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl ServerCertVerifier for Seen {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        *self.fingerprint.lock().unwrap_or_else(PoisonError::into_inner) = Some(fingerprint(end_entity));
        match &self.verifier {
            Some(verifier) => verifier.verify_server_cert(end_entity, intermediates, name, ocsp, now),
            None => Ok(ServerCertVerified::assertion()),
        }
    }

    // Whoever shows a certificate must have its key, also where anybody is believed.
    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
