//! What must not be seen: a password, a token. It is travelled in, compared nowhere, shown nowhere, and wiped when it goes.

use std::fmt;

use zeroize::Zeroize;

/// Something that no log, no event and no panic may show.
///
/// What is inside is overwritten when this goes. Copies that were made before it came in here are not: a door moves what it
/// read in here at once, and clears its own buffer.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Takes what must not be seen.
    pub fn new(inside: T) -> Secret<T> {
        Secret(inside)
    }

    /// What is inside, for the few places that hash it, and for the one that hands a new token to its owner.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// Says that there is one, so that whatever carries it may have a `Debug` of its own.
impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

impl From<&str> for Secret<String> {
    fn from(words: &str) -> Secret<String> {
        Secret::new(words.to_owned())
    }
}

/// The system could give no random bytes, or no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unable;

/// So many bytes from the operating system's own source.
pub fn random<const N: usize>() -> Result<[u8; N], Unable> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Unable)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn nobody_sees_what_is_inside() {
        #[derive(Debug)]
        struct Carrier {
            #[expect(dead_code, reason = "only its Debug is looked at")]
            inside: Secret<String>,
        }
        let shown = format!("{:#?}", Carrier { inside: Secret::from("canary") });
        assert!(shown.contains("Secret") && !shown.contains("canary"), "{shown}");
    }

    #[test]
    fn it_is_wiped_when_it_goes() {
        struct Counts(Arc<AtomicUsize>);
        impl Zeroize for Counts {
            fn zeroize(&mut self) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let wiped = Arc::new(AtomicUsize::new(0));
        drop(Secret::new(Counts(Arc::clone(&wiped))));
        assert_eq!(wiped.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn random_bytes_differ() {
        assert_ne!(random::<32>(), random::<32>());
    }
}
