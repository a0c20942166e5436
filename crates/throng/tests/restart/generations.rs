//! A server and those that follow it, as processes.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};

use crate::pty::send_signal;
use crate::real::PATIENCE;

/// Lines that may wait to be read by a test.
const LINES_MAX: usize = 4096;

/// All generations of a server. They share one standard error.
pub struct Generations {
    first: Child,
    data: PathBuf,
    lines: Mutex<Receiver<String>>,
    /// Where they listen, all of them.
    pub address: SocketAddr,
}

impl Generations {
    /// `throng serve` with these arguments, on a free port, when it is ready.
    pub fn start(data: &Path, arguments: &[&str]) -> Generations {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.args(["serve", "--listen", "127.0.0.1:0"]).args(arguments);
        Generations::of(command, data)
    }

    /// The same by this command.
    pub fn of(mut command: Command, data: &Path) -> Generations {
        command.arg("--data").arg(data);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut first = command.spawn().unwrap();
        drop(command);
        let (tell, lines) = sync_channel(LINES_MAX);
        let stderr = BufReader::new(first.stderr.take().unwrap());
        std::thread::spawn(move || stderr.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let lines = Mutex::new(lines);
        let mut server =
            Generations { first, data: data.to_owned(), lines, address: "127.0.0.1:1".parse().unwrap() };
        server.address = server.ready();
        server
    }

    /// Waits until a generation is ready: where it listens.
    #[track_caller]
    pub fn ready(&self) -> SocketAddr {
        let line = self.read_until("server.ready");
        line.split("address=").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap()
    }

    /// Reads lines up to the first that contains these words, and gives that one.
    #[track_caller]
    pub fn read_until(&self, words: &str) -> String {
        let mut read = Vec::new();
        loop {
            let Ok(line) = self.lines.lock().unwrap().recv_timeout(PATIENCE) else {
                panic!("{words:?} did not come: {read:#?}");
            };
            if line.contains(words) {
                return line;
            }
            read.push(line);
        }
    }

    /// The process that holds the data now, as it says itself; it does when it is ready.
    pub fn pid(&self) -> Option<u32> {
        let told = std::fs::read_to_string(self.data.join("throng.lock")).ok()?;
        let told: serde_json::Value = serde_json::from_str(&told).ok()?;
        told["pid"].as_u64()?.try_into().ok()
    }

    /// To the one that holds the data.
    pub fn signal(&self, signal: &str) {
        send_signal(signal, self.pid().unwrap());
    }

    /// Lets the next one take over, and waits until it is ready.
    pub fn restart(&self) {
        self.signal("-USR2");
        assert_eq!(self.ready(), self.address);
    }

    /// Ends the last generation, and waits until nobody has the standard error any more.
    pub fn terminate(self) -> String {
        self.signal("-TERM");
        let mut said = String::new();
        loop {
            match self.lines.lock().unwrap().recv_timeout(PATIENCE) {
                Ok(line) => said = said + &line + "\n",
                Err(why) => {
                    assert_eq!(why, RecvTimeoutError::Disconnected, "{said}");
                    return said;
                }
            }
        }
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        // When a test failed, or the first generation is gone for long: each by its own number. One that ended has cleared
        // what it told; a new process that only waits ends with the one that started it.
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}
