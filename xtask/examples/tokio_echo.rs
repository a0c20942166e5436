//! tokio's own echo, as its tutorial writes it: a task and a buffer for each connection.
//!
//! `tokio_echo mt|ct [address]` serves until it is killed, on the runtime of many threads (one for each core that it may
//! use) or on that of the current one. Its first line says where it listens.

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::runtime::Builder;

/// What one connection reads at once.
const BUFFER_BYTES: usize = 16 << 10;

/// Clients that may wait to be accepted.
const BACKLOG: u32 = 4096;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut builder = match arguments.next().as_deref() {
        Some("mt") => Builder::new_multi_thread(),
        Some("ct") => Builder::new_current_thread(),
        _ => return Err(io::Error::other("the first argument is the runtime: mt or ct")),
    };
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    builder.enable_io().build()?.block_on(serve(&address))
}

async fn serve(address: &str) -> io::Result<()> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.parse().map_err(io::Error::other)?)?;
    let listener = socket.listen(BACKLOG)?;
    println!("{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        tokio::spawn(echo(stream));
    }
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..read]).await?;
    }
}
