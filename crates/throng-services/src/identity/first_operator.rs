//! How a new server gets its first operator: by a code that is shown to whoever starts it, and that is good once. There is no
//! default password.

use std::sync::{Mutex, PoisonError};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::BASE32_NOPAD;

use super::secret::{Secret, Unable, random};
use super::token::sha256;

/// Letters of a code without its hyphens: 100 bits, more than anybody guesses, and short enough to be typed.
const LETTERS: usize = 20;
/// How many stand together.
const GROUP: usize = 5;
/// A code as anybody may type it is no longer, with its hyphens and some spaces.
const TYPED_MAX: usize = 64;

/// The code that is good at the moment, if there is one; of it, only its hash.
#[derive(Debug, Default)]
pub struct Code(Mutex<Option<[u8; 32]>>);

/// A code that was typed and was right. It is used up, unless it is put back.
#[derive(Debug)]
pub struct Taken([u8; 32]);

impl Code {
    /// A new code, `ABCDE-FGHIJ-KLMNO-PQRST`; the one before it is good no more.
    pub fn generate(&self) -> Result<Secret<String>, Unable> {
        let letters = Secret::new(BASE32_NOPAD.encode(&random::<13>()?));
        let letters = &letters.expose()[..LETTERS];
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sha256(letters.as_bytes()));
        let mut code = String::with_capacity(LETTERS + LETTERS / GROUP);
        for (place, letter) in letters.chars().enumerate() {
            if place > 0 && place % GROUP == 0 {
                code.push('-');
            }
            code.push(letter);
        }
        Ok(Secret::new(code))
    }

    /// Takes the code if that is it: from now on it is good no more. Hyphens, spaces and the case do not matter.
    pub fn take(&self, typed: &Secret<String>) -> Option<Taken> {
        let hash = hash_of(typed)?;
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.take_if(|kept| verify_slices_are_equal(&*kept, &hash).is_ok()).map(Taken)
    }

    /// What was to be done with it could not be: it is good again, unless there is another by now.
    #[expect(clippy::needless_pass_by_value, reason = "what is put back is no longer in the hand")]
    pub fn put_back(&self, taken: Taken) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(taken.0);
    }
}

fn hash_of(typed: &Secret<String>) -> Option<[u8; 32]> {
    let typed = Some(typed.expose()).filter(|typed| typed.len() <= TYPED_MAX)?;
    let mut letters = String::with_capacity(TYPED_MAX);
    letters.extend(
        typed.chars().filter(|letter| !matches!(letter, '-' | ' ')).map(|letter| letter.to_ascii_uppercase()),
    );
    let letters = Secret::new(letters);
    (letters.expose().len() == LETTERS).then(|| sha256(letters.expose().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_good_once() {
        let code = Code::default();
        assert!(code.take(&Secret::from("")).is_none(), "there is none yet");
        let shown = code.generate().unwrap();
        assert_eq!(shown.expose().len(), 23);
        assert!(code.take(&Secret::from("ABCDE-ABCDE-ABCDE-ABCDE")).is_none());
        assert!(code.take(&Secret::new(shown.expose()[..22].to_owned())).is_none());
        assert!(code.take(&shown).is_some());
        assert!(code.take(&shown).is_none());
    }

    #[test]
    fn it_may_be_typed_as_people_type() {
        let code = Code::default();
        let shown = code.generate().unwrap();
        let typed = format!(" {} ", shown.expose().to_lowercase().replace('-', " "));
        assert!(code.take(&Secret::new(typed)).is_some());
    }

    #[test]
    fn it_is_good_again_when_it_was_of_no_use() {
        let code = Code::default();
        let first = code.generate().unwrap();
        let taken = code.take(&first).unwrap();
        code.put_back(taken);
        let taken = code.take(&first).unwrap();
        let second = code.generate().unwrap();
        code.put_back(taken);
        assert!(code.take(&first).is_none(), "a newer one takes its place");
        assert!(code.take(&second).is_some());
    }

    proptest::proptest! {
        #[test]
        fn nothing_typed_makes_it_panic(typed in ".{0,90}") {
            let code = Code::default();
            let _ = code.generate();
            proptest::prop_assert!(code.take(&Secret::new(typed)).is_none());
        }
    }
}
