//! The end that a terminal or a service manager asks for: SIGINT and SIGTERM (signal(7)). The first drains, the second cuts
//! who is left, the third ends the process.

use std::io;
use std::process::exit;

use tokio::runtime::Builder;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::report::Report;
use crate::running::Running;

/// The exit code of a process that was interrupted: 128 and the number of SIGINT, as shells have it.
const INTERRUPTED: i32 = 130;

impl Running {
    /// Serves until SIGINT or SIGTERM comes, then drains as [`Running::shutdown`] does, and tells how that went. A second
    /// signal cuts who is left, a third ends the process at once.
    ///
    /// # Errors
    /// When the system does not let this process hear signals; the server runs on then.
    ///
    /// ```no_run
    /// # // Not run: it waits for a signal, and nobody can know from outside when it has begun to. tests/signals does.
    /// # async fn serve(_: throng_server::Conn) -> throng_server::Result { Ok(()) }
    /// fn main() -> throng_server::Result {
    ///     let report = throng_server::Server::new(serve).listen("127.0.0.1:7000").start()?.until_signal()?;
    ///     println!("{} ended by themselves, {} were cut", report.finished, report.cut);
    ///     Ok(())
    /// }
    /// ```
    pub fn until_signal(&self) -> io::Result<Report> {
        // A thread of its own, since whoever calls may be inside a runtime, where no other can wait.
        std::thread::scope(|scope| scope.spawn(|| wait(self)).join())
            .unwrap_or_else(|_| Err(io::Error::other("the thread that hears signals panicked")))
    }
}

fn wait(running: &Running) -> io::Result<Report> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let report = runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        one_of(&mut interrupt, &mut terminate).await;
        let drain = running.shutdown();
        let mut drained = tokio::task::spawn_blocking(move || drain.wait());
        let mut cut = false;
        loop {
            tokio::select! {
                report = &mut drained => return report.map_err(io::Error::other),
                () = one_of(&mut interrupt, &mut terminate) => match cut {
                    true => exit(INTERRUPTED),
                    false => {
                        cut = true;
                        drop(running.drain(std::time::Duration::ZERO));
                    }
                },
            }
        }
    });
    // A drain that somebody waits for elsewhere is not waited for here once more.
    runtime.shutdown_background();
    report
}

async fn one_of(interrupt: &mut Signal, terminate: &mut Signal) {
    // There is no end of signals.
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
