//! Certificates of an authority of our own, and clients that believe it and no other.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::sign::{CertifiedKey, SigningKey, SingleCertAndKey};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;
use throng_server::CertificateFiles;

use crate::place;

/// A client's side of TLS.
pub(crate) type Secure = StreamOwned<ClientConnection, TcpStream>;

/// Signs certificates, and keeps their files for as long as it lives.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    pub(crate) folder: TempDir,
}

/// A certificate with its key.
pub(crate) struct Signed {
    certificate: Certificate,
    key: KeyPair,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::write(folder.path().join("authority.pem"), issuer.pem()).unwrap();
        Authority { issuer, folder }
    }

    /// Its own certificate.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("authority.pem")
    }

    /// A certificate for this name.
    pub(crate) fn sign(&self, name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed { certificate, key }
    }

    /// A certificate that nobody signed but itself.
    pub(crate) fn nobodys(name: &str) -> Signed {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        Signed { certificate: params.self_signed(&key).unwrap(), key }
    }

    /// The files of a new one, called so.
    pub(crate) fn files(&self, file: &str, name: &str) -> CertificateFiles {
        let files = CertificateFiles {
            certificate: self.folder.path().join(format!("{file}.pem")),
            key: self.folder.path().join(format!("{file}.key")),
        };
        self.sign(name).write(&files.certificate, &files.key);
        files
    }

    /// A client that believes it.
    pub(crate) fn trusting(&self, own: Option<Signed>) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.unwrap().with_root_certificates(roots);
        Arc::new(match own {
            None => builder.with_no_client_auth(),
            Some(own) => {
                let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(own.key.serialize_der()));
                builder.with_client_auth_cert(vec![own.der()], key).unwrap()
            }
        })
    }

    /// A client that believes it, and shows what it has whether that fits together or not.
    pub(crate) fn trusting_with(&self, own: Arc<CertifiedKey>, tls12: bool) -> Arc<ClientConfig> {
        let versions = if tls12 { &[&rustls::version::TLS12] } else { &[&rustls::version::TLS13] };
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
        let own = Arc::new(SingleCertAndKey::from(Arc::unwrap_or_clone(own)));
        Arc::new(builder.with_root_certificates(roots).with_client_cert_resolver(own))
    }

    /// A client of a server of this name, whose handshake comes with its first bytes.
    #[track_caller]
    pub(crate) fn knock(&self, address: SocketAddr, name: &str) -> Secure {
        secure(place::knock(address), self.trusting(None), name)
    }
}

impl Signed {
    pub(crate) fn write(&self, certificate: &Path, key: &Path) {
        std::fs::write(certificate, self.certificate.pem()).unwrap();
        std::fs::write(key, self.key.serialize_pem()).unwrap();
    }

    /// The certificate with its own key.
    pub(crate) fn whole(&self) -> Arc<CertifiedKey> {
        Arc::new(CertifiedKey::new(vec![self.der()], signing(&self.key)))
    }

    /// The same certificate, in the hands of somebody with another key.
    pub(crate) fn stolen(&self) -> Arc<CertifiedKey> {
        Arc::new(CertifiedKey::new(vec![self.der()], signing(&KeyPair::generate().unwrap())))
    }

    /// What a client that is shown it sees.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.certificate.der().clone()
    }
}

fn signing(key: &KeyPair) -> Arc<dyn SigningKey> {
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap()
}

/// Lays TLS upon a connection.
pub(crate) fn secure(stream: TcpStream, config: Arc<ClientConfig>, name: &str) -> Secure {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream)
}
