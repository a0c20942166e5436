//! The meaning of the chat: who is there, which rooms there are, who may do what.
//!
//! Pure: no socket, no clock, no randomness, no file. Time and ids come in as arguments, and the same
//! asks in the same order give the same tells. Read the rooms in this order: [`name`] (with its `look`) and [`text`]
//! (values that cannot be wrong), [`command`] (all that a person may ask), [`event`] (all that a person may be
//! told, refusals included), [`record`] (what must be stored before it is told), [`output`] (what the world
//! answers to one ask), [`mode`], [`room`], [`person`], [`account`] (which names belong to somebody), [`ban`] (who is not wanted), and [`world`], the
//! only place that changes anything.
//!
//! The path of one message: a door hears `hello` and asks [`Command::Say`]; [`World::apply`] checks the rights
//! and answers [`Output::Stored`]; the shell stores the record, learns its [`Stamp`], and tells everybody in
//! the audience [`Event::Entry`].

pub mod account;
pub mod ban;
pub mod command;
pub mod event;
pub mod limits;
pub mod mode;
pub mod name;
pub mod output;
pub mod pace;
pub mod person;
pub mod record;
pub mod room;
pub mod text;
pub mod world;

mod look;

pub use account::{Accounts, Guests};
pub use ban::Ban;
pub use command::{Command, OperatorCommand, Target};
pub use event::{Event, Refusal};
pub use limits::Limits;
pub use mode::{ModeChange, Rights, RoomModes};
pub use name::{Name, Names, RoomName};
pub use output::{Audience, Output, PersonId, RoomId, SessionId};
pub use person::SeatKey;
pub use record::{Entry, Kind, MsgId, Record, Stamp, Time};
pub use text::Text;
pub use world::World;
