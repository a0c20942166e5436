//! From where somebody speaks, and whether a secret may be sent from there.

use std::net::IpAddr;

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Under TLS, to here or to a proxy that is trusted to say so.
    pub tls: bool,
    /// From this machine itself, by a loopback address or a Unix socket.
    pub loopback: bool,
}

impl Channel {
    /// May a password or a token come this way? Not in plain text over a network, unless the operator allows it.
    pub fn carries_secrets(self, allow_plaintext: bool) -> bool {
        self.tls || self.loopback || allow_plaintext
    }
}

/// From where somebody speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Their address; none from a Unix socket.
    pub address: Option<IpAddr>,
    /// How they are connected.
    pub channel: Channel,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_over_a_network_needs_a_word() {
        let check = |tls, loopback, allowed, expected| {
            let channel = Channel { tls, loopback };
            assert_eq!(channel.carries_secrets(allowed), expected, "{channel:?}, allowed {allowed}");
        };
        check(false, false, false, false);
        check(false, false, true, true);
        check(false, true, false, true);
        check(false, true, true, true);
        check(true, false, false, true);
        check(true, false, true, true);
        check(true, true, false, true);
        check(true, true, true, true);
    }
}
