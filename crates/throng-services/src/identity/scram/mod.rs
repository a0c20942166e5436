//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side: a password is proven without being sent.
//!
//! [`keys`] is what is kept of a password for it, [`message`] how the messages are written, [`exchange`] what follows what.
//! All of it is pure: messages come in and go out, whoever calls looks the account up between them.
//!
//! It costs something: who steals the keys tries passwords at the price of PBKDF2, which graphics cards compute much faster
//! than Argon2id. So keys are made only where the operator or the person asks for them.

pub mod exchange;
pub mod keys;
pub mod message;

pub use exchange::{Challenged, Opened};
pub use keys::{Keys, ROUNDS};
