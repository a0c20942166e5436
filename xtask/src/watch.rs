//! `/metrics` as Prometheus itself reads it: `promtool check metrics` looks at what the built server says, while people talk there
//! and while nobody does, of the chat, of a plain service, and of both in one process.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::{Outcome, e2e, packages};

/// No answer takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// How often it is looked at under load.
const LOOKS: usize = 10;

/// The load: `throng load` speaks to the chat with `--chat`, and else wants its bytes back.
const OF_CHAT: &[&str] = &["--chat", "--rooms", "3", "--members", "10", "--talkers", "2"];
const OF_ECHO: &[&str] = &["-c", "20"];

/// Looks at each service, and at both.
pub fn run() -> Outcome {
    let promtool = packages::need("promtool", "prometheus")?;
    let throng = e2e::build_throng()?;
    for (services, load) in [(&["chat"][..], OF_CHAT), (&["echo"], OF_ECHO), (&["chat", "echo"], OF_CHAT)] {
        look(&promtool, &throng, services, load)?;
        let names = services.join(" and ");
        println!("promtool takes the metrics of {names}, {LOOKS} times under load and without");
    }
    Ok(())
}

/// The load is the first service's.
fn look(promtool: &Path, throng: &Path, services: &[&str], load: &[&str]) -> Outcome {
    let data = TempDir::new()?;
    let (address, metrics) = (free_port()?, free_port()?);
    let file = data.path().join("throng.toml");
    let mut text = String::from("pace = \"off\"\n");
    for (at, service) in services.iter().enumerate() {
        let listen = if at == 0 { address.to_string() } else { "127.0.0.1:0".to_owned() };
        text.push_str(&format!("[[service]]\nkind = \"{service}\"\nlisten = [\"{listen}\"]\n"));
    }
    std::fs::write(&file, text)?;
    let mut command = Command::new(throng);
    command.arg("serve").arg("--config").arg(&file);
    command.args(["--metrics-listen", &metrics.to_string(), "--data"]).arg(data.path().join("data"));
    let server = Process::start(quiet(&mut command))?;
    server.wait_for(metrics)?;
    server.wait_for(address)?;
    check(promtool, metrics)?;
    let mut command = Command::new(throng);
    command.args(["load", &address.to_string(), "--duration", "60s"]).args(load);
    let load = Process::start(quiet(&mut command))?;
    for _ in 0..LOOKS {
        check(promtool, metrics)?;
    }
    if let Some(status) = load.child().try_wait()? {
        return Err(format!("the load of {services:?} ended before its time: {status}").into());
    }
    drop(load);
    check(promtool, metrics)
}

/// Gives promtool what is said there; it complains of what is no text of Prometheus', and of names that are not usual.
fn check(promtool: &Path, metrics: SocketAddr) -> Outcome {
    let text = metrics_at(metrics)?;
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut checking = command.spawn()?;
    let mut given = checking.stdin.take().ok_or("promtool has no standard input")?;
    given.write_all(text.as_bytes())?;
    drop(given);
    let output = checking.wait_with_output()?;
    let said = [output.stdout, output.stderr].concat();
    match output.status.success() && said.is_empty() {
        true => Ok(()),
        false => Err(format!("promtool: {}\n{text}", String::from_utf8_lossy(&said)).into()),
    }
}

fn metrics_at(address: SocketAddr) -> Outcome<String> {
    let mut socket = TcpStream::connect(address)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    socket.write_all(b"GET /metrics HTTP/1.0\r\n\r\n")?;
    let mut heard = String::new();
    socket.read_to_string(&mut heard)?;
    let (head, text) = heard.split_once("\r\n\r\n").ok_or("an answer without an end of its head")?;
    match head.starts_with("HTTP/1.0 200 ") && text.contains("\nthrong_ready{") {
        true => Ok(text.to_owned()),
        false => Err(format!("no metrics there: {heard}").into()),
    }
}

fn quiet(command: &mut Command) -> &mut Command {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null())
}
