//! How a connection is secured, for the one who serves it: what a handshake agreed on, and who the client says it is.

use rustls::ServerConnection;

/// How a connection is secured; [`crate::Peer::tls`] has it.
///
/// ```
/// use throng_server::Conn;
///
/// /// Who speaks plain is told so.
/// async fn tell(mut conn: Conn) -> throng_server::Result {
///     let words = match conn.peer().tls() {
///         Some(tls) => format!("{} by {}\r\n", tls.version, tls.cipher_suite),
///         None => "not secured\r\n".to_owned(),
///     };
///     conn.write_all(words.as_bytes()).await?;
///     Ok(())
/// }
/// # use throng_server::testing::drive;
/// # use tokio::io::AsyncReadExt;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> throng_server::Result {
/// # let mut heard = String::new();
/// # drive(tell).0.read_to_string(&mut heard).await?;
/// # assert_eq!(heard, "not secured\r\n");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Secured {
    /// `TLSv1_3` or `TLSv1_2`.
    pub version: String,
    /// Such as `TLS13_AES_256_GCM_SHA384` (RFC 8446 §B.4).
    pub cipher_suite: String,
    /// Which server the client asked for (SNI, RFC 6066 §3). Its word, that no certificate need confirm.
    pub server_name: Option<String>,
    /// The protocol that was agreed on (ALPN, RFC 7301), one of [`crate::TlsSettings::protocols`].
    pub protocol: Option<String>,
    /// The client's certificate and its chain, in DER (RFC 5280); verified as [`crate::ClientCertificates`] says. Empty when it
    /// gave none, or was not asked for one.
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
