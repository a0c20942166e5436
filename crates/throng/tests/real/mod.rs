//! The real binary on a free port with a folder of its own, and people who talk to it over real sockets.

#![allow(clippy::unwrap_used, dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// No answer takes this long; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running server. It is killed by its own pid when the test ends.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// What it said until it was ready.
    pub said: String,
    lines: BufReader<std::process::ChildStderr>,
}

impl Server {
    /// Starts `throng serve` with these arguments, on a free port, and waits until it is ready.
    pub fn start(data: &Path, arguments: &[&str]) -> Server {
        Server::start_at("127.0.0.1:0", data, arguments)
    }

    /// The same, listening there; on TCP, with TLS or without.
    pub fn start_at(listen: &str, data: &Path, arguments: &[&str]) -> Server {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.args(["serve", "--listen", listen, "--data"]).arg(data).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let address = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the server ended before it was ready: {said}");
            said.push_str(&line);
            if let Some(rest) = line.split("address=").nth(1).filter(|_| line.contains("server.ready")) {
                let first = rest.split_whitespace().next().unwrap();
                break first.trim_start_matches("tls:").parse().unwrap();
            }
        };
        Server { child, address, said, lines }
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Reads what it says up to the first line that contains these words, and gives that one. A server that does not say it
    /// is killed.
    #[track_caller]
    pub fn read_until(&mut self, words: &str) -> String {
        let _watch = Watch::over(self.child.id());
        let mut said = String::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it ended before {words:?} came: {said}");
            if line.contains(words) {
                return line;
            }
            said.push_str(&line);
        }
    }

    /// SIGKILL, as when somebody pulls the plug of the process.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends it a signal, as `-TERM`.
    pub fn signal(&self, signal: &str) {
        let killed = Command::new("kill").arg(signal).arg(self.child.id().to_string()).status().unwrap();
        assert!(killed.success());
    }

    /// SIGTERM; gives the exit status and what was still said.
    pub fn terminate(self) -> (ExitStatus, String) {
        self.signal("-TERM");
        self.wait()
    }

    /// Waits for its end; gives the exit status and what was still said.
    pub fn wait(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.lines.read_to_string(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

/// Kills a process of this test that takes too long, so that whoever waits for it sees its end.
pub struct Watch(Option<SyncSender<()>>, Option<JoinHandle<()>>);

impl Watch {
    /// Over the process of this number, which is not waited for meanwhile.
    pub fn over(pid: u32) -> Watch {
        let (done, waits) = sync_channel(1);
        let watch = std::thread::spawn(move || {
            if waits.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
            }
        });
        Watch(Some(done), Some(watch))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        drop(self.0.take());
        let _ = self.1.take().map(JoinHandle::join);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already; both calls then have nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody at nc.
pub struct Person {
    reads: BufReader<TcpStream>,
    writes: TcpStream,
}

impl Person {
    /// Connects, and says nothing yet.
    pub fn connect(address: SocketAddr) -> Person {
        let writes = TcpStream::connect(address).unwrap();
        writes.set_read_timeout(Some(PATIENCE)).unwrap();
        writes.set_write_timeout(Some(PATIENCE)).unwrap();
        writes.set_nodelay(true).unwrap();
        Person { reads: BufReader::new(writes.try_clone().unwrap()), writes }
    }

    /// Comes in under a name, and waits until the lobby is open.
    pub fn enter(address: SocketAddr, name: &str) -> Person {
        let mut person = Person::connect(address);
        // The empty line answers whether the name shall be registered.
        person.type_line(&format!("{name}\n"));
        person.read_until("What you type goes to");
        person
    }

    /// Types a line.
    pub fn type_line(&mut self, line: &str) {
        self.writes.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.writes.write_all(bytes)
    }

    /// The next line, without its end; nothing when the server closed.
    pub fn read_line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        match self.reads.read_until(b'\n', &mut line) {
            Ok(0) => None,
            Ok(_) => Some(String::from_utf8_lossy(&line).trim_end().to_owned()),
            Err(why) if why.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(why) => panic!("no line came: {why}"),
        }
    }

    /// Reads lines up to the first that contains these words, and gives that one.
    pub fn read_until(&mut self, words: &str) -> String {
        let mut read = Vec::new();
        loop {
            let Some(line) = self.read_line() else { panic!("closed before {words:?} came: {read:#?}") };
            if line.contains(words) {
                return line;
            }
            read.push(line);
        }
    }

    /// Reads to the end.
    pub fn read_to_end(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.read_line()).collect()
    }

    /// The socket, for tests that do something unusual.
    pub fn socket(&self) -> &TcpStream {
        &self.writes
    }
}
