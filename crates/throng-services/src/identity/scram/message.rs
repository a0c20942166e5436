//! How the messages of SCRAM are written (RFC 5802 §7). What a client sends is bounded, and read to its end or refused.

use std::fmt;

use data_encoding::BASE64;

/// The longest message that is looked at. A name has 40 bytes, a nonce and a proof less than 200.
pub const BYTES_MAX: usize = 1024;

/// Why a message was refused. What it said is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadMessage {
    /// It is longer than any that is needed.
    TooLong,
    /// It is not written as RFC 5802 has it.
    Malformed,
    /// It wants something that is not served: a binding to the channel, an extension.
    Unsupported,
}

impl fmt::Display for BadMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            BadMessage::TooLong => "the message of SCRAM is too long",
            BadMessage::Malformed => "that is no message of SCRAM-SHA-256",
            BadMessage::Unsupported => "SCRAM is served without channel binding and extensions",
        })
    }
}

/// `n,,n=ana,r=NONCE`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientFirst {
    /// The part before the name, which the client repeats.
    pub header: String,
    /// What both sides sign: all but the header.
    pub bare: String,
    /// On whose behalf; empty or left out is the name itself.
    pub acts_for: Option<String>,
    /// Whose password is to be proven.
    pub name: String,
    /// The client's part of the nonce.
    pub nonce: String,
}

/// `c=biws,r=NONCE,p=PROOF`.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientFinal {
    /// The header, repeated.
    pub header: Vec<u8>,
    /// Both parts of the nonce.
    pub nonce: String,
    /// That the client knows the password.
    pub proof: [u8; 32],
    /// All but the proof, which both sides sign.
    pub without_proof: String,
}

/// Reads a client's first message.
pub fn client_first(message: &[u8]) -> Result<ClientFirst, BadMessage> {
    let message = text(message)?;
    let (flag, rest) = message.split_once(',').ok_or(BadMessage::Malformed)?;
    match flag {
        // `y`: it could bind to the channel and thinks that we cannot, which is so.
        "n" | "y" => {}
        _ if flag.starts_with("p=") => return Err(BadMessage::Unsupported),
        _ => return Err(BadMessage::Malformed),
    }
    let (acts_for, bare) = rest.split_once(',').ok_or(BadMessage::Malformed)?;
    let acts_for = match acts_for {
        "" => None,
        given => Some(unescaped(given.strip_prefix("a=").ok_or(BadMessage::Malformed)?)?),
    };
    if bare.starts_with("m=") {
        return Err(BadMessage::Unsupported);
    }
    let mut parts = bare.split(',');
    let name = unescaped(part(&mut parts, "n=")?)?;
    let nonce = nonce(part(&mut parts, "r=")?)?;
    optional(parts)?;
    let header = message[..message.len() - bare.len()].to_owned();
    Ok(ClientFirst { header, bare: bare.to_owned(), acts_for, name, nonce })
}

/// Reads a client's last message.
pub fn client_final(message: &[u8]) -> Result<ClientFinal, BadMessage> {
    let message = text(message)?;
    let (without_proof, proof) = message.rsplit_once(",p=").ok_or(BadMessage::Malformed)?;
    let mut parts = without_proof.split(',');
    let header = decoded(part(&mut parts, "c=")?)?;
    let nonce = nonce(part(&mut parts, "r=")?)?;
    optional(parts)?;
    let proof = decoded(proof)?.try_into().map_err(|_| BadMessage::Malformed)?;
    Ok(ClientFinal { header, nonce, proof, without_proof: without_proof.to_owned() })
}

fn text(message: &[u8]) -> Result<&str, BadMessage> {
    if message.len() > BYTES_MAX {
        return Err(BadMessage::TooLong);
    }
    std::str::from_utf8(message).map_err(|_| BadMessage::Malformed)
}

fn part<'a>(parts: &mut std::str::Split<'a, char>, begins: &str) -> Result<&'a str, BadMessage> {
    parts.next().and_then(|part| part.strip_prefix(begins)).ok_or(BadMessage::Malformed)
}

/// What may follow is `x=…` for extensions, and who does not know them passes over them.
fn optional(mut parts: std::str::Split<'_, char>) -> Result<(), BadMessage> {
    let good = parts.all(|part| {
        part.as_bytes().first().is_some_and(u8::is_ascii_alphabetic) && part[1..].starts_with('=')
    });
    if good { Ok(()) } else { Err(BadMessage::Malformed) }
}

fn nonce(letters: &str) -> Result<String, BadMessage> {
    let good = !letters.is_empty() && letters.bytes().all(|letter| letter.is_ascii_graphic());
    if good { Ok(letters.to_owned()) } else { Err(BadMessage::Malformed) }
}

fn decoded(letters: &str) -> Result<Vec<u8>, BadMessage> {
    BASE64.decode(letters.as_bytes()).map_err(|_| BadMessage::Malformed)
}

/// A comma is `=2C` in a name, and an equals sign `=3D`; nothing else may follow one.
fn unescaped(name: &str) -> Result<String, BadMessage> {
    let mut pieces = name.split('=');
    let mut whole = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (letter, rest) = match (piece.strip_prefix("2C"), piece.strip_prefix("3D")) {
            (Some(rest), _) => (',', rest),
            (_, Some(rest)) => ('=', rest),
            _ => return Err(BadMessage::Malformed),
        };
        whole.push(letter);
        whole.push_str(rest);
    }
    if whole.is_empty() || whole.contains('\0') { Err(BadMessage::Malformed) } else { Ok(whole) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_message_is_read_to_its_end_or_refused() {
        let good = |message: &str, name: &str, acts_for: Option<&str>| {
            let read = client_first(message.as_bytes()).unwrap_or_else(|why| panic!("{message}: {why}"));
            assert_eq!((read.name.as_str(), read.acts_for.as_deref()), (name, acts_for), "{message}");
            assert_eq!(format!("{}{}", read.header, read.bare), message);
        };
        good("n,,n=ana,r=abc", "ana", None);
        good("y,,n=ana,r=abc", "ana", None);
        good("n,a=ana,n=ana,r=abc", "ana", Some("ana"));
        good("n,,n=a=2Cb=3Dc,r=abc", "a,b=c", None);
        good("n,,n=ana,r=abc,x=more", "ana", None);
        good("n,,n=añá,r=abc", "añá", None);
        let bad = |message: &str, why| assert_eq!(client_first(message.as_bytes()), Err(why), "{message}");
        for message in [
            "",
            "n",
            "n,",
            "n,,",
            "n,,n=ana",
            "n,,r=abc,n=ana",
            "n,,n=,r=abc",
            "n,,n=ana,r=",
            "n,,n=a=2D,r=abc",
            "n,,n=a=,r=abc",
            "n,,n=ana,r=a b",
            "x,,n=ana,r=abc",
            "n,b=ana,n=ana,r=abc",
            "n,,n=ana,r=abc,",
            "n,,n=ana,r=abc,é",
            "n,,n=a\0,r=abc",
            "n,,n=ana,r=é",
        ] {
            bad(message, BadMessage::Malformed);
        }
        bad("p=tls-unique,,n=ana,r=abc", BadMessage::Unsupported);
        bad("n,,m=must,n=ana,r=abc", BadMessage::Unsupported);
        bad(&format!("n,,n=ana,r={}", "x".repeat(BYTES_MAX)), BadMessage::TooLong);
        assert_eq!(client_first(b"n,,n=\xff,r=abc"), Err(BadMessage::Malformed));
    }

    #[test]
    fn a_last_message_is_read_to_its_end_or_refused() {
        let proof = BASE64.encode(&[7; 32]);
        let message = format!("c=biws,r=abcdef,p={proof}");
        let read = client_final(message.as_bytes()).unwrap_or_else(|why| panic!("{why}"));
        assert_eq!((&read.header[..], read.nonce.as_str(), read.proof), (&b"n,,"[..], "abcdef", [7; 32]));
        assert_eq!(read.without_proof, "c=biws,r=abcdef");
        for message in [
            "".to_owned(),
            "c=biws,r=abcdef".to_owned(),
            format!("c=biws,p={proof}"),
            format!("r=abcdef,c=biws,p={proof}"),
            format!("c=*,r=abcdef,p={proof}"),
            "c=biws,r=abcdef,p=".to_owned(),
            format!("c=biws,r=abcdef,p={}", &proof[4..]),
            format!("c=biws,r=abcdef,p={proof},x=y"),
        ] {
            assert!(client_final(message.as_bytes()).is_err(), "{message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_message_makes_it_panic(
            bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..80),
            tail in "[a-z=,0-9A-Zé+/]{0,60}",
        ) {
            let _ = client_first(&bytes);
            let _ = client_final(&bytes);
            let _ = client_first(format!("n,,n={tail}").as_bytes());
            let _ = client_final(format!("c=biws,r={tail}").as_bytes());
        }
    }
}
