//! Ctrl-C and SIGTERM for work that ends well when it is told to: the first one tells it, the second one ends the program.

use std::sync::mpsc::{SyncSender, sync_channel};

use tokio::signal::unix::{SignalKind, signal};

/// As in the table of `main`.
const INTERRUPTED: i32 = 130;

/// From now on the first signal calls `first`, and the second one calls `last` and ends the program. Heard on a thread of its
/// own, so that it works whatever the others wait for.
pub fn hear(first: impl FnOnce() + Send + 'static, last: impl FnOnce() + Send + 'static) {
    let (stands, ready) = sync_channel(1);
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_io().build() else { return };
    let hears = std::thread::Builder::new()
        .name("throng-signals".to_owned())
        .spawn(move || runtime.block_on(wait(first, last, stands)));
    // Where no thread can be had, a signal ends the program as it always does. Else none is missed from here on.
    let _ = hears.is_ok() && ready.recv().is_ok();
}

async fn wait(first: impl FnOnce(), last: impl FnOnce(), ready: SyncSender<()>) {
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    let _ = ready.send(());
    drop(ready);
    let mut next = async || {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    };
    next().await;
    first();
    next().await;
    last();
    std::process::exit(INTERRUPTED);
}
