//! Who is who. What is secret: [`secret`], [`password`], [`token`], [`scram`]; the [`pool`] is where passwords are hashed,
//! the [`throttle`] has who was wrong wait.

pub mod password;
pub mod pool;
pub mod scram;
pub mod secret;
pub mod throttle;
pub mod token;

pub use secret::Secret;
