//! A pipe to a server, by the kernel: what is said comes through at once, and not when more is said.

#![allow(clippy::unwrap_used)]

use std::io::{PipeReader, PipeWriter, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use throng_client::connect::End;
use throng_client::connect::pipe::{InputFault, straight};

const PATIENCE: Duration = Duration::from_secs(20);

/// Enough for a race to be lost.
const ROUNDS: u32 = 20_000;

/// Both ends of a client in a pipe.
struct Piped {
    input: PipeWriter,
    output: PipeReader,
    server: TcpStream,
    client: JoinHandle<End>,
}

fn piped() -> Piped {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let server = listener.accept().unwrap().0;
    server.set_nodelay(true).unwrap();
    let (reads, input) = std::io::pipe().unwrap();
    let (output, writes) = std::io::pipe().unwrap();
    let client = std::thread::spawn(move || straight(socket, reads, writes, &InputFault::default()));
    Piped { input, output, server, client }
}

/// Does this on a thread of its own: a read that never ends fails the test all the same.
fn in_time(act: impl FnOnce() + Send + 'static) {
    let (tell, told) = sync_channel(1);
    std::thread::spawn(move || {
        act();
        tell.send(()).unwrap();
    });
    told.recv_timeout(PATIENCE).expect("it stands still");
}

#[test]
fn each_word_is_heard_before_the_next_is_said() {
    let Piped { mut input, mut output, mut server, client } = piped();
    in_time(move || {
        for round in 0..ROUNDS {
            let mut heard = [0; 4];
            server.write_all(&round.to_be_bytes()).unwrap();
            output.read_exact(&mut heard).unwrap();
            assert_eq!(u32::from_be_bytes(heard), round);
            input.write_all(&heard).unwrap();
            server.read_exact(&mut heard).unwrap();
            assert_eq!(u32::from_be_bytes(heard), round);
        }
        drop(server);
        assert!(matches!(client.join().unwrap(), End::Server));
    });
}
