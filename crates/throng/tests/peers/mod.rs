//! Servers of our own for `throng connect`, and the program at a pipe. Each server takes one client and ends with it.

#![allow(clippy::unwrap_used, dead_code)]

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// No answer takes this long; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A server that does this with its one client.
pub fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (SocketAddr, JoinHandle<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let thread = std::thread::spawn(move || {
        let client = listener.accept().unwrap().0;
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.set_write_timeout(Some(PATIENCE)).unwrap();
        serve(client)
    });
    (address, thread)
}

/// Everything up to the client's end.
pub fn read_all(client: &mut impl Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    client.read_to_end(&mut bytes).unwrap();
    bytes
}

/// One line, with its end.
pub fn read_line(client: &mut impl Read) -> String {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        line.push(byte[0]);
    }
    String::from_utf8(line).unwrap()
}

/// Cuts the connection: what is closed with unread input and no time to linger is reset.
pub fn reset(client: &TcpStream) {
    socket2::SockRef::from(client).set_linger(Some(Duration::ZERO)).unwrap();
}

/// `throng connect` with these arguments at a pipe. Killed by its own pid when the test ends.
pub struct Piped(Option<Child>);

impl Piped {
    /// Starts it, calling this server.
    pub fn start(address: SocketAddr, arguments: &[&str]) -> Piped {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        Piped::start_with(
            &[&[host.as_str(), port.as_str()], arguments].concat(),
            Stdio::piped(),
            Stdio::piped(),
        )
    }

    /// Starts it with these arguments alone.
    pub fn start_with(arguments: &[&str], input: Stdio, output: Stdio) -> Piped {
        let mut command = command();
        command.args(arguments).stdin(input).stdout(output).stderr(Stdio::piped());
        Piped(Some(command.spawn().unwrap()))
    }

    /// Writes to its standard input.
    pub fn write(&mut self, bytes: &[u8]) {
        let input = self.0.as_mut().unwrap().stdin.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    /// Ends its standard input.
    pub fn finish(&mut self) {
        self.0.as_mut().unwrap().stdin.take();
    }

    /// Its standard output, to read it or to close it.
    pub fn output(&mut self) -> std::process::ChildStdout {
        self.0.as_mut().unwrap().stdout.take().unwrap()
    }

    /// Waits until its standard error begins a line with these words.
    pub fn wait_for(&mut self, words: &str) {
        let errors = self.0.as_mut().unwrap().stderr.as_mut().unwrap();
        while !read_line(errors).starts_with(words) {}
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.0.as_ref().unwrap().id()
    }

    /// Waits until it ended by itself, with its standard input as it is.
    pub fn wait(mut self) -> Output {
        let mut child = self.0.take().unwrap();
        let input = child.stdin.take();
        let pid = child.id();
        let (ended, ends) = sync_channel(1);
        std::thread::spawn(move || ended.send(child.wait_with_output().unwrap()));
        let output = outcome(&ends, pid);
        drop(input);
        output
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn outcome(ends: &Receiver<Output>, pid: u32) -> Output {
    ends.recv_timeout(PATIENCE).unwrap_or_else(|_| {
        let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        panic!("it did not end by itself: {:?}", ends.recv_timeout(PATIENCE));
    })
}

/// `throng connect`, without anything of this machine's user.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("connect").env_remove("THRONG_DATA").env_remove("STATE_DIRECTORY");
    command.env_remove("SSL_CERT_FILE").env_remove("SSL_CERT_DIR");
    command
}

/// Runs it to its end with this input.
pub fn run(address: SocketAddr, arguments: &[&str], input: &[u8]) -> Output {
    let mut piped = Piped::start(address, arguments);
    piped.write(input);
    piped.finish();
    piped.wait()
}

/// The exit code, and what it said on standard error.
pub fn ended(output: &Output) -> (i32, String) {
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A certificate for localhost and its key, in this folder.
pub fn self_signed(folder: &Path) -> (String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    let made = command.args(["tls", "self-signed", "--out"]).arg(folder).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    (path("cert.pem"), path("key.pem"))
}
