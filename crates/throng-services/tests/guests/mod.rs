//! A chat on a free port of this machine, and guests who come through any of its doors.
//!
//! What a guest hears is put into the same words whichever door it came through ([`Tell`]), so that doors can be
//! compared.

#![allow(clippy::unwrap_used, dead_code)]

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use throng_server::{Events, Running, Server, Workers};
use throng_services::chat::{Chat, House, Notes, PaceSettings, Settings, house};
use throng_store::{Durability, Opened};
use tungstenite::{Message, WebSocket};

/// No answer takes this long; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running chat.
pub struct Place {
    /// The chat.
    pub chat: Arc<Chat>,
    /// Its server.
    pub running: Running,
}

impl Place {
    /// Opens a chat that keeps nothing, with two workers.
    pub fn open() -> Place {
        Place::open_with(throng_store::memory(), Durability::Memory, |_| ())
    }

    /// Opens a chat on this store.
    pub fn open_with(opened: Opened, durability: Durability, change: impl FnOnce(&mut Settings)) -> Place {
        let mut settings =
            Settings { pace: PaceSettings::off(), zone: jiff::tz::TimeZone::UTC, ..Settings::default() };
        change(&mut settings);
        let house =
            House { settings, since: house::wall_clock(), now: house::wall_clock, notes: Notes::default() };
        let chat = Chat::open(house, opened, durability, 2, None).unwrap();
        let factory = Arc::clone(&chat);
        let running = Server::local(move |worker: &throng_server::Worker| factory.worker(worker))
            .model(Events { workers: Workers::Count(2) })
            .denied(chat.bans().denied())
            .listen("127.0.0.1:0")
            .start()
            .unwrap();
        chat.bans().serve(&running);
        Place { chat, running }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.running.addresses()[0].tcp().unwrap()
    }

    /// Somebody comes through a door, into the lobby.
    pub fn enter(&self, door: Door, name: &str) -> Guest {
        Guest::enter(self.address(), door, name)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let words = throng_services::chat::text("over").unwrap();
        self.chat.say_farewell(words, PATIENCE);
        self.running.drain(Duration::from_secs(5)).wait();
    }
}

/// Which door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// telnet or nc.
    Line,
    /// An IRC client that asks for nothing.
    Irc,
    /// A browser.
    Web,
}

/// All of them.
pub const DOORS: [Door; 3] = [Door::Line, Door::Irc, Door::Web];

/// What was heard, in words that no door has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tell {
    Said(String, String),
    Did(String, String),
    Came(String),
    Left(String),
    Gone(String),
    Renamed(String, String),
    Topic(String, String),
}

/// Somebody who came through a door.
pub struct Guest {
    /// Under which name.
    pub name: String,
    door: Door,
    wire: Wire,
    heard: VecDeque<Tell>,
    /// Members whom the lobby had when this guest came in, by name.
    pub found: Vec<String>,
    /// What the history showed on entering.
    pub history: Vec<Tell>,
    in_history: bool,
}

enum Wire {
    Lines { reads: BufReader<TcpStream>, writes: TcpStream },
    Web(Box<WebSocket<TcpStream>>),
}

impl Guest {
    /// Comes in, and waits until the lobby is shown.
    pub fn enter(address: SocketAddr, door: Door, name: &str) -> Guest {
        let mut guest = Guest::knock(address, door, name);
        guest.come_in();
        guest
    }

    /// Comes, and has said nothing yet.
    pub fn knock(address: SocketAddr, door: Door, name: &str) -> Guest {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        socket.set_nodelay(true).unwrap();
        let wire = match door {
            Door::Line | Door::Irc => {
                Wire::Lines { reads: BufReader::new(socket.try_clone().unwrap()), writes: socket }
            }
            Door::Web => Wire::Web(Box::new(upgrade(address, socket))),
        };
        Guest {
            name: name.to_owned(),
            door,
            wire,
            heard: VecDeque::new(),
            found: Vec::new(),
            history: Vec::new(),
            in_history: false,
        }
    }

    fn come_in(&mut self) {
        let name = self.name.clone();
        match self.door {
            Door::Line => {
                self.send(&name);
                let hello = self.read_until("Hello ");
                if let Some(others) = hello.split(" with ").nth(1) {
                    let others = others.trim_end_matches('.').replace(" and ", ", ");
                    self.found = others.split(", ").map(str::to_owned).collect();
                }
                self.found.push(name);
                self.read_until("What you type goes to");
            }
            Door::Irc | Door::Web => {
                if self.door == Door::Web {
                    self.send("CAP REQ :server-time message-tags echo-message batch");
                }
                self.send(&format!("NICK {name}"));
                self.send("USER u 0 * :somebody");
                if self.door == Door::Web {
                    self.send("CAP END");
                }
                self.read_until(" 001 ");
                self.send("JOIN #lobby");
                self.read_until(" JOIN ");
                loop {
                    let line = self.read_line().expect("names");
                    if line.contains(" 353 ") {
                        let names = line.rsplit(" :").next().unwrap().split_whitespace();
                        self.found.extend(names.map(|name| name.trim_start_matches(['@', '+']).to_owned()));
                    }
                    if line.contains(" 366 ") {
                        break;
                    }
                }
            }
        }
        self.found.sort();
    }

    /// Says something to the lobby.
    pub fn say(&mut self, words: &str) {
        match self.door {
            Door::Line => self.send(words),
            Door::Irc | Door::Web => self.send(&format!("PRIVMSG #lobby :{words}")),
        }
    }

    /// Does something in the lobby.
    pub fn act(&mut self, words: &str) {
        match self.door {
            Door::Line => self.send(&format!("/me {words}")),
            Door::Irc | Door::Web => self.send(&format!("PRIVMSG #lobby :\u{1}ACTION {words}\u{1}")),
        }
    }

    /// Sets the lobby's topic.
    pub fn set_topic(&mut self, words: &str) {
        match self.door {
            Door::Line => self.send(&format!("/topic {words}")),
            Door::Irc | Door::Web => self.send(&format!("TOPIC #lobby :{words}")),
        }
    }

    /// Takes another name.
    pub fn rename(&mut self, name: &str) {
        match self.door {
            Door::Line => self.send(&format!("/nick {name}")),
            Door::Irc | Door::Web => self.send(&format!("NICK {name}")),
        }
        self.name = name.to_owned();
    }

    /// Leaves the lobby.
    pub fn part(&mut self) {
        match self.door {
            Door::Line => self.send("/part"),
            Door::Irc | Door::Web => self.send("PART #lobby"),
        }
    }

    /// Says goodbye.
    pub fn quit(&mut self) {
        match self.door {
            Door::Line => self.send("/quit"),
            Door::Irc | Door::Web => self.send("QUIT"),
        }
    }

    /// Does this door give one's own words back to this guest?
    pub fn hears_itself(&self) -> bool {
        self.door != Door::Irc
    }

    /// Sends one line.
    pub fn send(&mut self, line: &str) {
        match &mut self.wire {
            Wire::Lines { writes, .. } => writes.write_all(format!("{line}\r\n").as_bytes()).unwrap(),
            Wire::Web(socket) => socket.send(Message::text(line)).unwrap(),
        }
    }

    /// Asks for its name.
    pub fn give_name(&mut self) {
        let name = self.name.clone();
        match self.door {
            Door::Line => self.send(&name),
            Door::Irc | Door::Web => {
                self.send(&format!("NICK {name}"));
                self.send("USER u 0 * :somebody");
            }
        }
    }

    /// All lines until the server closes.
    pub fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.read_line()).collect()
    }

    /// The next line; nothing when the server closed.
    pub fn read_line(&mut self) -> Option<String> {
        match &mut self.wire {
            Wire::Lines { reads, .. } => {
                let mut line = Vec::new();
                let read =
                    reads.read_until(b'\n', &mut line).unwrap_or_else(|why| panic!("{}: {why}", self.name));
                (read > 0).then(|| String::from_utf8(line).unwrap().trim_end().to_owned())
            }
            Wire::Web(socket) => loop {
                match socket.read() {
                    Ok(Message::Text(line)) => return Some(line.as_str().to_owned()),
                    Ok(Message::Close(_)) => return None,
                    Ok(_) => {}
                    Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                        return None;
                    }
                    Err(why) => panic!("{}: {why}", self.name),
                }
            },
        }
    }

    fn read_until(&mut self, words: &str) -> String {
        let mut read = Vec::new();
        loop {
            let line = self.read_line().unwrap_or_else(|| panic!("closed before {words:?}: {read:#?}"));
            if line.contains(words) {
                return line;
            }
            read.push(line);
        }
    }

    /// The next thing heard; history is kept apart. Nothing when the server closed.
    pub fn hear(&mut self) -> Option<Tell> {
        loop {
            if let Some(tell) = self.heard.pop_front() {
                return Some(tell);
            }
            let line = self.read_line()?;
            let tell = match self.door {
                Door::Line => self.understand_line(&line),
                Door::Irc | Door::Web => self.understand_irc(&line),
            };
            if let Some(tell) = tell {
                return Some(tell);
            }
        }
    }

    /// Hears until these words were said, and gives everything up to them.
    pub fn hear_until(&mut self, words: &str) -> Vec<Tell> {
        self.hear_through(words, |tell| matches!(tell, Tell::Said(_, said) if said == words))
    }

    /// Hears until this was told, and gives everything up to it.
    pub fn hear_until_told(&mut self, last: &Tell) -> Vec<Tell> {
        self.hear_through(&format!("{last:?}"), |tell| tell == last)
    }

    fn hear_through(&mut self, what: &str, is_last: impl Fn(&Tell) -> bool) -> Vec<Tell> {
        let mut tells = Vec::new();
        loop {
            let Some(tell) = self.hear() else {
                panic!("{} was closed before {what}: {tells:#?}", self.name)
            };
            let over = is_last(&tell);
            tells.push(tell);
            if over {
                return tells;
            }
        }
    }

    fn understand_line(&mut self, line: &str) -> Option<Tell> {
        let words: Vec<&str> = line.split(' ').collect();
        let own = |text: &str| text.to_owned();
        if line.starts_with("--- last ") {
            self.in_history = true;
            return None;
        }
        let tell = match words.as_slice() {
            ["*", who, "came", "into", _] => Tell::Came(own(who)),
            ["*", who, "left", ..] => Tell::Left(own(who)),
            ["*", who, "is", "gone", ..] => Tell::Gone(own(who)),
            ["*", from, "is", to, "now."] => Tell::Renamed(own(from), own(to)),
            [time, "*", who, "set", "the", "topic:", rest @ ..] if time.contains(':') => {
                Tell::Topic(own(who), rest.join(" "))
            }
            [time, "*", who, rest @ ..] if time.contains(':') => Tell::Did(own(who), rest.join(" ")),
            [time, who, rest @ ..] if time.contains(':') && who.starts_with('<') => {
                Tell::Said(own(who.trim_matches(['<', '>'])), rest.join(" "))
            }
            _ => return None,
        };
        Some(tell)
    }

    fn understand_irc(&mut self, line: &str) -> Option<Tell> {
        let (tags, line) = match line.strip_prefix('@') {
            Some(tagged) => tagged.split_once(' ').unwrap(),
            None => ("", line),
        };
        if let Some(token) = line.strip_prefix("PING ") {
            self.send(&format!("PONG {token}"));
            return None;
        }
        let (source, rest) = line.strip_prefix(':')?.split_once(' ')?;
        let who = source.split('!').next().unwrap().to_owned();
        let (head, trailing) = rest.split_once(" :").unwrap_or((rest, ""));
        let head: Vec<&str> = head.split(' ').collect();
        let last =
            |position: usize| head.get(position).map_or(trailing.to_owned(), |word| (*word).to_owned());
        let tell = match head[0] {
            "PRIVMSG" => match trailing.strip_prefix("\u{1}ACTION ") {
                Some(did) => Tell::Did(who, did.trim_end_matches('\u{1}').to_owned()),
                None => Tell::Said(who, last(2)),
            },
            "JOIN" => Tell::Came(who),
            "PART" => Tell::Left(who),
            "QUIT" => Tell::Gone(who),
            "NICK" => Tell::Renamed(who, last(1)),
            "TOPIC" => Tell::Topic(who, trailing.to_owned()),
            _ => return None,
        };
        if tags.split(';').any(|tag| tag.starts_with("batch=")) {
            self.history.push(tell);
            return None;
        }
        Some(tell)
    }
}

fn upgrade(address: SocketAddr, socket: TcpStream) -> WebSocket<TcpStream> {
    use tungstenite::client::IntoClientRequest;
    let mut request = format!("ws://{address}/socket").into_client_request().unwrap();
    request.headers_mut().insert("Origin", format!("http://{address}").parse().unwrap());
    request.headers_mut().insert("Sec-WebSocket-Protocol", "text.ircv3.net".parse().unwrap());
    let (socket, _) = tungstenite::client(request, socket).unwrap();
    socket
}

/// Reads a socket to its end.
pub fn read_to_end(mut socket: impl Read) -> Vec<u8> {
    let mut all = Vec::new();
    // A reset after the last byte is an end as well.
    let _ = socket.read_to_end(&mut all);
    all
}
