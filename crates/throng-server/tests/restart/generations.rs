//! A server and those that follow it, as the test sees them: what they are told, and what they tell.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};

use crate::place::PATIENCE;
use crate::roles::{PLACES, ROLE};

/// Lines that may wait to be read by a test.
const LINES_MAX: usize = 1024;

/// All generations of a server.
pub(crate) struct Generations {
    pub(crate) first: Child,
    orders: Option<ChildStdin>,
    told: Receiver<String>,
    pub(crate) address: SocketAddr,
}

impl Generations {
    /// The first one, at these places.
    pub(crate) fn begin(places: &str) -> Generations {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.env(ROLE, "serve").env(PLACES, places);
        Generations::of(command)
    }

    /// The first one, by this command.
    pub(crate) fn of(mut command: Command) -> Generations {
        let mut first = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        drop(command);
        let (tell, told) = sync_channel(LINES_MAX);
        let lines = BufReader::new(first.stdout.take().unwrap());
        std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|line| tell.send(line)));
        let orders = first.stdin.take();
        let mut begun = Generations { first, orders, told, address: "127.0.0.1:1".parse().unwrap() };
        let open = begun.hear("open");
        if let Ok(address) = open[1].split(',').next().unwrap().parse() {
            begun.address = address;
        }
        begun
    }

    /// Tells the last one what to do.
    pub(crate) fn order(&mut self, order: &str) {
        self.orders.as_mut().unwrap().write_all(format!("{order}\n").as_bytes()).unwrap();
    }

    /// The words behind the next line that begins so.
    #[track_caller]
    pub(crate) fn hear(&self, word: &str) -> Vec<String> {
        loop {
            let line = self.told.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("{word:?} did not come"));
            if let Some(rest) = line.strip_prefix(word) {
                return rest.split_whitespace().map(str::to_owned).collect();
            }
            assert!(line.starts_with("drained") || word == "drained", "{line:?} came instead of {word:?}");
        }
    }

    /// Restarts, and gives the words of the new one behind `open`.
    #[track_caller]
    pub(crate) fn restart(&mut self) -> Vec<String> {
        self.order("restart");
        self.restarted()
    }

    /// Both generations tell as they come to it.
    #[track_caller]
    pub(crate) fn restarted(&self) -> Vec<String> {
        let told = std::array::from_fn::<_, 3, _>(|_| self.told.recv_timeout(PATIENCE));
        let mut told = told.map(|line| line.expect("both generations tell"));
        told.sort();
        let words = |line: &str| line.split_whitespace().skip(1).map(str::to_owned).collect::<Vec<_>>();
        let (open, restarted) = (words(&told[1]), words(&told[2]));
        assert_eq!(told[0], "drained cut=0", "{told:?}");
        assert!(told[1].starts_with("open ") && told[2].starts_with("restarted "), "{told:?}");
        assert_eq!(open[0], restarted[0]);
        open
    }

    /// The end of the input is the end of the last generation, and the end of the output the proof of it.
    pub(crate) fn end(mut self) {
        self.orders = None;
        while self.told.recv_timeout(PATIENCE).is_ok() {}
        assert!(self.first.wait().unwrap().success());
    }
}

impl Drop for Generations {
    fn drop(&mut self) {
        // When a test failed: the first generation by its number; others end with their input.
        let _ = self.first.kill();
        let _ = self.first.wait();
    }
}
