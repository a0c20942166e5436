//! Those who answer: the services that throng serves.
//!
//! [`echo`] gives back what it gets, [`hello`] says hello and closes; [`seen`] is what they tell of it. [`chat`] is the chat:
//! its hub, its workers, and its doors. [`identity`] knows who is who, [`bans`] who is not wanted. [`control`] is the operator's
//! socket. [`watching`] tells programs how a server is, [`latency`] counts how long things took; [`clock`] shows times.

pub mod bans;
pub mod chat;
pub mod clock;
pub mod control;
pub mod echo;
pub mod hello;
pub mod identity;
pub mod latency;
pub mod seen;
pub mod watching;

pub use bans::Bans;
pub use echo::Echo;
pub use hello::Hello;
pub use seen::{Seen, Watch};

pub use throng_wire::printable;
