//! The servers that echo: the library's, a plain loop in C, tokio's own, and Python's two. Each is told an address, says in
//! its first line where it listens, and is bound to the first core.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;

use crate::process::{Process, START_MAX};
use crate::servers::{build, pinned, root, target};
use crate::{Outcome, packages};

/// A thread for each connection is no way to serve more.
const THREADS_MAX: usize = 1000;

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contender {
    /// The library's manual.
    Throng,
    /// A plain loop over epoll: the yardstick.
    EpollC,
    /// tokio's, on its runtime of many threads.
    TokioMt,
    /// tokio's, on its runtime of one thread.
    TokioCt,
    /// Python's, a thread for each connection.
    Socketserver,
    /// Python's, by a protocol.
    Asyncio,
}

impl Contender {
    const ALL: [Contender; 6] = [
        Contender::Throng,
        Contender::EpollC,
        Contender::TokioMt,
        Contender::TokioCt,
        Contender::Socketserver,
        Contender::Asyncio,
    ];

    /// As it is asked for, and as the tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Contender::Throng => "throng",
            Contender::EpollC => "epoll-c",
            Contender::TokioMt => "tokio-mt",
            Contender::TokioCt => "tokio-ct",
            Contender::Socketserver => "socketserver",
            Contender::Asyncio => "asyncio",
        }
    }

    /// The one with this name.
    pub fn parse(word: &str) -> Result<Contender, String> {
        let names = Contender::ALL.map(Contender::name).join(", ");
        Contender::ALL.into_iter().find(|of| of.name() == word).ok_or_else(|| format!("one of {names}"))
    }

    /// Can it serve so many connections?
    pub fn serves(self, connections: usize) -> bool {
        self != Contender::Socketserver || connections <= THREADS_MAX
    }

    /// What it is written in, if it needs Python.
    fn script(self) -> Option<&'static str> {
        match self {
            Contender::Socketserver => Some("socketserver_echo.py"),
            Contender::Asyncio => Some("asyncio_echo.py"),
            _ => None,
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Contender::TokioMt => &["mt"],
            Contender::TokioCt => &["ct"],
            _ => &[],
        }
    }
}

/// Servers that are ready to be started.
pub struct Contenders {
    /// Which, in the order that was asked for, but for those that this machine has no program for.
    pub all: Vec<Contender>,
    python: Option<PathBuf>,
}

impl Contenders {
    /// Builds what is asked for.
    pub fn prepare(asked: &[Contender]) -> Outcome<Contenders> {
        let examples: Vec<&str> = [
            ("throng_echo", [Contender::Throng].as_slice()),
            ("tokio_echo", [Contender::TokioMt, Contender::TokioCt].as_slice()),
        ]
        .into_iter()
        .filter(|(_, of)| of.iter().any(|of| asked.contains(of)))
        .flat_map(|(example, _)| ["--example", example])
        .collect();
        if !examples.is_empty() {
            build(&[&["--package", "xtask"], examples.as_slice()].concat())?;
        }
        if asked.contains(&Contender::EpollC) {
            compile(&peer("epoll_echo.c"), &epoll_echo())?;
        }
        let python = packages::find("python3");
        let (all, skipped): (Vec<Contender>, Vec<Contender>) =
            asked.iter().copied().partition(|of| of.script().is_none() || python.is_some());
        for of in skipped {
            eprintln!("skipping {}: there is no python3", of.name());
        }
        Ok(Contenders { all, python })
    }

    /// Starts one of them, at a free port.
    pub fn start(&self, which: Contender) -> Outcome<Server> {
        let example = |name| target().join("release/examples").join(name);
        let mut command = match which {
            Contender::Throng => pinned(&example("throng_echo"))?,
            Contender::TokioMt | Contender::TokioCt => pinned(&example("tokio_echo"))?,
            Contender::EpollC => pinned(&epoll_echo())?,
            Contender::Socketserver | Contender::Asyncio => {
                pinned(self.python.as_deref().ok_or("there is no python3")?)?
            }
        };
        command.args(which.script().map(peer)).args(which.arguments()).arg("127.0.0.1:0");
        let process = Process::start(command.stdout(Stdio::piped()))?;
        let words = process.child().stdout.take().ok_or("no standard output")?;
        let address = first_line(words)?.trim().parse().map_err(|_| "it did not say where it listens")?;
        Ok(Server { process, address })
    }
}

/// A running server. It ends with this value.
pub struct Server {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
}

/// The first line that it says; it may say nothing for so long, but not for ever.
fn first_line(words: impl Read + Send + 'static) -> Outcome<String> {
    // One line is sent, so the reader never waits for us, and it ends with the process at the latest.
    let (said, says) = sync_channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        let _ = said.send(BufReader::new(words).read_line(&mut line).map(|_| line));
    });
    let line = says.recv_timeout(START_MAX).map_err(|_| format!("it said nothing within {START_MAX:?}"))?;
    Ok(line?)
}

fn peer(file: &str) -> PathBuf {
    root().join("xtask/peers").join(file)
}

fn epoll_echo() -> PathBuf {
    target().join("release/epoll_echo")
}

fn compile(source: &Path, program: &Path) -> Outcome {
    let Some(cc) = packages::find("cc") else {
        return Err("epoll-c is the yardstick and is written in C, but there is no cc: \
                    please install a C compiler (Debian: gcc), or leave it out with --servers"
            .into());
    };
    std::fs::create_dir_all(target().join("release"))?;
    let compiled = Command::new(cc).args(["-O2", "-Wall", "-o"]).arg(program).arg(source).status()?;
    if compiled.success() { Ok(()) } else { Err(format!("cc could not compile {}", source.display()).into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        for contender in Contender::ALL {
            assert_eq!(Contender::parse(contender.name()), Ok(contender));
        }
        assert!(Contender::parse("nginx").unwrap_err().starts_with("one of throng, epoll-c, "));
    }

    #[test]
    fn threads_serve_no_more_than_a_thousand() {
        let serves = |connections| Contender::ALL.into_iter().filter(|of| of.serves(connections)).count();
        assert_eq!((serves(1000), serves(1001)), (6, 5));
    }

    #[test]
    fn only_the_first_line_is_waited_for() {
        assert_eq!(first_line(&b"127.0.0.1:4\nmore"[..]).unwrap(), "127.0.0.1:4\n");
        assert_eq!(first_line(&b""[..]).unwrap(), "", "it ended");
    }
}
