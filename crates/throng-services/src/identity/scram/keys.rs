//! What is kept of a password so that SCRAM-SHA-256 can be spoken: not the password, but who has it can pass for the server.

use std::fmt;
use std::num::NonZeroU32;

use aws_lc_rs::{hmac, pbkdf2};
use data_encoding::BASE64;
use zeroize::Zeroize;

use super::super::secret::{Secret, Unable, random};
use super::super::token::sha256;

/// How often a password is hashed (PBKDF2): OWASP's figure for SHA-256.
pub const ROUNDS: NonZeroU32 = NonZeroU32::new(600_000).expect("that is not zero");

/// The most rounds that are taken from a stored text: the client must do them, and some would for hours.
const ROUNDS_MAX: u32 = 10_000_000;
const SALT_BYTES: usize = 16;
const SALT_BYTES_MAX: usize = 64;
const MECHANISM: &str = "SCRAM-SHA-256";

/// The keys of one password.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// How often it was hashed.
    pub rounds: NonZeroU32,
    /// With what.
    pub salt: Vec<u8>,
    pub(super) stored: [u8; 32],
    pub(super) server: [u8; 32],
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys of a password, with a salt of their own. This takes a good part of a second.
    pub fn new(password: &Secret<String>, rounds: NonZeroU32) -> Result<Keys, Unable> {
        Ok(Keys::derive(password, rounds, &random::<SALT_BYTES>()?))
    }

    /// The keys of a password with this salt (RFC 5802 §3).
    pub fn derive(password: &Secret<String>, rounds: NonZeroU32, salt: &[u8]) -> Keys {
        let prepared = prepared(password.expose());
        let mut salted = [0; 32];
        let bytes = prepared.expose().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, salt, bytes, &mut salted);
        let mut client = mac(&salted, b"Client Key");
        let keys = Keys {
            rounds,
            salt: salt.to_vec(),
            stored: sha256(&client),
            server: mac(&salted, b"Server Key"),
        };
        salted.zeroize();
        client.zeroize();
        keys
    }

    /// The keys of nobody: what they show of themselves is always the same for one name, as with a real account, and no
    /// proof fits them. Only who has the server's secret can tell them from real ones.
    pub fn decoy(secret: &Secret<[u8; 32]>, name: &str, rounds: NonZeroU32) -> Keys {
        let part = |what: &[u8]| mac(secret.expose(), &[what, name.as_bytes()].concat());
        Keys {
            rounds,
            salt: part(b"scram salt of ")[..SALT_BYTES].to_vec(),
            stored: part(b"scram stored key of "),
            server: part(b"scram server key of "),
        }
    }

    /// As they are stored (RFC 5803): `SCRAM-SHA-256$600000:SALT$STOREDKEY:SERVERKEY`.
    pub fn to_stored(&self) -> String {
        let Keys { rounds, salt, stored, server } = self;
        let [salt, stored, server] = [&salt[..], stored, server].map(|bytes| BASE64.encode(bytes));
        format!("{MECHANISM}${rounds}:{salt}${stored}:{server}")
    }

    /// Reads what was stored.
    pub fn from_stored(stored: &str) -> Option<Keys> {
        let (mechanism, rest) = stored.split_once('$')?;
        let (how, keys) = rest.split_once('$')?;
        let (rounds, salt) = how.split_once(':')?;
        let (stored, server) = keys.split_once(':')?;
        let rounds: NonZeroU32 = rounds.parse().ok()?;
        let key = |letters: &str| BASE64.decode(letters.as_bytes()).ok()?.try_into().ok();
        let keys = Keys {
            rounds,
            salt: BASE64.decode(salt.as_bytes()).ok()?,
            stored: key(stored)?,
            server: key(server)?,
        };
        let sound = mechanism == MECHANISM && rounds.get() <= ROUNDS_MAX && keys.salt.len() <= SALT_BYTES_MAX;
        sound.then_some(keys)
    }
}

/// HMAC-SHA-256.
pub(super) fn mac(key: &[u8], message: &[u8]) -> [u8; 32] {
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), message);
    tag.as_ref().try_into().expect("SHA-256 has 32 bytes")
}

/// SASLprep (RFC 4013), as clients do it; where it refuses a password, the password as it is, as PostgreSQL and its clients
/// have it.
fn prepared(password: &str) -> Secret<String> {
    Secret::new(stringprep::saslprep(password).map_or_else(|_| password.to_owned(), |good| good.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rounds(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    #[test]
    fn what_is_stored_comes_back() {
        let keys = Keys::new(&Secret::from("pencil box"), rounds(3)).unwrap();
        assert!(keys.to_stored().starts_with("SCRAM-SHA-256$3:"));
        assert_eq!(Keys::from_stored(&keys.to_stored()), Some(keys));
    }

    #[test]
    fn the_stored_keys_are_those_of_the_rfc() {
        // RFC 7677 §3, as PostgreSQL writes it down.
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let keys = Keys::derive(&Secret::from("pencil"), rounds(4096), &salt);
        assert_eq!(
            keys.to_stored(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn the_promised_rounds_are_done() {
        let keys = Keys::new(&Secret::from("pencil box"), ROUNDS).unwrap();
        assert!(keys.to_stored().starts_with("SCRAM-SHA-256$600000:"));
    }

    #[test]
    fn damaged_text_is_no_key() {
        let check = |text: &str| assert_eq!(Keys::from_stored(text), None, "{text}");
        let key = BASE64.encode(&[7; 32]);
        let good = format!("SCRAM-SHA-256$4096:W22ZaJ0S${key}:{key}");
        assert!(Keys::from_stored(&good).is_some());
        check("");
        check(&good.replace("256$", "1$"));
        check(&good.replace("4096", "0"));
        check(&good.replace("4096", "4000000000"));
        check(&good.replace("W22ZaJ0S", "*"));
        check(&good.replace("W22ZaJ0S", &"AAAA".repeat(22)));
        check(&good[..good.len() - 4]);
        check(&format!("{good}AAAA"));
    }

    #[test]
    fn nobody_has_the_same_salt_each_time() {
        let secret = Secret::new([1; 32]);
        let ana = Keys::decoy(&secret, "ana", ROUNDS);
        assert_eq!(ana, Keys::decoy(&secret, "ana", ROUNDS));
        assert_ne!(ana.salt, Keys::decoy(&secret, "bo", ROUNDS).salt);
        assert_ne!(ana.salt, Keys::decoy(&Secret::new([2; 32]), "ana", ROUNDS).salt);
        assert_ne!(ana.stored, ana.server);
        let real = Keys::new(&Secret::from("pencil box"), rounds(1)).unwrap();
        assert_eq!(ana.salt.len(), real.salt.len());
    }

    #[test]
    fn passwords_are_prepared_as_clients_do_it() {
        let check = |typed: &str, expected: &str| assert_eq!(prepared(typed).expose(), expected, "{typed:?}");
        // RFC 4013 §3.
        check("I\u{ad}X", "IX");
        check("user", "user");
        check("\u{aa}", "a");
        check("\u{2168}", "IX");
        // Forbidden there, so it stays what it is.
        check("\u{7}bell", "\u{7}bell");
    }

    proptest::proptest! {
        #[test]
        fn no_stored_text_makes_it_panic(text in ".{0,120}", tail in "[$:=A-Za-z0-9+/]{0,120}") {
            let _ = Keys::from_stored(&text);
            let _ = Keys::from_stored(&format!("SCRAM-SHA-256${tail}"));
        }
    }
}
