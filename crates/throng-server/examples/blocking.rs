//! A service of plain blocking code, a thread for each client: it asks for a name and says hello.
//!
//! ```sh
//! cargo run -p throng-server --example blocking
//! telnet 127.0.0.1 7000
//! ```

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]

use std::io::Write;

use throng_server::{BlockingConn, Server, Threads};

/// Bytes that a name may have.
const NAME_MAX: usize = 100;

fn greet(mut conn: BlockingConn) -> throng_server::Result {
    let mut lines = conn.lines(NAME_MAX);
    loop {
        conn.write_all(b"What is your name? ")?;
        // This waits, and only this client's thread waits.
        let Some(name) = conn.read_line(&mut lines)? else { return Ok(()) };
        conn.write_all(&[b"Hello ", name, b"!\r\n"].concat())?;
    }
}

fn main() -> throng_server::Result {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let running = Server::blocking(greet).model(Threads { max: 500 }).listen(&address).start()?;
    println!("at {}; Ctrl-C ends it", running.addresses()[0]);
    running.until_signal()?;
    Ok(())
}
