//! What a handler may fail with: anything.

use std::error::Error;
use std::fmt;
use std::io;

use crate::end::End;

/// What a handler returns. `?` takes any error.
pub type Result<T = ()> = std::result::Result<T, Failure>;

/// Any error of a handler. It is not an [`Error`] itself, and that is why `?` can take all of them.
pub struct Failure(Box<dyn Error + Send + Sync>);

impl Failure {
    /// The reason of the connection's end that this failure means.
    pub(crate) fn end(&self) -> End {
        let known = self.0.downcast_ref::<io::Error>().and_then(End::of);
        known.unwrap_or_else(|| End::Failed(self.0.to_string()))
    }
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.into())
    }
}

/// As [`Display`](fmt::Display): it is what a `main` that returns [`Result`] prints, to people.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_main_that_fails_says_why_in_words() {
        let failed: Result = Err(crate::StartError::NoAddress.into());
        assert_eq!(format!("Error: {:?}", failed.unwrap_err()), "Error: no address to listen on was given");
    }
}
