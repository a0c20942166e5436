//! Which TCP ports of a host are open: all of them, in order, as soon as it is certain.
//!
//! [`event`] is what a scan tells.

pub mod event;
