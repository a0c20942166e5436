//! The library's echo in plain blocking code, a thread for each client: what `bench models` measures beside handlers that
//! wait. `blocking_echo [address]` serves until it is killed. Its first line says where it listens.

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]

use std::io::{Read, Write};

use throng_server::{BlockingConn, Server, Threads};

/// What one client sends at once, at most.
const BUFFER_BYTES: usize = 16 << 10;

/// Clients that are served at the same time.
const CLIENTS_MAX: usize = 1024;

fn echo(mut conn: BlockingConn) -> throng_server::Result {
    let mut buffer = [0; BUFFER_BYTES];
    loop {
        match conn.read(&mut buffer)? {
            0 => return Ok(()),
            read => conn.write_all(&buffer[..read])?,
        }
    }
}

fn main() -> Result<(), throng_server::StartError> {
    throng_server::raise_descriptors();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let running = Server::blocking(echo).model(Threads { max: CLIENTS_MAX }).listen(&address).start()?;
    println!("{}", running.addresses()[0]);
    loop {
        std::thread::park();
    }
}
