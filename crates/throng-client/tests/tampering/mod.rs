//! A tiny IRC server for a handful of clients, with somebody at the wire of client 1 who may change what it is told.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use throng_client::crowd::names;

/// Told instead of a line, it closes the client.
pub const CLOSE: &str = "(close)";

/// What the victim is told instead of a line.
pub type Tamper = Box<dyn FnMut(&str) -> Vec<String> + Send>;

/// How a server behaves.
pub struct Manners {
    /// Instead of a line that is told to client 1.
    pub tamper: Tamper,
    /// Bytes per write.
    pub piece: usize,
    /// Nobody gets its name before so many asked for one.
    pub names_at: usize,
}

impl Default for Manners {
    fn default() -> Manners {
        Manners { tamper: Box::new(|line| vec![line.to_owned()]), piece: usize::MAX, names_at: 1 }
    }
}

/// The server: one thread per client, which is plenty for a test.
pub struct Server {
    pub address: SocketAddr,
    threads: JoinHandle<Vec<JoinHandle<()>>>,
}

/// Who writes: whoever has the lock. A reader waits for it, so every client hears one order.
type Shared = Arc<Mutex<State>>;

struct State {
    clients: BTreeMap<String, Client>,
    nameless: Vec<String>,
    manners: Manners,
}

struct Client {
    stream: TcpStream,
    room: String,
}

impl Server {
    /// Serves so many clients until they are gone.
    pub fn start(count: usize, manners: Manners) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = State { clients: BTreeMap::new(), nameless: Vec::new(), manners };
        let shared = Arc::new(Mutex::new(state));
        let threads = std::thread::spawn(move || {
            let accepted = listener.incoming().take(count).map(Result::unwrap);
            accepted
                .map(|stream| {
                    let shared = Arc::clone(&shared);
                    std::thread::spawn(move || serve(&stream, &shared))
                })
                .collect()
        });
        Server { address, threads }
    }

    /// Waits until all its threads have ended, which they do when the clients are gone.
    pub fn end(self) {
        for thread in self.threads.join().unwrap() {
            thread.join().unwrap();
        }
    }
}

fn serve(stream: &TcpStream, shared: &Shared) {
    stream.set_nodelay(true).unwrap();
    let mut name = String::new();
    // A client that leaves in the middle of a word is a test's good right.
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let mut state = shared.lock().unwrap();
        match line.split_once(' ') {
            Some(("NICK", wanted)) => {
                name = wanted.to_owned();
                let client = Client { stream: stream.try_clone().unwrap(), room: String::new() };
                state.clients.insert(name.clone(), client);
            }
            Some(("USER", _)) => state.name(&name),
            Some(("JOIN", room)) => {
                state.clients.get_mut(&name).unwrap().room = room.to_owned();
                state.tell_room(room, "", &format!(":{name}!u@h JOIN {room}"));
                state.tell(&name, &format!(":test 366 {name} {room} :End of NAMES list"));
            }
            Some(("PRIVMSG", said)) => {
                let room = said.split(' ').next().unwrap();
                state.tell_room(room, &name, &format!(":{name}!u@h PRIVMSG {said}"));
            }
            Some(("PING", token)) => state.tell(&name, &format!(":test PONG test {token}")),
            other => panic!("no crowd says {other:?}"),
        }
    }
}

impl State {
    fn name(&mut self, name: &str) {
        self.nameless.push(name.to_owned());
        if self.clients.len() >= self.manners.names_at {
            for name in std::mem::take(&mut self.nameless) {
                self.tell(&name, &format!(":test 001 {name} :Welcome"));
            }
        }
    }

    fn tell_room(&mut self, room: &str, but: &str, line: &str) {
        let of_room = self.clients.iter().filter(|(name, client)| client.room == room && *name != but);
        let names: Vec<String> = of_room.map(|(name, _)| name.clone()).collect();
        for name in names {
            self.tell(&name, line);
        }
    }

    fn tell(&mut self, name: &str, line: &str) {
        let lines =
            if name == names::client(1) { (self.manners.tamper)(line) } else { vec![line.to_owned()] };
        let mut stream = &self.clients[name].stream;
        for line in lines {
            // The crowd may be gone by now; that is for the test to judge, not for the server.
            if line == CLOSE {
                let _ = stream.shutdown(Shutdown::Both);
            }
            let line = format!("{line}\r\n");
            for piece in line.as_bytes().chunks(self.manners.piece) {
                let _ = stream.write_all(piece);
            }
        }
    }
}
