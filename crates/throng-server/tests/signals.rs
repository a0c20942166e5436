//! A server that ends when it is told to: this test starts itself anew as such a server. Without the usual harness, since a
//! signal is for the whole process.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod place;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use place::{echo, hear, hear_out, knock, talk, until};
use rustix::process::{Pid, Signal, kill_process};
use throng_server::{Conn, Server};

/// Tells a process that it is the server.
const SERVES: &str = "THRONG_TEST_SERVES";

/// A server in a process of its own. It is killed by its own pid when the test ends.
struct Served {
    child: Child,
    address: SocketAddr,
    says: BufReader<ChildStdout>,
}

impl Served {
    fn start(how: &str) -> Served {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let mut child = command.env(SERVES, how).stdout(Stdio::piped()).spawn().unwrap();
        let mut says = BufReader::new(child.stdout.take().unwrap());
        let mut address = String::new();
        says.read_line(&mut address).unwrap();
        let served = Served { child, address: address.trim().parse().unwrap(), says };
        until("it hears signals", || served.hears_signals());
        served
    }

    /// Does it catch SIGINT and SIGTERM by now (proc_pid_status(5))?
    fn hears_signals(&self) -> bool {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        let caught = u64::from_str_radix(caught.trim(), 16).unwrap();
        [Signal::INT, Signal::TERM].iter().all(|signal| caught & 1 << (signal.as_raw() - 1) != 0)
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How it ended, and its last line.
    fn end(mut self) -> (ExitStatus, String) {
        let mut said = String::new();
        self.says.read_line(&mut said).unwrap();
        (self.child.wait().unwrap(), said)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves in this process until it is told to end.
fn serve(how: &str) {
    let protected = |mut conn: Conn| async move {
        conn.protect();
        conn.write_all(b"hello").await?;
        conn.draining().await;
        conn.write_all(b"bye").await?;
        echo(conn).await
    };
    let running = match how {
        "protected" => Server::new(protected).listen("127.0.0.1:0").start(),
        _ => Server::new(echo).listen("127.0.0.1:0").start(),
    };
    let running = running.unwrap();
    println!("{}", running.addresses()[0]);
    let report = match how {
        "inside" => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(async { running.until_signal() })
        }
        _ => running.until_signal(),
    };
    let report = report.unwrap();
    println!("{} finished, {} cut", report.finished, report.cut);
    std::io::stdout().flush().unwrap();
}

fn the_first_signal_ends_the_idle_and_the_process() {
    for (how, signal) in [("plain", Signal::TERM), ("plain", Signal::INT), ("inside", Signal::TERM)] {
        let served = Served::start(how);
        let mut client = knock(served.address);
        talk(&mut client, "hello");
        served.signal(signal);
        assert!(hear_out(&mut client).1);
        drop(client);
        let (status, said) = served.end();
        assert!(status.success() && said == "1 finished, 0 cut\n", "{how} {signal:?}: {said}");
    }
}

fn the_second_signal_cuts_who_is_left() {
    let served = Served::start("protected");
    let mut client = knock(served.address);
    assert_eq!(hear(&mut client, 5), "hello");
    served.signal(Signal::TERM);
    assert_eq!(hear(&mut client, 3), "bye");
    talk(&mut client, "still here");
    served.signal(Signal::INT);
    hear_out(&mut client);
    let (status, said) = served.end();
    assert!(status.success() && said == "0 finished, 1 cut\n", "{said}");
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("no system but Linux tells which signals a process hears: left out");
}

#[cfg(target_os = "linux")]
fn main() {
    if let Ok(how) = std::env::var(SERVES) {
        return serve(&how);
    }
    the_first_signal_ends_the_idle_and_the_process();
    the_second_signal_cuts_who_is_left();
    println!("a server ends when it is told to: ok");
}
