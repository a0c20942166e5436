//! Why TLS cannot be spoken with these files.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{fmt, io};

/// TLS cannot be spoken with these files. Its text names the file.
///
/// ```
/// use throng_server::{Tls, TlsError, TlsSettings};
///
/// # fn main() -> std::io::Result<()> {
/// let none = Tls::new(TlsSettings::default()).err().unwrap();
/// assert_eq!(none.to_string(), "TLS needs a certificate, and none is given");
///
/// let folder = tempfile::tempdir()?;
/// let path = folder.path().join("cert.pem");
/// std::fs::write(&path, "not a certificate")?;
/// assert!(matches!(Tls::files(&path, "key.pem"), Err(TlsError::NoCertificate { .. })));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[non_exhaustive]
pub enum TlsError {
    /// No certificate is given.
    NoneGiven,
    /// A file cannot be read.
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file holds no certificate.
    NoCertificate {
        /// Which.
        path: PathBuf,
    },
    /// A file holds no private key that can be used.
    NoKey {
        /// Which.
        path: PathBuf,
    },
    /// A key is not the certificate's.
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// What a file holds cannot be used: it is damaged, of a kind that rustls does not know, or no authority.
    Bad {
        /// Which.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The settings contradict each other.
    Settings(rustls::Error),
}

impl TlsError {
    pub(crate) fn bad(path: &Path, why: impl Error) -> TlsError {
        TlsError::Bad { path: path.to_owned(), why: why.to_string() }
    }
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TlsError::NoneGiven => f.write_str("TLS needs a certificate, and none is given"),
            TlsError::Read { path, source } => write!(f, "cannot read {}: {source}", path.display()),
            TlsError::NoCertificate { path } => {
                write!(f, "{} holds no certificate: no `BEGIN CERTIFICATE` in it", path.display())
            }
            TlsError::NoKey { path } => {
                write!(f, "{} holds no private key that can be used; is it encrypted?", path.display())
            }
            TlsError::Mismatch { certificate, key } => {
                write!(
                    f,
                    "the key in {} is not the certificate's in {}",
                    key.display(),
                    certificate.display()
                )
            }
            TlsError::Bad { path, why } => write!(f, "cannot use {}: {why}", path.display()),
            TlsError::Settings(why) => write!(f, "cannot speak TLS: {why}"),
        }
    }
}

impl Error for TlsError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            TlsError::Read { source, .. } => Some(source),
            TlsError::Settings(source) => Some(source),
            _ => None,
        }
    }
}
