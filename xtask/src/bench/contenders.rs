//! The servers that echo: throng's own, a plain loop in C, tokio's, and Python's two. Each is told an address, says where it
//! listens, and is bound to the first core.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;

use crate::process::{Process, START_MAX};
use crate::servers::{build, build_throng, pinned, root, target, told_ready};
use crate::{Outcome, packages};

/// A thread for each connection is no way to serve more.
const THREADS_MAX: usize = 1000;

/// The most connections: more do not fit into the ports of one address.
pub const CONNECTIONS_MAX: usize = 28_000;

/// The library's echo, and others.
pub const ECHOES: &[Contender] = &[
    Contender::new("throng", Program::Example("throng_echo", &[])),
    Contender::EPOLL_C,
    Contender::TOKIO_MT,
    Contender::TOKIO_CT,
    SOCKETSERVER,
    ASYNCIO,
];

/// One echo by every model, by plain blocking code on threads, and by Python's two.
pub const MODELS: &[Contender] = &[
    Contender::new("sequential", Program::Model("sequential")).at_most(1),
    Contender::new("threads", Program::Model("threads")).at_most(THREADS_MAX),
    Contender::new("blocking", Program::Example("blocking_echo", &[])).at_most(THREADS_MAX),
    Contender::new("pool", Program::Model("pool")),
    Contender::new("events", Program::Model("events")),
    Contender::new("processes", Program::Model("processes")),
    SOCKETSERVER,
    ASYNCIO,
];

const SOCKETSERVER: Contender =
    Contender::new("socketserver", Program::Python("socketserver_echo.py")).at_most(THREADS_MAX);

const ASYNCIO: Contender = Contender::new("asyncio", Program::Python("asyncio_echo.py"));

/// A server that echoes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contender {
    /// As it is asked for, and as the tables name it.
    pub name: &'static str,
    /// How many it serves at once.
    pub clients_max: usize,
    program: Program,
}

/// What serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    /// throng itself, by this model.
    Model(&'static str),
    /// An example of this crate, with its arguments.
    Example(&'static str, &'static [&'static str]),
    /// A plain loop over epoll.
    EpollC,
    /// A script among the peers.
    Python(&'static str),
}

impl Contender {
    /// The yardstick.
    pub const EPOLL_C: Contender = Contender::new("epoll-c", Program::EpollC);

    /// tokio's, on its runtime of many threads.
    pub const TOKIO_MT: Contender = Contender::new("tokio-mt", Program::Example("tokio_echo", &["mt"]));

    /// tokio's, on its runtime of one thread.
    pub const TOKIO_CT: Contender = Contender::new("tokio-ct", Program::Example("tokio_echo", &["ct"]));

    const fn new(name: &'static str, program: Program) -> Contender {
        Contender { name, clients_max: usize::MAX, program }
    }

    const fn at_most(self, clients_max: usize) -> Contender {
        Contender { clients_max, ..self }
    }

    /// The one with this name.
    pub fn parse(word: &str, among: &[Contender]) -> Result<Contender, String> {
        let found = among.iter().copied().find(|of| of.name == word);
        found.ok_or_else(|| format!("one of {}", names(among).join(", ")))
    }

    /// Can it serve so many connections?
    pub fn serves(&self, connections: usize) -> bool {
        connections <= self.clients_max
    }

    /// Is it written in Python?
    pub fn is_python(&self) -> bool {
        matches!(self.program, Program::Python(_))
    }
}

/// What they are called.
pub fn names(of: &[Contender]) -> Vec<&'static str> {
    of.iter().map(|of| of.name).collect()
}

/// Servers that are ready to be started.
pub struct Contenders {
    /// Which, in the order that was asked for, but for those that this machine has no program for.
    pub all: Vec<Contender>,
    throng: PathBuf,
    python: Option<PathBuf>,
}

impl Contenders {
    /// Builds what is asked for.
    pub fn prepare(asked: &[Contender]) -> Outcome<Contenders> {
        build_examples(asked)?;
        let models = asked.iter().any(|of| matches!(of.program, Program::Model(_)));
        let throng = if models { build_throng()? } else { PathBuf::new() };
        if asked.contains(&Contender::EPOLL_C) {
            compile(&peer("epoll_echo.c"), &epoll_echo())?;
        }
        let python = packages::find("python3");
        let (all, skipped): (Vec<Contender>, Vec<Contender>) =
            asked.iter().copied().partition(|of| !of.is_python() || python.is_some());
        for of in skipped {
            eprintln!("skipping {}: there is no python3", of.name);
        }
        Ok(Contenders { all, throng, python })
    }

    /// Starts one of them, at a free port.
    pub fn start(&self, which: Contender) -> Outcome<Server> {
        let mut command = self.command(which.program)?;
        command.arg("127.0.0.1:0");
        if let Program::Model(_) = which.program {
            let process = Process::start(command.stderr(Stdio::piped()))?;
            let address = told_ready(&process)?;
            return Ok(Server { process, address });
        }
        let process = Process::start(command.stdout(Stdio::piped()))?;
        let words = process.child().stdout.take().ok_or("no standard output")?;
        let address = first_line(words)?.trim().parse().map_err(|_| "it did not say where it listens")?;
        Ok(Server { process, address })
    }

    /// What starts it; the address follows.
    fn command(&self, program: Program) -> Outcome<Command> {
        let mut command = pinned(&match program {
            Program::Model(_) => self.throng.clone(),
            Program::Example(example, _) => target().join("release/examples").join(example),
            Program::EpollC => epoll_echo(),
            Program::Python(_) => self.python.clone().ok_or("there is no python3")?,
        })?;
        match program {
            Program::Model(model) => command.args(["serve", "echo", "--model", model, "--listen"]),
            Program::Example(_, arguments) => command.args(arguments),
            Program::Python(script) => command.arg(peer(script)),
            Program::EpollC => &mut command,
        };
        Ok(command)
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

/// Builds those that are examples of this crate.
fn build_examples(asked: &[Contender]) -> Outcome {
    let mut examples: Vec<&str> = Vec::new();
    for of in asked {
        if let Program::Example(example, _) = of.program {
            examples.extend(["--example", example]);
        }
    }
    if examples.is_empty() { Ok(()) } else { build(&[&["--package", "xtask"], examples.as_slice()].concat()) }
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
        for among in [ECHOES, MODELS] {
            for contender in among {
                assert_eq!(Contender::parse(contender.name, among), Ok(*contender));
            }
        }
        let refused = Contender::parse("nginx", ECHOES).unwrap_err();
        assert!(refused.starts_with("one of throng, epoll-c, "), "{refused}");
        assert!(Contender::parse("throng", MODELS).is_err(), "it is not one of these");
    }

    #[test]
    fn threads_serve_no_more_than_a_thousand_and_one_thread_one() {
        let serve =
            |among: &[Contender], connections| among.iter().filter(|of| of.serves(connections)).count();
        assert_eq!([1000, 1001].map(|connections| serve(ECHOES, connections)), [6, 5]);
        assert_eq!([1, 2, 1000, 1001].map(|connections| serve(MODELS, connections)), [8, 7, 7, 4]);
    }

    #[test]
    fn only_the_first_line_is_waited_for() {
        assert_eq!(first_line(&b"127.0.0.1:4\nmore"[..]).unwrap(), "127.0.0.1:4\n");
        assert_eq!(first_line(&b""[..]).unwrap(), "", "it ended");
    }
}
