//! Somebody at nc, whose questions do not end with a line.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use crate::{OTHER, PASSWORD, PATIENCE};

/// What is said last to somebody who comes in.
pub const IN_LOBBY: &str = "What you type goes";
/// What is asked of somebody whose name is free.
pub const FREE: &str = "or an empty line to stay a guest: ";

pub struct Client {
    socket: TcpStream,
    heard: Vec<u8>,
    looked: usize,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        Client { socket, heard: Vec::new(), looked: 0 }
    }

    /// A guest of this name, in the lobby.
    pub fn guest(address: SocketAddr, name: &str) -> Client {
        let mut client = Client::connect(address);
        client.asks(name, FREE);
        client.asks("", IN_LOBBY);
        client
    }

    /// Somebody signed in by the password.
    pub fn signed_in(address: SocketAddr, account: &str) -> Client {
        let mut client = Client::connect(address);
        client.asks(&format!("/login {account} {PASSWORD}"), IN_LOBBY);
        client
    }

    /// Somebody signed in by a token.
    pub fn by_token(address: SocketAddr, account: &str, token: &str) -> Client {
        let mut client = Client::connect(address);
        client.asks(&format!("/login {account} token {token}"), IN_LOBBY);
        client
    }

    pub fn say(&mut self, line: &str) {
        self.socket.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Reads until these words come behind those that were waited for before; gives what was between.
    pub fn until(&mut self, words: &str) -> String {
        loop {
            let new = &self.heard[self.looked..];
            let found = new.windows(words.len()).position(|window| window == words.as_bytes());
            let new = String::from_utf8_lossy(&new[..found.unwrap_or(new.len())]).into_owned();
            if let Some(at) = found {
                self.looked += at + words.len();
                return new;
            }
            assert!(self.read(), "closed before {words:?}: {new}");
        }
    }

    /// Says this and waits for that; gives what was between.
    pub fn asks(&mut self, line: &str, answer: &str) -> String {
        self.say(line);
        self.until(answer)
    }

    /// Another password.
    pub fn change_password(&mut self) {
        self.asks("/password", "up to now (not shown): ");
        self.asks(PASSWORD, "The new one (not shown): ");
        self.asks(OTHER, "The same once more: ");
        self.asks(OTHER, "Your password is another one now");
    }

    /// All until the server closes.
    pub fn read_to_end(&mut self) -> String {
        while self.read() {}
        String::from_utf8_lossy(&self.heard[self.looked..]).into_owned()
    }

    /// Is it signed in here?
    pub fn is_signed_in(&mut self) -> bool {
        self.say("/sessions");
        // Answered by the door itself, behind what was asked before.
        !self.asks("/echo", "Say it so: /echo").contains("! Not done: sign in first")
    }

    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        match self.socket.read(&mut bytes) {
            Ok(read) => {
                self.heard.extend_from_slice(&bytes[..read]);
                read > 0
            }
            Err(why) if why.kind() == std::io::ErrorKind::ConnectionReset => false,
            Err(why) => {
                panic!("nothing came: {why}; heard: {}", String::from_utf8_lossy(&self.heard))
            }
        }
    }
}
