//! Passwords: how long one may be, how it is hashed (Argon2id, RFC 9106), and whether one is right. Slow on purpose: it runs
//! in the [`super::pool`] and nowhere else.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use argon2::password_hash::phc::{Output, PasswordHash, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use zeroize::Zeroize;

use super::secret::{Secret, Unable, random};

/// The shortest password, in bytes.
pub const BYTES_MIN: usize = 8;
/// The longest, in bytes. Looked at before anything is hashed, so that nobody can make the server hash megabytes.
pub const BYTES_MAX: usize = 1024;

/// What hashing one password costs. The default is OWASP's first choice for Argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often it is gone over.
    pub rounds: u32,
    /// How many lanes it has.
    pub lanes: u32,
}

impl Default for Cost {
    fn default() -> Cost {
        Cost { memory_kib: 19 * 1024, rounds: 2, lanes: 1 }
    }
}

/// No stored hash is checked that costs more than this, whoever wrote it: memory stays what was promised.
const COST_MAX: Cost = Cost { memory_kib: 19 * 1024, rounds: 16, lanes: 4 };

/// How long the outcome of a hash is.
const OUTPUT_BYTES: usize = 32;

/// Why a password is not good enough to be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadPassword {
    /// It has too few bytes.
    TooShort,
    /// It has too many.
    TooLong,
}

impl fmt::Display for BadPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPassword::TooShort => write!(f, "a password has at least {BYTES_MIN} bytes"),
            BadPassword::TooLong => write!(f, "a password has at most {BYTES_MAX} bytes"),
        }
    }
}

/// Is it good enough? Taken as it is: nothing is trimmed and nothing folded.
pub fn check(password: &Secret<String>) -> Result<(), BadPassword> {
    match password.expose().len() {
        ..BYTES_MIN => Err(BadPassword::TooShort),
        BYTES_MIN..=BYTES_MAX => Ok(()),
        _ => Err(BadPassword::TooLong),
    }
}

/// The hash of it, with a salt of its own, as a PHC string. A password that is not good enough is not hashed.
pub fn hash(password: &Secret<String>, cost: Cost) -> Result<Arc<str>, Unable> {
    check(password).map_err(|_| Unable)?;
    let salt = Salt::new(&random::<16>()?).map_err(|_| Unable)?;
    let output = output(password, &salt, params(cost)?, OUTPUT_BYTES)?;
    phc(cost, salt, output)
}

/// Is this the password of which that is the hash? What cannot be read, or costs more than [`Cost`] ever did, is not checked.
pub fn verify(password: &Secret<String>, phc: &str) -> bool {
    let (Ok(()), Some(cost), Ok(hashed)) = (check(password), cost_of(phc), PasswordHash::new(phc)) else {
        return false;
    };
    let dear =
        cost.memory_kib > COST_MAX.memory_kib || cost.rounds > COST_MAX.rounds || cost.lanes > COST_MAX.lanes;
    let (Some(salt), Some(expected), false) = (hashed.salt, hashed.hash, dear) else { return false };
    let Ok(params) = Params::try_from(&hashed) else { return false };
    // The outputs are compared in constant time (`phc::Output`).
    output(password, &salt, params, expected.len()).is_ok_and(|found| found == expected)
}

/// Was it hashed for less than this? What cannot be read is not worth keeping either.
pub fn needs_rehash(phc: &str, cost: Cost) -> bool {
    cost_of(phc).is_none_or(|had| {
        had.memory_kib < cost.memory_kib || had.rounds < cost.rounds || had.lanes < cost.lanes
    })
}

/// The hash of no password: to check a password against it takes the work of a real one.
pub fn decoy(cost: Cost) -> Result<Arc<str>, Unable> {
    let output = Output::new(&random::<OUTPUT_BYTES>()?).map_err(|_| Unable)?;
    phc(cost, Salt::new(&random::<16>()?).map_err(|_| Unable)?, output)
}

/// A password for an account that somebody else makes: 128 bits that can be typed.
pub fn generate() -> Result<Secret<String>, Unable> {
    Ok(Secret::new(data_encoding::BASE32_NOPAD.encode(&random::<16>()?).to_lowercase()))
}

fn params(cost: Cost) -> Result<Params, Unable> {
    Params::new(cost.memory_kib, cost.rounds, cost.lanes, None).map_err(|_| Unable)
}

fn phc(cost: Cost, salt: Salt, output: Output) -> Result<Arc<str>, Unable> {
    let params = params(cost)?.try_into().map_err(|_| Unable)?;
    let (version, salt, hash) = (Some(Version::V0x13.into()), Some(salt), Some(output));
    Ok(PasswordHash { algorithm: ARGON2ID_IDENT, version, params, salt, hash }.to_string().into())
}

thread_local! {
    /// What a hash goes over. Each thread that hashes takes it once and keeps it: so hashing takes so much per thread whatever
    /// the allocator thinks of 19 MiB that come and go, and no hash waits for the kernel to give it clean pages.
    static MEMORY: RefCell<Vec<Block>> = const { RefCell::new(Vec::new()) };
}

fn output(password: &Secret<String>, salt: &Salt, params: Params, bytes: usize) -> Result<Output, Unable> {
    let needed = params.block_count();
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut room = [0; Output::MAX_LENGTH];
    let output = room.get_mut(..bytes).ok_or(Unable)?;
    MEMORY
        .with_borrow_mut(|memory| {
            if memory.len() < needed {
                memory.resize(needed, Block::default());
            }
            let password = password.expose().as_bytes();
            hasher.hash_password_into_with_memory(password, salt.as_ref(), output, &mut memory[..needed])
        })
        .map_err(|_| Unable)?;
    let made = Output::new(output).map_err(|_| Unable);
    room.zeroize();
    made
}

fn cost_of(phc: &str) -> Option<Cost> {
    let hashed = PasswordHash::new(phc).ok()?;
    if hashed.algorithm != ARGON2ID_IDENT {
        return None;
    }
    let params = Params::try_from(&hashed).ok()?;
    Some(Cost { memory_kib: params.m_cost(), rounds: params.t_cost(), lanes: params.p_cost() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIGHT: Cost = Cost { memory_kib: 64, rounds: 1, lanes: 1 };

    fn secret(words: &str) -> Secret<String> {
        Secret::from(words)
    }

    #[test]
    fn its_length_is_looked_at_before_it_is_hashed() {
        let check = |length: usize, expected| {
            let password = secret(&"x".repeat(length));
            assert_eq!(check(&password), expected, "{length}");
            assert_eq!(hash(&password, LIGHT).is_ok(), expected.is_ok(), "{length}");
        };
        check(0, Err(BadPassword::TooShort));
        check(7, Err(BadPassword::TooShort));
        check(8, Ok(()));
        check(1024, Ok(()));
        check(1025, Err(BadPassword::TooLong));
        check(1 << 20, Err(BadPassword::TooLong));
    }

    #[test]
    fn one_is_right_and_all_others_are_wrong() {
        let hashed = hash(&secret(" corréct horse "), LIGHT).unwrap();
        assert!(verify(&secret(" corréct horse "), &hashed));
        for wrong in ["corréct horse", " corréct horse", " CORRÉCT HORSE ", " corréct horse  ", ""] {
            assert!(!verify(&secret(wrong), &hashed), "{wrong:?}");
        }
        assert_ne!(hashed, hash(&secret(" corréct horse "), LIGHT).unwrap(), "each has a salt of its own");
    }

    #[test]
    fn the_default_is_what_is_promised() {
        let hashed = hash(&secret("password"), Cost::default()).unwrap();
        assert!(hashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hashed}");
        assert!(verify(&secret("password"), &hashed));
    }

    #[test]
    fn a_hash_that_others_made_is_checked() {
        // From the tests of the reference implementation (phc-winner-argon2, src/test.c).
        let hashed = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
        assert!(verify(&secret("password"), hashed));
        assert!(!verify(&secret("Password"), hashed));
    }

    #[test]
    fn it_is_hashed_anew_when_the_parameters_rise() {
        let had = Cost { memory_kib: 64, rounds: 2, lanes: 2 };
        let hashed = hash(&secret("password"), had).unwrap();
        let check = |now: Cost, expected| assert_eq!(needs_rehash(&hashed, now), expected, "{now:?}");
        check(had, false);
        check(Cost { memory_kib: 128, ..had }, true);
        check(Cost { rounds: 3, ..had }, true);
        check(Cost { lanes: 3, ..had }, true);
        check(Cost { memory_kib: 32, rounds: 1, lanes: 1 }, false);
        assert!(needs_rehash("nonsense", had));
        assert!(needs_rehash("$argon2i$v=19$m=64,t=2,p=2$c29tZXNhbHQ$AAAAAAAAAAAAAAAAAAAAAA", had));
    }

    #[test]
    fn a_hash_that_would_take_too_much_is_not_checked() {
        for dear in [
            Cost { memory_kib: COST_MAX.memory_kib + 8, ..LIGHT },
            Cost { rounds: COST_MAX.rounds + 1, ..LIGHT },
            Cost { lanes: COST_MAX.lanes + 1, ..LIGHT },
        ] {
            let hashed = hash(&secret("password"), dear).unwrap();
            assert_eq!(cost_of(&hashed), Some(dear));
            assert!(!verify(&secret("password"), &hashed), "{dear:?}, although it is right");
        }
    }

    #[test]
    fn a_decoy_takes_the_same_work_and_is_never_right() {
        let (real, decoy) = (hash(&secret("password"), LIGHT).unwrap(), decoy(LIGHT).unwrap());
        assert_eq!(cost_of(&real), cost_of(&decoy));
        assert_eq!(real.len(), decoy.len());
        assert!(!verify(&secret("password"), &decoy));
    }

    #[test]
    fn what_is_generated_is_a_password() {
        let (one, other) = (generate().unwrap(), generate().unwrap());
        assert_eq!(check(&one), Ok(()));
        assert_ne!(one.expose(), other.expose());
    }

    proptest::proptest! {
        #[test]
        fn no_stored_text_makes_it_panic(text in ".{0,120}", tail in "[-$=,a-z0-9A-Z+/]{0,90}") {
            let _ = needs_rehash(&text, LIGHT);
            let _ = needs_rehash(&format!("$argon2id$v=19${tail}"), LIGHT);
        }
    }
}
