//! `throng connect` in a pseudo-terminal, under a shell.

#![allow(clippy::unwrap_used, dead_code)]

use std::net::SocketAddr;
use std::path::Path;

use portable_pty::CommandBuilder;

use crate::pty::Terminal;

/// `throng connect` at home in this folder, under a shell that tells how it ended and how the terminal is.
pub fn connect(home: &Path, arguments: &str) -> Terminal {
    connect_in("xterm-256color", home, arguments)
}

/// The same in a terminal of this kind.
pub fn connect_in(kind: &str, home: &Path, arguments: &str) -> Terminal {
    let throng = env!("CARGO_BIN_EXE_throng");
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", &format!("{throng} connect {arguments}; echo exit=$?; stty -a")]);
    command.env("TERM", kind);
    command.env("HOME", home);
    for unset in ["XDG_DATA_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "THRONG_DATA"] {
        command.env_remove(unset);
    }
    Terminal::run_command(command)
}

/// The same, calling this server, at its prompt.
pub fn call(home: &Path, address: SocketAddr, arguments: &str) -> Terminal {
    let terminal = connect(home, &format!("{} {} {arguments}", address.ip(), address.port()));
    terminal.wait_until("the prompt", |screen| screen.lines().last() == Some(">"));
    terminal
}

/// Waits for the end; what was on the screen before the shell's words, and whether those are as expected.
pub fn over(terminal: &mut Terminal, code: u8) -> String {
    let (_, screen) = terminal.wait_for_end();
    let (seen, shell) =
        screen.split_once(&format!("exit={code}\n")).unwrap_or_else(|| panic!("{code}:\n{screen}"));
    let words: Vec<_> = shell.split_whitespace().collect();
    assert!(["icanon", "echo", "isig"].iter().all(|flag| words.contains(flag)), "{screen}");
    seen.trim_end().to_owned()
}
