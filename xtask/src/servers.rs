//! The servers that are measured: throng, and its peers from Debian, set up so that nothing but their own work limits them.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::{Outcome, packages};

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
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let built =
        Command::new(cargo).args(["build", "--release", "--locked", "--package", "throng"]).status()?;
    if !built.success() {
        return Err("throng could not be built".into());
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(target.join("release/throng"))
}

/// The root of the workspace.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// A running server with a folder of its own.
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
            Kind::Ngircd => start_ngircd(folder),
            Kind::Inspircd => start_inspircd(folder),
        }
    }
}

/// Starts throng on the data of this folder.
pub fn start_throng(throng: &Path, folder: TempDir, durability: &str) -> Outcome<Server> {
    let mut command = pinned(throng)?;
    command.args(["serve", "--listen", "127.0.0.1:0", "--pace", "off", "--durability", durability, "--data"]);
    command.arg(folder.path());
    let mut process = Process::new(command.stderr(Stdio::piped()).spawn()?);
    let mut lines = BufReader::new(process.child().stderr.take().ok_or("no standard error")?);
    let address = loop {
        let mut line = String::new();
        if lines.read_line(&mut line)? == 0 {
            return Err("throng ended before it was ready".into());
        }
        if let Some(rest) = line.split("address=").nth(1) {
            break rest.split_whitespace().next().unwrap_or_default().parse()?;
        }
    };
    // Whatever else it says is read and dropped, or it would wait for us one day.
    std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
    Ok(Server { process, address, _folder: folder })
}

/// A program bound to the first core; the crowd has the second.
fn pinned(program: &Path) -> Outcome<Command> {
    let mut command = Command::new(packages::need("taskset", "util-linux")?);
    command.args(["-c", "0"]).arg(program).stdin(Stdio::null()).stdout(Stdio::null());
    Ok(command)
}

fn start_ngircd(folder: TempDir) -> Outcome<Server> {
    let program = packages::need("ngircd", "ngircd")?;
    let address = free_port()?;
    let config = folder.path().join("ngircd.conf");
    std::fs::write(
        &config,
        format!(
            "[Global]\nName = irc.example.net\nInfo = bench\nListen = {}\nPorts = {}\nServerUID = {user}\nServerGID = {group}\n\
             MotdPhrase = hello\n[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\nMaxNickLength = 9\n\
             MaxPenaltyTime = 0\nPingTimeout = 3600\nPongTimeout = 3600\n[Options]\nDNS = no\nIdent = no\nPAM = no\n",
            address.ip(),
            address.port(),
            user = "root",
            group = "root",
        ),
    )?;
    let mut command = pinned(&program)?;
    command.arg("--nodaemon").arg("--config").arg(&config).stderr(Stdio::null());
    listening(command, address, folder)
}

fn start_inspircd(folder: TempDir) -> Outcome<Server> {
    let program = packages::need("inspircd", "inspircd")?;
    let address = free_port()?;
    let config = folder.path().join("inspircd.conf");
    std::fs::write(
        &config,
        format!(
            r#"<config format="xml">
<server name="irc.example.net" description="bench" network="bench" id="00A">
<bind address="{}" port="{}" type="clients">
<connect allow="*" timeout="60" pingfreq="3600" hardsendq="64M" softsendq="64M" recvq="1M" threshold="1000000000"
 commandrate="1000000000" fakelag="no" localmax="100000" globalmax="100000" maxconnwarn="no" resolvehostnames="no"
 useident="no" limit="100000" modes="">
<class name="Shutdown" commands="DIE RESTART">
<performance netbuffersize="65536" somaxconn="4096" softlimit="100000" quietbursts="yes" nouserdns="yes">
<options defaultmodes="nt" moronbanner="no" splitwhois="no" syntaxhints="no" allowzerolimit="no">
<limits maxnick="30" maxchan="64" maxmodes="20" maxident="12" maxhost="64" maxquit="255" maxtopic="307" maxkick="255" maxreal="128" maxaway="200">
<security hideserver="" announceinvites="none" runasuser="" runasgroup="">
<path pid="{folder}/inspircd.pid" datadir="{folder}" logdir="{folder}" runtimedir="{folder}">
<log method="file" type="* -USERINPUT -USEROUTPUT" level="default" target="{folder}/inspircd.log">
"#,
            address.ip(),
            address.port(),
            folder = folder.path().display(),
        ),
    )?;
    let mut command = pinned(&program)?;
    command.args(["--nofork", "--nopid", "--runasroot", "--config"]).arg(&config).stderr(Stdio::null());
    listening(command, address, folder)
}

fn listening(mut command: Command, address: SocketAddr, folder: TempDir) -> Outcome<Server> {
    let mut process = Process::new(command.spawn()?);
    process.wait_for(address)?;
    Ok(Server { process, address, _folder: folder })
}
