//! The operator's socket, at both ends: a server that runs has one, and `throng console` talks to it.
//!
//! [`place`] says where it is, [`server`] gives it the console, [`client`] speaks with it, [`remote`] is the prompt over it, and
//! [`command`] is `throng console`.

pub mod client;
pub mod command;
pub mod place;
pub mod remote;
pub mod server;
