//! One conversation with any TCP service, by a person at a terminal or by a pipe.
//!
//! In reading order: [`target`] says whom to call; [`dial`](mod@dial) calls, by [`eyeballs`] where there are several addresses, and
//! [`tls`] makes it secret; [`pipe`] carries bytes as they are, by [`pump`] where the kernel can do it alone; [`talk`] is a
//! conversation line by line, of which [`shown`] makes what a terminal may show, and [`script`] what is said by itself.
//! [`transcript`] keeps what was said, [`end`] says why it ended, and [`backoff`] when to call again.
//!
//! Nothing here knows a terminal or prints: lines come and go through two bounded queues.

pub mod backoff;
pub mod crlf;
pub mod dial;
pub mod end;
pub mod eyeballs;
pub mod flow;
pub mod pipe;
pub mod pump;
pub mod script;
pub mod shown;
pub mod talk;
pub mod target;
pub mod tls;
pub mod transcript;

pub use dial::{DialError, Dialled, dial};
pub use end::End;
pub use target::{Place, Target};
pub use transcript::Transcript;
