//! Who is who. What is secret: [`secret`], [`password`], [`token`], [`scram`]; the [`pool`] is where passwords are hashed.

pub mod password;
pub mod pool;
pub mod scram;
pub mod secret;
pub mod token;

pub use secret::Secret;
