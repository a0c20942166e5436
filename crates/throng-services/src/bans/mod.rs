//! Who is not wanted, as doors tell it.

pub mod word;
