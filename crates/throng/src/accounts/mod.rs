//! Accounts for who runs the server: one set of actions, asked for on the command line and at the console.
//!
//! Read the rooms in this order. [`wish`]: what may be wished for, and what came of it. [`office`] carries it out, with
//! [`clearing`] for what takes all accounts away or puts them back, and [`transfer`] for files of accounts, whose lines are a
//! [`record`] each. [`shown`] makes text and JSON of what came of it, [`told`] an event of the log. [`asked`] is what may be
//! typed on the command line, [`given`] where a password comes from there, [`hidden`] typed without being seen, and
//! [`command`] puts that together; [`clerk`] does the same beside a server's own prompt.

pub mod asked;
pub mod clerk;
pub mod command;
pub mod wish;

mod clearing;
mod given;
mod hidden;
mod office;
mod record;
mod shown;
mod told;
mod transfer;

pub use office::Office;
pub use shown::Confirm;
