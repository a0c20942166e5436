//! The servers that are measured: throng and its peers, each bound to the first core, with a folder of its own.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{SyncSender, sync_channel};

use tempfile::TempDir;

use crate::process::{Process, START_MAX, free_port};
use crate::{Outcome, packages, peers};

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// throng, keeping nothing.
    ThrongMemory,
    /// throng, with each message on the disk before it is told.
    ThrongStrict,
    /// ngIRCd.
    Ngircd,
    /// InspIRCd.
    Inspircd,
}

impl Kind {
    /// As the tables name it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::ThrongMemory => "throng (memory)",
            Kind::ThrongStrict => "throng (strict)",
            Kind::Ngircd => "ngircd",
            Kind::Inspircd => "inspircd",
        }
    }

    /// Is it ours?
    pub fn is_ours(self) -> bool {
        matches!(self, Kind::ThrongMemory | Kind::ThrongStrict)
    }
}

/// Where throng's own program is, built for release.
pub fn build_throng() -> Outcome<PathBuf> {
    build(&["--package", "throng"])?;
    Ok(target().join("release/throng"))
}

/// Builds for release what these arguments of `cargo build` name.
pub fn build(what: &[&str]) -> Outcome {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built = Command::new(cargo).args(["build", "--release", "--locked"]).args(what).status()?;
    if built.success() { Ok(()) } else { Err(format!("cargo build {} failed", what.join(" ")).into()) }
}

/// Where what is built comes to lie.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A running server with a folder of its own. It ends with this value, and its folder after it.
pub struct Server {
    /// Its process.
    pub process: Process,
    /// Where it listens.
    pub address: SocketAddr,
    _folder: TempDir,
}

impl Server {
    /// Starts a server on the first core.
    pub fn start(kind: Kind, throng: &Path) -> Outcome<Server> {
        let folder = TempDir::new()?;
        match kind {
            Kind::ThrongMemory => start_throng(throng, folder, "memory"),
            Kind::ThrongStrict => start_throng(throng, folder, "strict"),
            Kind::Ngircd => start_peer(folder, &peers::NGIRCD),
            Kind::Inspircd => start_peer(folder, &peers::INSPIRCD),
        }
    }
}

/// Starts throng on the data of this folder.
pub fn start_throng(throng: &Path, folder: TempDir, durability: &str) -> Outcome<Server> {
    let mut command = pinned(throng)?;
    command.args(["serve", "--listen", "127.0.0.1:0", "--pace", "off", "--durability", durability, "--data"]);
    command.arg(folder.path()).stderr(Stdio::piped());
    let process = Process::start(&mut command)?;
    let address = told_ready(&process)?;
    Ok(Server { process, address, _folder: folder })
}

/// Where a throng listens, which says so on its standard error when it is ready.
pub fn told_ready(process: &Process) -> Outcome<SocketAddr> {
    let words = process.child().stderr.take().ok_or("no standard error")?;
    // The reader ends with the process. It says one thing, so it never waits for us.
    let (ready, readies) = sync_channel(1);
    std::thread::spawn(move || read_words(words, &ready));
    let told = readies.recv_timeout(START_MAX);
    told.map_err(|_| format!("throng was not ready within {START_MAX:?}"))?
        .map_err(|words| format!("throng ended before it was ready:\n{words}").into())
}

/// Reads what throng says until it ends: where it listens, or all that it said when it never did.
fn read_words(words: impl Read, ready: &SyncSender<Result<SocketAddr, String>>) {
    let mut lines = BufReader::new(words).lines().map_while(Result::ok);
    let mut said = String::new();
    let told = loop {
        let Some(line) = lines.next() else { break Err(said) };
        if let Some(address) = ready_at(&line) {
            break Ok(address);
        }
        said = said + &line + "\n";
    };
    // Nobody listens any more when it came too late.
    let _ = ready.send(told);
    // Whatever else it says is read and dropped, or it would wait for us one day.
    lines.for_each(drop);
}

/// The address in the line that says that throng is ready.
fn ready_at(line: &str) -> Option<SocketAddr> {
    let behind = line.split_once("server.ready")?.1;
    behind.split_whitespace().find_map(|word| word.strip_prefix("address=")?.parse().ok())
}

/// Starts a peer, with a port that was free a moment ago.
fn start_peer(folder: TempDir, peer: &peers::Peer) -> Outcome<Server> {
    let program = packages::need(peer.program, peer.program)?;
    let address = free_port()?;
    let config = folder.path().join("config");
    std::fs::write(&config, (peer.config)(address, folder.path()))?;
    let words = folder.path().join("words");
    let mut command = pinned(&program)?;
    command.args(peer.arguments).arg(&config);
    command.stdout(File::create(&words)?).stderr(File::options().append(true).open(&words)?);
    let process = Process::start(&mut command)?;
    process.wait_for(address).map_err(|why| {
        let said = std::fs::read_to_string(&words).unwrap_or_default();
        format!("{why}\n{said}")
    })?;
    Ok(Server { process, address, _folder: folder })
}

/// A program bound to the first core; the crowd has the second.
pub fn pinned(program: &Path) -> Outcome<Command> {
    let mut command = Command::new(packages::need("taskset", "util-linux")?);
    command.args(["-c", "0"]).arg(program).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_says_ready_says_where() {
        for (line, expected) in [
            ("2026-11-20 19:05 info server.ready address=127.0.0.1:4 ms=12", Some("127.0.0.1:4")),
            ("server.ready ms=12 address=[::1]:4", Some("[::1]:4")),
            ("conn.opened address=127.0.0.1:4", None),
            ("server.ready", None),
        ] {
            assert_eq!(ready_at(line), expected.map(|address| address.parse().unwrap()), "{line}");
        }
    }

    #[test]
    fn what_throng_said_before_it_ended_is_told() {
        for (words, expected) in [
            ("a\nserver.ready address=127.0.0.1:4\nb\n", Ok("127.0.0.1:4".parse().unwrap())),
            ("error: no\nhint: yes\n", Err("error: no\nhint: yes\n".to_owned())),
        ] {
            let (ready, readies) = sync_channel(1);
            read_words(words.as_bytes(), &ready);
            assert_eq!(readies.recv().unwrap(), expected);
        }
    }
}
