//! Which TCP ports of a host are open: all of them, in order, as soon as it is certain.
//!
//! [`event`] is what a scan tells.

mod banner;
pub mod core;
mod driver;
pub mod event;
mod order;
mod running;
mod scan;

pub use running::{Running, Stopper};
pub use scan::{Builder, Scan, StartError, THREADS_MAX, Tell, WINDOW_MAX};
