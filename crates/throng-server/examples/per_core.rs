//! A service with state per core: each worker counts its own visitors, without a lock, since nobody else can reach it.
//!
//! ```sh
//! cargo run -p throng-server --example per_core
//! nc 127.0.0.1 7000        # several times: the workers take turns
//! ```

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]

use std::cell::Cell;

use throng_server::{Conn, LocalHandler, Server, Worker};

/// What one worker has. A [`Cell`] cannot be shared by threads, and here it need not be.
struct Counter {
    worker: usize,
    visitors: Cell<u64>,
}

impl LocalHandler for Counter {
    async fn serve(&self, mut conn: Conn) -> throng_server::Result {
        self.visitors.set(self.visitors.get() + 1);
        let words = format!("worker {}: you are my visitor number {}\r\n", self.worker, self.visitors.get());
        conn.write_all(words.as_bytes()).await?;
        Ok(())
    }
}

fn main() -> throng_server::Result {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let counters = |worker: &Worker| Counter { worker: worker.index(), visitors: Cell::new(0) };
    let running = Server::local(counters).listen(&address).start()?;
    println!("at {}; Ctrl-C ends it", running.addresses()[0]);
    running.until_signal()?;
    Ok(())
}
