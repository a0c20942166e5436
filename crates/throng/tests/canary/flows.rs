//! What people do with their secrets at each door. Three wrong ones in a minute shut this machine out, so those come last, and
//! each server has three of its own; what comes behind them is refused before it is looked at, which is one more way.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use data_encoding::BASE64;

use crate::evidence::Evidence;
use crate::scram;

/// No answer takes this long; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const FIRST: &str = "canary-first-9b41c7";
pub const SECOND: &str = "canary-second-d20e55";
pub const WRONG: &str = "canary-wrong-77aa10";
pub const WRONG_TOKEN: &str = "throng_canaryQeQeQeQeQeQeQeQeQeQeQeQeQeQeQeQeQeQeA";
pub const SHORT: &str = "cnry-7q";
pub const CODE: &str = "CANRY-XQZJK-VWXYZ-PQRST";
pub const SAID_ALOUD: &str = "this was said aloud";

/// Longer than a password may be.
pub fn long() -> String {
    "canary-long-".repeat(100)
}

/// A client that remembers all that it hears.
pub struct Talker {
    who: &'static str,
    socket: TcpStream,
    heard: Vec<u8>,
    looked: usize,
}

impl Talker {
    fn connect(address: SocketAddr, who: &'static str) -> Talker {
        let socket = TcpStream::connect(address).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.set_write_timeout(Some(PATIENCE)).unwrap();
        Talker { who, socket, heard: Vec::new(), looked: 0 }
    }

    fn say(&mut self, line: &str) {
        self.socket.write_all(format!("{line}\r\n").as_bytes()).unwrap();
    }

    /// Reads until these words come behind what was looked at before; gives all up to the end of what is there.
    fn until(&mut self, words: &str) -> String {
        loop {
            let new = &self.heard[self.looked..];
            let found = new.windows(words.len()).position(|window| window == words.as_bytes());
            let new = String::from_utf8_lossy(&new[..found.unwrap_or(new.len())]).into_owned();
            if let Some(at) = found {
                self.looked += at + words.len();
                return new;
            }
            let mut bytes = [0; 4096];
            let read = self
                .socket
                .read(&mut bytes)
                .unwrap_or_else(|why| panic!("{}: {words:?}: {why}: {new}", self.who));
            assert!(read > 0, "{} was closed before {words:?}: {new}", self.who);
            self.heard.extend_from_slice(&bytes[..read]);
        }
    }

    fn asks(&mut self, line: &str, answer: &str) {
        self.say(line);
        self.until(answer);
    }

    /// The token that comes next. Its owner heard it once; from there it is taken away.
    fn token(&mut self, evidence: &mut Evidence) -> String {
        self.until("throng_");
        let token = format!("throng_{}", self.until("\r\n"));
        let at = self.heard.windows(token.len()).position(|window| window == token.as_bytes()).unwrap();
        self.heard.drain(at..at + token.len());
        self.looked -= token.len();
        evidence.tokens.push(token.clone());
        token
    }

    /// Goes, and leaves what it heard.
    fn leave(self, evidence: &mut Evidence) {
        evidence.keep(&format!("what {} heard", self.who), &self.heard);
    }
}

const IN_LOBBY: &str = "What you type goes";
const FREE: &str = "or an empty line to stay a guest: ";
const OWNED: &str = "Its password (not shown)";

/// Everything that the line door has.
pub fn by_lines(address: SocketAddr, evidence: &mut Evidence) {
    let mut ana = Talker::connect(address, "ana at the line door");
    ana.asks("ana", FREE);
    for bad in [SHORT, &long()] {
        ana.asks(bad, "Another one (not shown)");
    }
    ana.asks(FIRST, "The same once more: ");
    ana.asks(FIRST, "Registered.");
    ana.until(IN_LOBBY);
    ana.asks(SAID_ALOUD, SAID_ALOUD);
    ana.say("/token old phone");
    ana.token(evidence);
    for (again, said) in [(WRONG, "two different passwords"), (SECOND, "Your password is another one now")] {
        ana.asks("/password scram", "up to now (not shown): ");
        ana.asks(FIRST, "The new one (not shown): ");
        ana.asks(SECOND, "The same once more: ");
        ana.asks(again, said);
    }
    ana.say("/token phone");
    let token = ana.token(evidence);

    let mut cyd = Talker::connect(address, "cyd at the line door");
    cyd.asks("cyd", FREE);
    cyd.asks("", IN_LOBBY);
    cyd.asks("/register scram", "New password for cyd (not shown): ");
    cyd.asks(FIRST, "The same once more: ");
    cyd.asks(WRONG, "two different passwords, so nothing was registered.");
    cyd.asks("/register", "New password for cyd (not shown): ");
    cyd.asks(FIRST, "The same once more: ");
    cyd.asks(FIRST, "Registered.");
    cyd.asks("/logout", "You are signed out.");
    cyd.asks(&format!("/login cyd {FIRST}"), "You are signed in as cyd.");

    let mut phone = Talker::connect(address, "ana's phone");
    phone.asks(&format!("/login ana token {token}"), IN_LOBBY);
    phone.asks("/sessions", "phone");
    ana.asks("/revoke all", "All your devices are signed out.");
    phone.until("this device was signed out");

    let mut guesser = Talker::connect(address, "a guesser");
    guesser.asks("ana", OWNED);
    guesser.asks(WRONG, "! Not signed in: ");
    guesser.until("Password for ana (not shown): ");
    guesser.asks("", "Pick another name:");
    guesser.asks(&format!("/login cyd token {WRONG_TOKEN}"), "! Not signed in: ");
    ana.asks("/password", "up to now (not shown): ");
    ana.asks(WRONG, "The new one (not shown): ");
    ana.asks(FIRST, "The same once more: ");
    ana.asks(FIRST, "that is not your password.");
    ana.asks(&format!("/operator {CODE}"), "! Not done: ");
    cyd.asks("/logout", "You are signed out.");
    cyd.asks(&format!("/login cyd {FIRST}"), "! Not signed in: ");
    for gone in [ana, cyd, phone, guesser] {
        gone.leave(evidence);
    }
}

fn enter(client: &mut Talker, nick: &str) {
    client.say(&format!("NICK {nick}"));
    client.asks("USER u 0 * :somebody", " 422 ");
}

fn sasl(client: &mut Talker, account: &str, password: &str, answer: &str) {
    client.asks("CAP REQ :sasl", " ACK ");
    client.asks("AUTHENTICATE PLAIN", "AUTHENTICATE +");
    let letters = BASE64.encode(format!("\0{account}\0{password}").as_bytes());
    client.asks(&format!("AUTHENTICATE {letters}"), answer);
    client.say("CAP END");
}

/// The first and the last message of SCRAM-SHA-256.
fn prove(client: &mut Talker, account: &str, password: &str, answer: &str) {
    client.asks("AUTHENTICATE SCRAM-SHA-256", "AUTHENTICATE +\r\n");
    client
        .asks(&format!("AUTHENTICATE {}", BASE64.encode(scram::first(account).as_bytes())), "AUTHENTICATE ");
    let challenge = client.until("\r\n");
    let challenge = String::from_utf8(BASE64.decode(challenge.as_bytes()).unwrap()).unwrap();
    let (last, _) = scram::last(account, password, &challenge);
    client.asks(&format!("AUTHENTICATE {}", BASE64.encode(last.as_bytes())), answer);
}

/// Everything that the IRC door has; `bo` was made by the command line, `ana` at the line door.
pub fn by_irc(address: SocketAddr, evidence: &mut Evidence) {
    let mut dee = Talker::connect(address, "dee at the IRC door");
    dee.asks("CAP LS 302", " LS ");
    dee.say("NICK dee");
    dee.asks(&format!("REGISTER * * {SHORT}"), "FAIL REGISTER WEAK_PASSWORD");
    dee.asks(&format!("REGISTER * * {FIRST}"), "REGISTER SUCCESS dee");
    dee.say("USER u 0 * :Dee");
    dee.asks("CAP END", " 422 ");
    dee.asks(&format!("NS SET PASSWORD {FIRST} {SECOND}"), "Your password is the new one.");
    dee.asks(&format!("NS SET SCRAM {SECOND}"), "are kept of your password now.");
    // The verb was forgotten.
    dee.asks(&format!("NS {SECOND}"), "I do not know that.");
    dee.say("PRIVMSG NickServ :TOKEN tablet");
    let token = dee.token(evidence);
    dee.asks(&format!("OPER dee {SECOND}"), " 491 ");
    dee.asks("NS LOGOUT", "You are logged out.");
    dee.asks(&format!("PRIVMSG NickServ :IDENTIFY dee {SECOND}"), "You are logged in as dee.");

    let mut tablet = Talker::connect(address, "dee's tablet");
    // A password for another server is said to this one as well.
    tablet.say(&format!("PASS {WRONG}"));
    tablet.say(&format!("PASS dee:{token}"));
    enter(&mut tablet, "dee");
    dee.asks("NS REVOKE all", "All tokens are void.");
    tablet.until("this device was signed out");

    let mut bo = Talker::connect(address, "bo at the IRC door");
    sasl(&mut bo, "bo", FIRST, " 903 ");
    enter(&mut bo, "bo");
    let mut ana = Talker::connect(address, "ana at the IRC door");
    prove(&mut ana, "ana", SECOND, " 900 ");

    let mut guesser = Talker::connect(address, "a guesser over IRC");
    sasl(&mut guesser, "bo", WRONG, " 904 ");
    bo.asks(&format!("NS SET PASSWORD {WRONG} {SECOND}"), "No: the name or the password is wrong");
    let mut other = Talker::connect(address, "another guesser over IRC");
    other.say(&format!("PASS ana:{WRONG}"));
    other.say("NICK ana");
    other.asks("USER u 0 * :Ana", " 464 ");
    enter(&mut guesser, "guesser");
    guesser.asks(&format!("NS IDENTIFY dee {WRONG}"), "No: ");
    guesser.asks(&format!("OPER ana {WRONG}"), " 464 ");
    for gone in [dee, tablet, bo, ana, guesser, other] {
        gone.leave(evidence);
    }
}

/// What the prompt is asked about; those who are still here stay until it was.
pub fn beside_the_prompt(address: SocketAddr, evidence: &mut Evidence) -> [TcpStream; 2] {
    let mut eve = Talker::connect(address, "eve beside the prompt");
    eve.asks("eve", FREE);
    eve.asks(FIRST, "The same once more: ");
    eve.asks(FIRST, "Registered.");
    eve.until(IN_LOBBY);
    let mut bo = Talker::connect(address, "bo beside the prompt");
    bo.asks("bo", OWNED);
    bo.asks(SECOND, IN_LOBBY);
    bo.say("/token phone");
    bo.token(evidence);
    bo.asks(&format!("/operator {CODE}"), "! Not done: ");
    let mut guesser = Talker::connect(address, "a guesser beside the prompt");
    prove(&mut guesser, "bo", WRONG, " 904 ");
    let still = [&eve, &bo].map(|one| one.socket.try_clone().unwrap());
    for gone in [eve, bo, guesser] {
        gone.leave(evidence);
    }
    still
}
