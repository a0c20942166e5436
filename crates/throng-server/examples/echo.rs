//! The manual's echo, served until it is killed: at the address of the first argument, or at a free port of this machine.
//! Its first line says where it listens.

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]

use throng_server::{Conn, Server};

async fn echo(mut conn: Conn) -> throng_server::Result {
    let mut buffer = conn.buffer(); // the worker's; nothing is held while a read is pending
    while conn.read_into(&mut buffer).await? > 0 {
        conn.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(()) // 0 = the peer ended, or a drain reached an idle point
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    throng_server::raise_descriptors();
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let running = Server::new(echo).listen(&address).start()?;
    println!("{}", running.addresses()[0]);
    loop {
        std::thread::park();
    }
}
