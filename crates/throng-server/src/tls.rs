//! TLS (RFC 8446, and 5246 for 1.2) by rustls: certificates from PEM files, chosen by the name that a client asks for, read
//! again when they change.
//!
//! A [`Tls`] is given to [`crate::Server::tls`] or [`crate::Server::listen_tls`]. Who is connected keeps the certificate of
//! his handshake; the next one gets what was read last. Files that cannot be used leave everything as it was.
//!
//! The files are looked at every 5 s, and read again when one of them has another size or time; [`Tls::reload`] does it at
//! once. [`crate::Event::CertificateRead`] tells.
//!
//! ```
//! use throng_server::{Conn, Server, Tls};
//!
//! # async fn hello(mut conn: Conn) -> throng_server::Result {
//! #     let how = if conn.peer().tls().is_some() { "secured" } else { "plain" };
//! #     conn.write_all(how.as_bytes()).await?;
//! #     Ok(())
//! # }
//! # fn main() -> throng_server::Result {
//! # let folder = tempfile::tempdir()?;
//! # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
//! # std::fs::write(&certificate, made.cert.pem())?;
//! # std::fs::write(&key, made.signing_key.serialize_pem())?;
//! let tls = Tls::files(&certificate, &key)?; // two PEM files
//! let running = Server::new(hello)
//!     .listen("127.0.0.1:0") // plain
//!     .tls(&tls) //             and TLS as well, told by the first byte
//!     .listen_tls("127.0.0.1:0", &tls) // nothing but TLS
//!     .start()?;
//! # use rustls::pki_types::{CertificateDer, pem::PemObject};
//! # let mut roots = rustls::RootCertStore::empty();
//! # roots.add(CertificateDer::from_pem_file(&certificate)?)?;
//! # let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
//! # let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
//! # let config = std::sync::Arc::new(config.with_root_certificates(roots).with_no_client_auth());
//! # for address in running.addresses() {
//! #     let connection = rustls::ClientConnection::new(config.clone(), "localhost".try_into()?)?;
//! #     let client = rustls::StreamOwned::new(connection, std::net::TcpStream::connect(address)?);
//! #     assert_eq!(std::io::read_to_string(client)?, "secured");
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! `openssl s_client -connect ADDRESS` is a client to try it with. A certificate to try with comes from `throng tls
//! self-signed`.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::SystemTime;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::expiry;
use crate::presented::AnyPresented;
use crate::secured::Secured;
use crate::tls_error::TlsError;
use crate::wire::Wire;

/// A certificate with its chain, and its key, each in a PEM file (RFC 7468). Example: [`TlsSettings`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate first, then what signed it, and so on.
    pub certificate: PathBuf,
    /// Its private key: PKCS #8 (RFC 5958), PKCS #1 (RFC 8017) or SEC 1 (RFC 5915), not encrypted.
    pub key: PathBuf,
}

/// Are clients asked for a certificate of their own? What they gave is in [`Secured::certificates`]. Example: [`TlsSettings`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ClientCertificates {
    /// No.
    #[default]
    None,
    /// Yes, and one that is given must be signed by one of this PEM file.
    Asked(PathBuf),
    /// Yes, and who has none is not let in.
    Required(PathBuf),
    /// Yes, and any is taken, one that signed itself too; none is fine as well. Only that the client has its key is verified.
    /// So it says nothing of who that is, just that the same key came back: it is for a service that knows fingerprints.
    ///
    /// ```
    /// use throng_server::{CertificateFiles, ClientCertificates, Conn, Server, Tls, TlsSettings};
    ///
    /// /// Tells how long the certificate is that a client showed.
    /// async fn tell(mut conn: Conn) -> throng_server::Result {
    ///     let shown = conn.peer().tls().and_then(|tls| tls.certificates.first()).map(Vec::len);
    ///     conn.write_all(format!("{shown:?}").as_bytes()).await?;
    ///     Ok(())
    /// }
    /// # fn main() -> throng_server::Result {
    /// # let folder = tempfile::tempdir()?;
    /// # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # std::fs::write(&certificate, made.cert.pem())?;
    /// # std::fs::write(&key, made.signing_key.serialize_pem())?;
    /// let tls = Tls::new(TlsSettings {
    ///     certificates: vec![CertificateFiles { certificate, key }],
    ///     clients: ClientCertificates::Presented,
    ///     ..TlsSettings::default()
    /// })?;
    /// let running = Server::new(tell).listen_tls("127.0.0.1:0", &tls).start()?;
    /// # running.shutdown();
    /// # Ok(())
    /// # }
    /// ```
    Presented,
}

/// What a [`Tls`] is made from.
///
/// ```
/// use throng_server::{CertificateFiles, ClientCertificates, Tls, TlsSettings};
///
/// # fn main() -> throng_server::Result {
/// # let folder = tempfile::tempdir()?;
/// # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
/// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// # std::fs::write(&certificate, made.cert.pem())?;
/// # std::fs::write(&key, made.signing_key.serialize_pem())?;
/// let tls = Tls::new(TlsSettings {
///     certificates: vec![CertificateFiles { certificate: certificate.clone(), key }],
///     clients: ClientCertificates::Required(certificate), // of the authority that signs the clients'
///     protocols: vec!["irc".to_owned()],
/// })?;
/// # tls.reload()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Which one a client gets is told by the name that it asks for (SNI, RFC 6066); the first when it names none, or one
    /// that none of them is for.
    pub certificates: Vec<CertificateFiles>,
    /// Are clients asked for one?
    pub clients: ClientCertificates,
    /// Protocols to be agreed on (ALPN, RFC 7301), the best first. None unless set.
    pub protocols: Vec<String>,
}

/// A server's side of TLS, versions 1.3 and 1.2. All clones are the same, and read their files again together. Example:
/// [`crate::tls`].
#[derive(Clone)]
pub struct Tls {
    inner: Arc<Inner>,
}

struct Inner {
    settings: TlsSettings,
    /// Written when the files were read again, read once for each handshake.
    current: RwLock<Current>,
    /// How the files looked when they were last read, whatever came of it.
    stamps: Mutex<Vec<Stamp>>,
}

/// What the files had when they were read.
struct Current {
    config: Arc<ServerConfig>,
    good_until: Option<u64>,
}

/// How a file looked; `None` when it was not there.
type Stamp = Option<(SystemTime, u64)>;

impl Tls {
    /// One certificate with its key, of which the files are read now.
    ///
    /// # Errors
    /// When a file cannot be read, holds no certificate or no key, or the two do not belong together. That a certificate has
    /// expired, or is for another name, is no error here: clients tell.
    ///
    /// ```
    /// let missing = throng_server::Tls::files("no/such.pem", "no/such.key").err().unwrap();
    /// assert!(missing.to_string().starts_with("cannot read no/such.pem: "));
    /// ```
    pub fn files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Tls, TlsError> {
        let files = CertificateFiles { certificate: certificate.into(), key: key.into() };
        Tls::new(TlsSettings { certificates: vec![files], ..TlsSettings::default() })
    }

    /// All that can be set.
    ///
    /// # Errors
    /// As [`Tls::files`], and when no certificate is given at all. Example: [`TlsSettings`].
    pub fn new(settings: TlsSettings) -> Result<Tls, TlsError> {
        let stamps = Mutex::new(settings.stamps());
        let current = RwLock::new(settings.read()?);
        Ok(Tls { inner: Arc::new(Inner { settings, current, stamps }) })
    }

    /// Reads the files again. Whoever is connected stays so.
    ///
    /// # Errors
    /// As [`Tls::files`]; what was read before is used on then.
    ///
    /// ```
    /// # use throng_server::{Tls, TlsError};
    /// # fn main() -> throng_server::Result {
    /// # let folder = tempfile::tempdir()?;
    /// # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    /// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// # std::fs::write(&certificate, made.cert.pem())?;
    /// # std::fs::write(&key, made.signing_key.serialize_pem())?;
    /// let tls = Tls::files(&certificate, &key)?;
    /// std::fs::write(&key, "half a k")?;
    /// assert!(matches!(tls.reload(), Err(TlsError::NoKey { path }) if path == key));
    /// # Ok(())
    /// # }
    /// ```
    pub fn reload(&self) -> Result<(), TlsError> {
        *self.stamps() = self.inner.settings.stamps();
        let read = self.inner.settings.read()?;
        *self.inner.current.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// The last good second, from 1970 on, of the certificate in use that expires first; also of one that has expired. `None` when
    /// none of them tells.
    ///
    /// ```
    /// # fn main() -> throng_server::Result {
    /// # let folder = tempfile::tempdir()?;
    /// # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    /// # let mut params = rcgen::CertificateParams::new(["localhost".to_owned()])?;
    /// # params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    /// # let own = rcgen::KeyPair::generate()?;
    /// # std::fs::write(&certificate, params.self_signed(&own)?.pem())?;
    /// # std::fs::write(&key, own.serialize_pem())?;
    /// let tls = throng_server::Tls::files(&certificate, &key)?; // good until 2030
    /// assert_eq!(tls.good_until(), Some(1_893_456_000));
    /// # Ok(())
    /// # }
    /// ```
    pub fn good_until(&self) -> Option<u64> {
        self.current().good_until
    }

    /// Reads the files again if they look otherwise than when they were last read. `None` when they do not.
    pub(crate) fn reload_if_changed(&self) -> Option<Result<(), TlsError>> {
        let looks = self.inner.settings.stamps();
        let changed = *self.stamps() != looks;
        changed.then(|| self.reload())
    }

    /// Are both the same, and not only alike?
    pub(crate) fn is_same(&self, other: &Tls) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }

    /// The first certificate's file, by which people know it.
    pub(crate) fn name(&self) -> String {
        let first = self.inner.settings.certificates.first();
        first.map_or(String::new(), |files| files.certificate.display().to_string())
    }

    /// The handshake, on an event loop.
    pub(crate) async fn accept(&self, wire: Wire) -> io::Result<(TlsStream<Wire>, Secured)> {
        let stream = TlsAcceptor::from(self.config()).accept(wire).await?;
        let secured = Secured::of(stream.get_ref().1);
        Ok((stream, secured))
    }

    /// A connection whose handshake is still to come, for blocking code.
    pub(crate) fn begin(&self) -> io::Result<ServerConnection> {
        ServerConnection::new(self.config()).map_err(io::Error::other)
    }

    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current().config)
    }

    fn current(&self) -> RwLockReadGuard<'_, Current> {
        self.inner.current.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamps(&self) -> std::sync::MutexGuard<'_, Vec<Stamp>> {
        self.inner.stamps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TlsSettings {
    fn read(&self) -> Result<Current, TlsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(TlsError::Settings)?;
        let builder = match &self.clients {
            ClientCertificates::None => builder.with_no_client_auth(),
            ClientCertificates::Presented => {
                builder.with_client_cert_verifier(Arc::new(AnyPresented::new(Arc::clone(&provider))))
            }
            ClientCertificates::Asked(path) | ClientCertificates::Required(path) => {
                let roots = Arc::new(roots(path)?);
                let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(&provider));
                let verifier = match &self.clients {
                    ClientCertificates::Required(_) => verifier,
                    _ => verifier.allow_unauthenticated(),
                };
                let built = verifier.build().map_err(|why| TlsError::bad(path, why))?;
                builder.with_client_cert_verifier(built)
            }
        };
        let certified = self.certificates.iter().map(|files| files.read(&provider));
        let certified = certified.collect::<Result<Vec<_>, _>>()?;
        if certified.is_empty() {
            return Err(TlsError::NoneGiven);
        }
        let until =
            |certified: &Arc<CertifiedKey>| certified.end_entity_cert().and_then(expiry::good_until).ok();
        let good_until = certified.iter().filter_map(until).min();
        let mut config = builder.with_cert_resolver(Arc::new(ByName { certified }));
        config.alpn_protocols = self.protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Ok(Current { config: Arc::new(config), good_until })
    }

    fn stamps(&self) -> Vec<Stamp> {
        let clients = match &self.clients {
            ClientCertificates::None | ClientCertificates::Presented => None,
            ClientCertificates::Asked(path) | ClientCertificates::Required(path) => Some(path),
        };
        let pairs = self.certificates.iter().flat_map(|files| [&files.certificate, &files.key]);
        pairs.chain(clients).map(|path| stamp(path)).collect()
    }
}

impl CertificateFiles {
    /// The certificate's last good second, from 1970 on: what there is to warn of before clients do.
    ///
    /// # Errors
    /// As [`Tls::files`].
    ///
    /// ```
    /// # use throng_server::CertificateFiles;
    /// # fn main() -> throng_server::Result {
    /// # let folder = tempfile::tempdir()?;
    /// # let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    /// # let mut params = rcgen::CertificateParams::new(["localhost".to_owned()])?;
    /// params.not_after = rcgen::date_time_ymd(2030, 1, 1);
    /// # let own = rcgen::KeyPair::generate()?;
    /// # std::fs::write(&certificate, params.self_signed(&own)?.pem())?;
    /// # std::fs::write(&key, own.serialize_pem())?;
    /// let files = CertificateFiles { certificate, key };
    /// assert_eq!(files.good_until()?, 1_893_456_000);
    /// # Ok(())
    /// # }
    /// ```
    pub fn good_until(&self) -> Result<u64, TlsError> {
        let certified = self.read(&rustls::crypto::aws_lc_rs::default_provider())?;
        let first = certified.end_entity_cert().and_then(expiry::good_until);
        first.map_err(|why| TlsError::bad(&self.certificate, why))
    }

    fn read(&self, provider: &rustls::crypto::CryptoProvider) -> Result<Arc<CertifiedKey>, TlsError> {
        let path = &self.certificate;
        let chain = certificates(path)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(|why| match why {
            pem::Error::NoItemsFound => TlsError::NoKey { path: self.key.clone() },
            why => unread(&self.key, why),
        })?;
        let certified = CertifiedKey::from_der(chain, key, provider).map_err(|why| match why {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: path.clone(), key: self.key.clone() }
            }
            why => TlsError::bad(path, why),
        })?;
        // One that cannot be parsed is found out now, not by the first client.
        certified
            .end_entity_cert()
            .and_then(ParsedCertificate::try_from)
            .map_err(|why| TlsError::bad(path, why))?;
        Ok(Arc::new(certified))
    }
}

/// Which certificate a client gets, by the name that it asks for.
#[derive(Debug)]
struct ByName {
    certified: Vec<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let asked = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = asked.and_then(|name| self.certified.iter().find(|certified| is_for(certified, &name)));
        named.or(self.certified.first()).cloned()
    }
}

fn is_for(certified: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let parsed = certified.end_entity_cert().and_then(ParsedCertificate::try_from);
    parsed.is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, name).is_ok())
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(TlsError::NoCertificate { path: path.to_owned() }),
        Ok(found) => Ok(found),
        Err(why) => Err(unread(path, why)),
    }
}

fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|why| TlsError::bad(path, why))?;
    }
    Ok(roots)
}

fn unread(path: &Path, why: pem::Error) -> TlsError {
    match why {
        pem::Error::Io(source) => TlsError::Read { path: path.to_owned(), source },
        why => TlsError::bad(path, why),
    }
}

fn stamp(path: &Path) -> Stamp {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}
