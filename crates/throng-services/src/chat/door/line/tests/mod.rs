//! The line door without a chat behind it.

mod rooms;
mod signing;
