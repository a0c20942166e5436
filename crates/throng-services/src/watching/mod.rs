//! What programs ask that watch over a server: is it alive, would it take a client, what are its figures.
//!
//! [`health`] is what the roof tells of the server, [`page`] is what is answered to whom, [`service`] answers at addresses of
//! its own. The chat's web door answers the questions about health as well, and never shows figures: a proxy on this machine
//! would show them to everybody.

pub mod health;
pub mod page;
pub mod service;

pub use health::{Findings, Health};
pub use page::Format;
pub use service::{Watching, limits, timeouts};
