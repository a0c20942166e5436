//! Which TCP ports of a host are open: all of them, in order, as soon as it is certain, and never a wrong one.
//!
//! ```no_run
//! use throng_scan::{Scan, event::Event};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let scan = Scan::builder().address("192.168.1.1".parse()?).ports(1..=1024).build()?;
//! for event in scan.run()?.blocking() {
//!     if let Event::Port(port) = event {
//!         println!("Port {} is open", port.number);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What [`Scan::run`] returns is a [`Stream`](futures_core::Stream) too, for those who wait in other ways. It needs no rights
//! that a browser would not need: it connects, as everybody may (`connect(2)`), and prints nothing.
//!
//! The path of a question: [`core`] chooses the port, knows whom else it waits for and how long; the driver gives it a socket,
//! and the answer back to the core; the verdict goes with others from the scan's thread to [`Running`], which puts all ports of
//! a host in order and tells them as [`event`]s.
//!
//! [`ports`] and [`targets`] are what is asked and whom, as people write both; [`services`] knows what a port is usually for.
//! [`output`] writes down what is told, for people and for programs.

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

pub use event::Tell;
pub use running::{Running, Stopper};
pub use scan::{Builder, Scan, StartError, THREADS_MAX, WINDOW_MAX};
