//! A load: many connections to any TCP service, on one thread, that check every byte and say how long it took.
//!
//! [`plan`] is what is asked and [`outcome`] what came of it; [`run::run`] does it. [`payload`] is what is sent, `stream`
//! checks what comes back, and [`diagnosis`] says what happened where that is wrong. `engine` is the event loop, with `coming`
//! and `saying`; `schedule` tells when a message of an open loop is meant to be sent, and the `alarm` wakes for it.
//! [`times`](crate::times) count how long it took, [`counts`] everything else, and the [`watch`] is on the generator itself.
//!
//! A chat has its clients come into rooms, by `gathering`, and talk there, by `chatting`; `amiss` counts what was wrong. What is
//! spoken, and who must hear what, it has from the [`crowd`](crate::crowd).
//!
//! It knows nothing of the server but its address, and a server can do nothing that ends it.

mod alarm;
mod amiss;
mod caller;
mod chatting;
mod coming;
pub mod counts;
pub mod diagnosis;
mod engine;
mod gathering;
pub mod outcome;
pub mod payload;
pub mod plan;
pub mod run;
mod saying;
mod schedule;
mod stream;
pub mod watch;

use std::time::Instant;

#[expect(clippy::disallowed_methods, reason = "a measuring tool reads the clock; this is its one place")]
fn now() -> Instant {
    Instant::now()
}
