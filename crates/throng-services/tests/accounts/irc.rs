//! A client of IRC, line by line, with its side of SASL.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use data_encoding::BASE64;

use crate::{PATIENCE, client};

pub struct Client {
    reads: BufReader<TcpStream>,
    writes: TcpStream,
    /// It was welcomed, so that the world answers it.
    here: bool,
}

impl Client {
    pub fn connect(address: SocketAddr) -> Client {
        let writes = TcpStream::connect(address).unwrap();
        writes.set_read_timeout(Some(PATIENCE)).unwrap();
        writes.set_nodelay(true).unwrap();
        Client { reads: BufReader::new(writes.try_clone().unwrap()), writes, here: false }
    }

    pub fn say(&mut self, line: &str) {
        self.writes.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// The next line; nothing when the server closed.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = self.reads.read_line(&mut line).unwrap();
        self.here |= line.contains(" 001 ");
        (read > 0).then(|| line.trim_end().to_owned())
    }

    /// All lines up to the one with these words, and that one.
    pub fn until(&mut self, words: &str) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("closed before {words:?}: {heard:#?}"));
            heard.push(line);
            if heard.last().unwrap().contains(words) {
                return heard;
            }
        }
    }

    /// Says this, and gives all that is answered: for who is here also by the world, since that answers the question behind
    /// it in its turn.
    pub fn ask(&mut self, line: &str) -> Vec<String> {
        self.say(line);
        self.say(if self.here { "ISON zoe" } else { "PING done" });
        let mut heard = self.until(if self.here { " 303 " } else { " PONG " });
        heard.pop();
        heard
    }

    /// All lines until the server closes.
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.line()).collect()
    }

    pub fn plain(&mut self, account: &str, password: &str) -> Vec<String> {
        self.say("AUTHENTICATE PLAIN");
        self.until("AUTHENTICATE +");
        self.ask(&format!("AUTHENTICATE {}", BASE64.encode(format!("\0{account}\0{password}").as_bytes())))
    }

    /// The server's challenge.
    pub fn scram_first(&mut self, account: &str) -> String {
        self.say("AUTHENTICATE SCRAM-SHA-256");
        self.until("AUTHENTICATE +");
        self.say(&format!("AUTHENTICATE {}", BASE64.encode(client::first(account).as_bytes())));
        read(&self.line().unwrap())
    }

    /// What the server proves, and what it should have.
    pub fn scram_final(&mut self, account: &str, password: &str, challenge: &str) -> (Vec<String>, String) {
        let (last, expected) = client::last(account, password, challenge);
        let answer = self.ask(&format!("AUTHENTICATE {}", BASE64.encode(last.as_bytes())));
        (answer, format!("AUTHENTICATE {}", BASE64.encode(expected.as_bytes())))
    }
}

fn read(line: &str) -> String {
    let letters = line.strip_prefix("AUTHENTICATE ").unwrap_or_else(|| panic!("{line}"));
    String::from_utf8(BASE64.decode(letters.as_bytes()).unwrap()).unwrap()
}
