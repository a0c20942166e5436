//! The chat: one hub, one worker per core, a seat for each client, and the doors through which they come.
//!
//! The path of a message: [`seat`] reads bytes and gives them to its [`door`], which hears a command in them;
//! the command goes through the bounded mailbox to the [`hub`], which applies it to the world, has its record
//! stored, and then sends one [`delivery`] to each worker; the [`worker`] finds its [`seats`], renders the event
//! once for each way it must look ([`rendering`]), and appends it to each seat's outbox, which the server
//! library writes once per turn.
//!
//! What is asked about accounts goes another way: from the seat to its [`desk`], and from there to [`crate::identity`]; the
//! hub hears from the [`herald`] what changed, whoever changed it.

pub mod browsers;
pub mod delivery;
pub mod desk;
pub mod door;
pub mod fanout;
pub mod figures;
pub mod held;
pub mod herald;
pub mod house;
pub mod hub;
pub mod live;
pub mod mailbox;
pub mod notes;
pub mod rendering;
pub mod routes;
pub mod seat;
pub mod seats;
pub mod service;
pub mod watch;
pub mod worker;

pub use figures::Figures;
pub use house::{House, Settings};
pub use mailbox::{HubHandle, NoAnswer, Refused, Status};
pub use notes::{Note, Notes};
pub use service::{Chat, Farewell, Known};
pub use throng_chat::event::RoomLine;
pub use throng_chat::name::distance;
pub use throng_chat::pace::PaceSettings;
pub use throng_chat::{Entry, Guests, Kind, Name, Names, OperatorCommand, Refusal, RoomName, Text};

/// Words of the server itself; nothing when they are not good text.
pub fn text(words: &str) -> Option<throng_chat::Text> {
    throng_chat::Text::new(words).ok()
}
