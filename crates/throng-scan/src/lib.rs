//! Which TCP ports of a host are open: all of them, in order, as soon as it is certain.
//!
//! [`event`] is what a scan tells. [`ports`] is what it asks and [`targets`] whom, as people write both; [`services`]
//! knows what a port is usually for. [`output`] writes down what is told, for people and for programs.

pub mod event;
pub mod output;
pub mod ports;
pub mod services;
pub mod targets;
