//! Which TCP ports of a host are open: all of them, in order, as soon as it is certain.
//!
//! [`event`] is what a scan tells. [`ports`] is what it asks and [`targets`] whom, as people write both; [`services`]
//! knows what a port is usually for. [`output`] writes down what is told, for people and for programs.

mod banner;
pub mod core;
mod driver;
pub mod event;
mod order;
pub mod output;
pub mod ports;
mod running;
mod scan;
pub mod services;
pub mod targets;

pub use running::{Running, Stopper};
pub use scan::{Builder, Scan, StartError, THREADS_MAX, Tell, WINDOW_MAX};
