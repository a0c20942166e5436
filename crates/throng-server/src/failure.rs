//! What a handler may fail with: anything.

use std::error::Error;
use std::fmt;
use std::io;

use crate::end::End;

/// What a handler returns. `?` takes any error, and a text becomes one by `.into()`. A `main` that returns it prints
/// the error in words: `Error: cannot listen on …`.
///
/// ```
/// # use throng_server::{Conn, End, testing::drive};
/// # use tokio::io::AsyncWriteExt;
/// async fn square(mut conn: Conn) -> throng_server::Result {
///     let mut lines = conn.lines(20);
///     let Some(line) = conn.read_line(&mut lines).await? else {
///         return Err("a number was expected".into());
///     };
///     let number: u64 = std::str::from_utf8(line)?.parse()?; // two more kinds of errors
///     let squared = number.checked_mul(number).ok_or("too large")?;
///     conn.write_all(format!("{squared}\r\n").as_bytes()).await?;
///     Ok(())
/// }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> throng_server::Result {
/// let (mut client, driven) = drive(square);
/// client.write_all(b"twelve\n").await?;
/// let end = driven.end().await;
/// assert_eq!(end, End::Failed("invalid digit found in string".to_owned()));
/// # Ok(())
/// # }
/// ```
pub type Result<T = ()> = std::result::Result<T, Failure>;

/// Any error of a handler. It is not an [`Error`] itself, and that is why `?` can take all of them. It reads as the error in
/// it, which is what [`End::Failed`] keeps; what that text holds may come from a client. Example: [`Result`].
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
        let failure = Failure::from(crate::StartError::NoAddress);
        assert_eq!(format!("{failure:?}"), "no address to listen on was given");
    }
}
