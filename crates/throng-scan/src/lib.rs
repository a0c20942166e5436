//! Which TCP ports of a host are open: all of them, in order, as soon as it is certain.
//!
//! [`event`] is what a scan tells. [`ports`] is what it asks and [`targets`] whom, as people write both; [`services`]
//! knows what a port is usually for.

pub mod event;
pub mod ports;
pub mod services;
pub mod targets;
