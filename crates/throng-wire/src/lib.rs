//! The grammar of throng: bytes to messages and back.
//!
//! Pure: no socket, no clock, no allocation that grows with what a stranger sends. In reading order: [`sniff`] says
//! which protocol the first bytes speak; [`telnet`] takes telnet's own bytes out; [`mod@line`] makes lines; [`irc`] looks
//! into one, with the names of [`numeric`]; [`printable`] makes text safe for a terminal on the way out.

pub mod irc;
pub mod line;
pub mod numeric;
pub mod printable;
pub mod sniff;
pub mod telnet;
