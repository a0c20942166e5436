//! Those who answer: the services that throng serves.
//!
//! [`echo`] gives back what it gets. [`chat`] is the chat: its hub, its workers, and its doors.

pub mod chat;
pub mod echo;

pub use throng_wire::printable;
