//! `throng scan` ended at fifty moments, by Ctrl-C or by its deadline: what it wrote is whole in every form, tells each port
//! once and in order, and claims nothing that was not seen. Nothing is sent beyond loopback.

#![allow(clippy::unwrap_used)]

mod program;
mod pty;

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use program::Program;
use pty::send_signal;
use serde_json::Value;

/// An address of this machine that hardly anybody else listens at.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 88, 7, 1);
const TIMES: u64 = 50;
const OPEN: usize = 12;
/// The latest moment at which it is ended, in milliseconds; at its rate the scan takes 655.
const MOMENT_MAX: u64 = 700;

fn start(folder: &Path, more: &[&str]) -> Program {
    let output = |form: &str| format!("{form}:{}", folder.join(form).display());
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("scan").arg(ADDRESS.to_string()).args(["--rate", "100k", "--progress", "never"]).args(more);
    for form in ["text", "json", "ndjson", "xml"] {
        command.arg("-o").arg(output(form));
    }
    Program(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

fn read(folder: &Path, form: &str) -> String {
    std::fs::read_to_string(folder.join(form)).unwrap_or_default()
}

/// The open ports that each form tells, in its order; nothing, if it was ended before it began to write.
fn told(folder: &Path) -> Option<[Vec<u16>; 4]> {
    let number = |port: &Value| u16::try_from(port["port"].as_u64().unwrap()).unwrap();
    let is_open = |record: &&Value| record["type"] == "port" && record["state"] == "open";
    let xml = read(folder, "xml");
    if xml.is_empty() {
        return None;
    }
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    let document = roxmltree::Document::parse_with_options(&xml, options).unwrap();
    let ports = document.descendants().filter(|node| node.has_tag_name("port"));
    let by_xml = ports.map(|port| port.attribute("portid").unwrap().parse().unwrap()).collect();
    let json: Value = serde_json::from_str(&read(folder, "json")).unwrap();
    let by_json = json["results"].as_array().unwrap().iter().filter(is_open).map(number).collect();
    let (ndjson, text) = (read(folder, "ndjson"), read(folder, "text"));
    let lines: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["type"], "end", "the last line is the end");
    assert_eq!(&json["end"], lines.last().unwrap());
    let by_ndjson = lines.iter().filter(is_open).map(number).collect();
    let port = |line: &str| line.strip_prefix("Port ")?.strip_suffix(" is open")?.parse().ok();
    let by_text = text.lines().map(|line| port(line).unwrap()).collect();
    Some([by_text, by_json, by_ndjson, by_xml])
}

#[test]
fn whenever_it_is_ended_what_it_told_is_whole_and_true() {
    let listeners: Vec<_> =
        (0..OPEN).map(|_| TcpListener::bind(SocketAddr::from((ADDRESS, 0))).unwrap()).collect();
    let open: BTreeSet<u16> =
        listeners.iter().map(|listener| listener.local_addr().unwrap().port()).collect();
    let (mut cut, mut found) = (0, 0);
    for time in 0..TIMES {
        let folder = tempfile::tempdir().unwrap();
        // Spread over the whole time, without a pattern that the scan could have.
        let moment = Duration::from_millis(time * 7919 % MOMENT_MAX);
        let deadline = format!("{}ms", moment.as_millis().max(1));
        let by_signal = time % 2 == 0;
        let by_deadline = ["--deadline", &deadline];
        let mut running = start(folder.path(), if by_signal { &[] } else { &by_deadline });
        if by_signal {
            #[expect(
                clippy::disallowed_methods,
                reason = "it waits for nothing: the moment is what is tried"
            )]
            std::thread::sleep(moment);
            send_signal("-INT", running.0.id());
        }
        let code = running.0.wait().unwrap().code();
        let context = format!("time {time}, after {moment:?}, {code:?}");
        let Some(forms) = told(folder.path()) else {
            assert!(by_signal, "{context}: nothing was written");
            continue;
        };
        cut += u32::from(code == Some(5));
        assert!(forms.iter().all(|form| *form == forms[0]), "{context}: {forms:?}");
        assert!(forms[0].windows(2).all(|pair| pair[0] < pair[1]), "{context}: {forms:?}");
        let is_open = |port: &&u16| open.contains(port) || TcpStream::connect((ADDRESS, **port)).is_ok();
        assert_eq!(forms[0].iter().find(|port| !is_open(port)), None, "{context}: {forms:?} of {open:?}");
        found += forms[0].len();
    }
    assert!(found > 0, "some are found before");
    assert!(cut >= 30, "only {cut} of {TIMES} were cut short");
}
