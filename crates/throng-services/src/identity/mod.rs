//! Who is who: the one state machine by which people register, sign in and change what belongs to them, at every door.
//!
//! Read the rooms in this order. What is secret: [`secret`], [`password`], [`token`], [`scram`], and [`first_operator`], a code
//! for one use. What protects: the [`pool`] where passwords are hashed, of which each network has a [`share`], the [`throttle`] on who was wrong, and `admission`,
//! which has everybody pass by it, and
//! [`registrations`], how many accounts strangers make. What is decided: [`settings`], [`origin`] (who may send a password at all),
//! [`standing`] (which command may be asked in which state), [`refusal`]. What others hear: [`notice`]. Put together:
//! [`registrar`], the handle that all share, on a `core` of what is kept and what protects it, with `proving` for what somebody says and `sign_in` for what follows a proof, [`session`] for a person at a door,
//! [`operator`] for who runs the server; `asking` makes the store's callbacks something to wait for.
//!
//! The path of a login: a door hears it, its seat calls [`Session::login`]; the throttle lets it pass; the account is looked
//! up; the password is hashed in the pool, against a decoy where there is none; what changes is stored; the account is
//! looked at once more, so that a change that came between wins; the seat is told [`Signed`] or a [`Refusal`].

pub mod first_operator;
pub mod notice;
pub mod operator;
pub mod origin;
pub mod password;
pub mod pool;
pub mod refusal;
pub mod registrar;
pub mod registrations;
pub mod scram;
pub mod secret;
pub mod session;
pub mod settings;
pub mod share;
pub mod standing;
pub mod throttle;
pub mod token;

mod admission;
mod asking;
mod core;
mod proving;
mod sign_in;

pub use notice::{NOTICES_MAX, Notice, Which};
pub use operator::Operator;
pub use origin::{Channel, Origin};
pub use refusal::Refusal;
pub use registrar::Identity;
pub use secret::Secret;
pub use session::{Proof, Session};
pub use settings::{LOGIN_DEADLINE, Settings};
pub use sign_in::Signed;
pub use standing::{Command, Standing};

/// By what a certificate is known: the SHA-256 of its DER, as `openssl x509 -fingerprint -sha256` shows it.
pub fn fingerprint(der: &[u8]) -> [u8; 32] {
    token::sha256(der)
}
