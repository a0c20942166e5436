//! Until when a certificate is good. The reader of certificates tells it only of one that has expired, so it is asked as if
//! the last day of the calendar were over.

use std::time::Duration;

use rustls::client::verify_server_cert_signed_by_trust_anchor as verify;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, Error, RootCertStore};

/// The first second of the year 10000, in which no certificate is good any more (RFC 5280, 4.1.2.5.2).
const NEVER: Duration = Duration::from_secs(253_402_300_800);

/// Seconds from 1970 to the certificate's last good one.
pub(crate) fn good_until(certificate: &CertificateDer<'_>) -> Result<u64, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    let now = UnixTime::since_unix_epoch(NEVER);
    match verify(&parsed, &RootCertStore::empty(), &[], now, &[]) {
        Err(Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. })) => {
            Ok(not_after.as_secs())
        }
        Err(why) => Err(why),
        Ok(()) => Err(Error::General("a certificate that nobody vouches for was believed".to_owned())),
    }
}
