//! What every model keeps, whichever way it serves and over whatever its clients come: one suite for all of them, and after
//! each the descriptors are as many as before.

#![allow(clippy::unwrap_used)]

mod callers;
mod ends;
mod faults;
mod lifecycle;
mod limits;
#[path = "../place/mod.rs"]
mod place;
#[path = "../secured/mod.rs"]
mod secured;
mod stands;
mod talk;

use std::io::Write;

use callers::Client;

fn say(client: &mut Client, text: &str) {
    client.write_all(text.as_bytes()).unwrap();
}
