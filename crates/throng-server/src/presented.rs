//! A verifier for client certificates that vouch for nobody: whoever shows one must have its key, and that is all. It says not
//! who somebody is, only that it is the same one as before; so it is for those who keep fingerprints themselves. Called by
//! rustls in the handshake ([`crate::tls`]).

use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};

/// Asks for a certificate, takes any that can be read, and none as well.
#[derive(Debug)]
pub(crate) struct AnyPresented {
    provider: Arc<CryptoProvider>,
}

impl AnyPresented {
    pub(crate) fn new(provider: Arc<CryptoProvider>) -> AnyPresented {
        AnyPresented { provider }
    }
}

impl ClientCertVerifier for AnyPresented {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// No authority is named, so a client may offer whatever it has.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    /// Neither its chain nor its dates are looked at: whom it is for and until when, is for those to say who keep its
    /// fingerprint.
    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        ParsedCertificate::try_from(end_entity)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
