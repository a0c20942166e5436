//! The model `Processes`. Its workers are the running program begun anew, so this one has a `main` of its own instead of
//! libtest's: it runs each behaviour in a process for it alone, whose workers are begun with the same arguments and so come to
//! the same start. In a worker nothing of a behaviour runs behind that.

#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg_attr(not(target_os = "linux"), allow(unused))]

/// Behaviours by their names; those of any server are tried on this one, and have its name before theirs.
macro_rules! behaviours {
    ($($name:ident),* $(,)?) => { &[$((stringify!($name), $name as fn())),*] };
    ($server:ident: $($name:ident),* $(,)?) => {
        &[$((concat!(stringify!($server), "_", stringify!($name)), || $name($server))),*]
    };
}

#[cfg(target_os = "linux")]
mod blocking;
#[cfg(target_os = "linux")]
mod changes;
#[cfg(target_os = "linux")]
mod clients;
#[cfg(target_os = "linux")]
mod harness;
#[cfg(target_os = "linux")]
#[path = "../place/mod.rs"]
mod place;
#[cfg(target_os = "linux")]
#[path = "../secured/mod.rs"]
mod secured;
#[cfg(target_os = "linux")]
mod stage;
#[cfg(target_os = "linux")]
mod starts;
#[cfg(target_os = "linux")]
mod workers;

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("there are no worker processes on this system");
}

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    harness::main()
}
