//! Accounts for who runs the server: one set of actions, asked for on the command line and at the console.
//!
//! Read the rooms in this order. [`wish`]: what may be wished for, and what came of it. [`office`] carries it out, with
//! [`clearing`] for what takes all accounts away or puts them back, [`export`] into a file and [`import`] from one, whose
//! [`reading`] finds mistakes; each line of it is a [`record`]. [`shown`] makes words of what came of it, with each [`sheet`] of
//! accounts, [`machine`] lines for programs, [`told`] an event of the log; [`confirm`] is what is asked before. [`asked`] is what
//! may be typed on the command line, [`given`] where a password comes from there, [`hidden`] typed without being seen, and
//! [`command`] puts that together; [`clerk`] does the same beside a server's own prompt.

pub mod asked;
pub mod clerk;
pub mod command;
pub mod wish;

mod clearing;
mod confirm;
mod export;
mod given;
mod hidden;
mod import;
mod machine;
mod office;
mod reading;
mod record;
mod sheet;
mod shown;
mod told;

pub use confirm::Confirm;
pub use machine::escaped;
pub use office::Office;
