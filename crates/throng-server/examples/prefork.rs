//! A counter in each of two processes: nothing is shared, and one that crashes ends its own clients only.
//!
//! ```sh
//! cargo run -p throng-server --example prefork
//! nc 127.0.0.1 7000        # in two terminals: each is another process's. Type `crash` in one
//! ps --forest -C prefork
//! ```

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]

use std::cell::Cell;

use throng_server::{Conn, LocalHandler};

/// What one process has.
struct Counter {
    worker: usize,
    visitors: Cell<u64>,
}

impl LocalHandler for Counter {
    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        self.visitors.set(self.visitors.get() + 1);
        let (pid, worker, visitors) = (std::process::id(), self.worker, self.visitors.get());
        let words = format!("worker {worker}, process {pid}: you are my visitor number {visitors}\r\n");
        conn.write_all(words.as_bytes()).await?;
        let mut lines = conn.lines(64);
        while let Some(line) = conn.read_line(&mut lines).await? {
            if line == b"crash" {
                std::process::abort();
            }
        }
        Ok(())
    }
}

#[cfg(target_os = "linux")]
fn main() -> throng_server::Result {
    use throng_server::{Processes, Server, Worker, Workers};

    throng_server::worker_or_continue(); // a worker is this program, begun anew
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let counters = |worker: &Worker| Counter { worker: worker.index(), visitors: Cell::new(0) };
    let server = Server::local(counters).model(Processes { workers: Workers::Count(2) });
    let running = server.listen(&address).start()?; // a worker serves in here, and never comes back
    println!("at {}, workers {:?}; Ctrl-C ends it", running.addresses()[0], running.processes());
    running.until_signal()?;
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("there are no worker processes on this system");
}
