//! Tokens: by what a device stays signed in. 256 bits that only the device keeps; the store has their SHA-256.
//!
//! Who steals the store cannot use what is in it. A token is found by its hash, so how long the search takes tells nothing
//! about a token that somebody else has.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use throng_chat::Time;
use throng_store::accounts::{self, DEVICE_BYTES_MAX};
use zeroize::Zeroize;

use super::secret::{Secret, Unable, random};

/// How long a token is good.
pub const LIFETIME: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// What every token begins with: a search for leaked secrets finds it, and who gets one in the place of a password sees it.
pub const PREFIX: &str = "throng_";

/// A token has so many letters, its beginning included.
pub const LETTERS: usize = PREFIX.len() + 43;

/// What a device is called that gave no name.
const NAMELESS: &str = "a device";

/// A new token, as its owner gets it, once.
pub fn generate() -> Result<Secret<String>, Unable> {
    let mut bits = random::<32>()?;
    let mut token = String::with_capacity(LETTERS);
    token.push_str(PREFIX);
    BASE64URL_NOPAD.encode_append(&bits, &mut token);
    bits.zeroize();
    Ok(Secret::new(token))
}

/// Does it look like a token? So a door may take one where it takes a password.
pub fn is_one(words: &str) -> bool {
    words.len() == LETTERS && hash_of(words).is_some()
}

/// By what it is found; `None` when it is no token.
pub fn hash_of(words: &str) -> Option<[u8; 32]> {
    let letters = words.strip_prefix(PREFIX).filter(|_| words.len() == LETTERS)?;
    // Only one spelling is a token: the decoder refuses what is left over in the last letter.
    let mut bits = [0; 32];
    let whole = BASE64URL_NOPAD.decode_mut(letters.as_bytes(), &mut bits) == Ok(32);
    bits.zeroize();
    whole.then(|| sha256(words.as_bytes()))
}

/// What the store keeps of a new token. The store gives it its number.
pub fn kept(hash: [u8; 32], device: &str, now: Time) -> accounts::Token {
    let expires = Time(now.0.saturating_add(i64::try_from(LIFETIME.as_millis()).unwrap_or(i64::MAX)));
    accounts::Token { number: 0, hash, device: device_name(device), created: now, used: now, expires }
}

/// Is it still good?
pub fn is_good(token: &accounts::Token, now: Time) -> bool {
    now < token.expires
}

/// What a device may be called: no control characters, no more than the store takes.
fn device_name(typed: &str) -> Arc<str> {
    let mut name: String = typed.trim().chars().filter(|letter| !letter.is_control()).collect();
    let mut end = name.len().min(DEVICE_BYTES_MAX);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.truncate(end);
    if name.is_empty() { NAMELESS.into() } else { name.into() }
}

/// SHA-256.
pub(super) fn sha256(bytes: &[u8]) -> [u8; 32] {
    digest(&SHA256, bytes).as_ref().try_into().expect("SHA-256 has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_by_its_hash_alone() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!(one.expose().len(), LETTERS);
        assert!(is_one(one.expose()));
        assert_ne!(hash_of(one.expose()), hash_of(other.expose()));
        assert_eq!(hash_of(one.expose()), Some(sha256(one.expose().as_bytes())));
    }

    #[test]
    fn what_is_nearly_a_token_is_none() {
        let good = format!("{PREFIX}{}", "A".repeat(43));
        assert!(is_one(&good));
        let check = |words: &str| assert!(!is_one(words) && hash_of(words).is_none(), "{words}");
        check("");
        check(PREFIX);
        check(&good[1..]);
        check(&format!("{good}A"));
        check(&good.replace("throng_", "Throng_"));
        check(&format!("{PREFIX}{}+", "A".repeat(42)));
        // Two bits of the last letter are over: they must be none.
        check(&format!("{PREFIX}{}B", "A".repeat(42)));
        check(&format!("{PREFIX}{}=", "A".repeat(42)));
        check(&format!("{PREFIX}{}é", "A".repeat(41)));
    }

    #[test]
    fn it_is_good_for_thirty_days() {
        let kept = kept([7; 32], "phone", Time(1_000));
        let days = 24 * 60 * 60 * 1000;
        let check = |now: i64, expected| assert_eq!(is_good(&kept, Time(now)), expected, "{now}");
        check(1_000, true);
        check(1_000 + 30 * days - 1, true);
        check(1_000 + 30 * days, false);
    }

    #[test]
    fn a_device_has_a_short_name_that_can_be_shown() {
        let check = |typed: &str, expected: &str| assert_eq!(&*device_name(typed), expected, "{typed:?}");
        check("phone", "phone");
        check("  phone\x1b[2J\r\n", "phone[2J");
        check("", NAMELESS);
        check("\x07", NAMELESS);
        check(&"é".repeat(40), &"é".repeat(32));
        check(&format!("a{}", "é".repeat(40)), &format!("a{}", "é".repeat(31)));
    }

    proptest::proptest! {
        #[test]
        fn no_words_make_it_panic(words in ".{0,80}", letters in "[A-Za-z0-9_-]{43}") {
            let _ = is_one(&words);
            let one = format!("{PREFIX}{letters}");
            proptest::prop_assert_eq!(is_one(&one), hash_of(&one).is_some());
            let _ = device_name(&words);
        }
    }
}
