//! How a connection is secured, for the one who serves it: what a handshake agreed on, and who the client says it is.

use rustls::ServerConnection;

/// How a connection is secured.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secured {
    /// Such as `TLSv1_3`.
    pub version: String,
    /// Such as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: String,
    /// Which server the client asked for.
    pub server_name: Option<String>,
    /// The protocol that was agreed on.
    pub protocol: Option<String>,
    /// The client's certificate and its chain, in DER; verified. Empty when it gave none.
    pub certificates: Vec<Vec<u8>>,
}

impl Secured {
    pub(crate) fn of(connection: &ServerConnection) -> Secured {
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let certificates = connection.peer_certificates().unwrap_or_default();
        Secured {
            version: connection.protocol_version().map_or(String::new(), |version| format!("{version:?}")),
            cipher_suite: connection
                .negotiated_cipher_suite()
                .map_or(String::new(), |suite| format!("{:?}", suite.suite())),
            server_name: connection.server_name().map(str::to_owned),
            protocol: connection.alpn_protocol().map(text),
            certificates: certificates.iter().map(|certificate| certificate.to_vec()).collect(),
        }
    }
}
