//! README.md tells the truth: its transcripts are acted in pseudo-terminals and compared line by line.

#![allow(clippy::unwrap_used)]

mod pty;
mod real;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use portable_pty::CommandBuilder;
use pty::Terminal;
use real::{Person, Server};

/// Set when this test program is started again as what README calls telnet: it may not be installed.
const AS_TELNET: &str = "THRONG_TEST_AS_TELNET";

/// The lines of README's block of this language that begins with these words.
fn block(begins: &str) -> Vec<String> {
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let found = readme
        .split("```")
        .find(|block| block.strip_prefix("console\n").is_some_and(|b| b.starts_with(begins)));
    found
        .unwrap_or_else(|| panic!("README has a block that begins with {begins:?}"))
        .lines()
        .skip(1)
        .map(str::to_owned)
        .collect()
}

/// What differs from one run to the next is made equal: ports, times, counts, the folder, and spaces.
fn plain(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        if word.starts_with("~/") || word.starts_with("/tmp/") || word.starts_with("/var/") {
            return "FOLDER".to_owned();
        }
        let digits = |part: &str| part.chars().any(|letter| letter.is_ascii_digit());
        // The first operator's code.
        let is_code = word.len() == 23 && word.split('-').count() == 4 && word == word.to_uppercase();
        match word {
            _ if is_code => "CODE".to_owned(),
            word if digits(word) && !word.starts_with("bo") => {
                let mut shown = String::new();
                for letter in word.chars() {
                    if !letter.is_ascii_digit() {
                        shown.push(letter);
                    } else if !shown.ends_with('N') {
                        shown.push('N');
                    }
                }
                shown
            }
            word => word.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn compare(readme: &[String], screen: &str) {
    let expected: Vec<_> = readme.iter().map(|line| plain(line)).collect();
    let seen: Vec<_> = screen.lines().map(plain).collect();
    assert_eq!(seen, expected, "README differs from this screen:\n{screen}");
}

#[test]
fn the_transcripts_of_the_readme_are_what_one_sees() {
    let home = tempfile::tempdir().unwrap();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_throng"));
    command.args(["serve", "--listen", "127.0.0.1:0"]);
    command.env("TERM", "xterm-256color");
    command.env("HOME", home.path());
    command.env_remove("XDG_DATA_HOME");
    command.env_remove("STATE_DIRECTORY");
    // Its socket is in the home then, where no other server has one.
    command.env_remove("XDG_RUNTIME_DIR");
    command.env_remove("RUNTIME_DIRECTORY");
    let mut server = Terminal::run_command(command);
    let at_prompt = |screen: &str| screen.lines().last() == Some("throng>");
    let screen = server.wait_until("the prompt", at_prompt);
    let chat = screen.lines().find(|line| line.starts_with("  chat ")).unwrap();
    let address: SocketAddr = chat.split_whitespace().nth(1).unwrap().parse().unwrap();

    let mut bo = Person::enter(address, "bo");
    bo.type_line("is anybody here?");
    bo.read_until("<bo> is anybody here?");
    for (typed, answer) in [("clients", "bo    line"), ("pause", "Paused: "), ("resume", "Accepting again.")]
    {
        server.type_text(&format!("{typed}\r"));
        server.wait_until(typed, |screen| screen.contains(answer) && at_prompt(screen));
    }
    // The events come a moment later, and with each the prompt is drawn anew.
    let all_said = |screen: &str| {
        ["Accepting again.", " server.paused ", " server.resumed"].iter().all(|words| screen.contains(words))
    };
    let screen = server.wait_until("all is said", |screen| all_said(screen) && at_prompt(screen));
    // What the server notes by itself stands between, as it happens.
    let typed: Vec<_> = screen
        .lines()
        .filter(|line| !line.contains(" server.paused ") && !line.contains(" server.resumed "))
        .collect();
    let typed = typed.join("\n");
    compare(&block("throng 0.1.0"), typed.trim_end());

    telnet(address, &mut bo);
    connect(address, home.path());
}

/// Types what stands in README's session of `throng connect`, in the home where the server runs, and acts the line behind it.
fn connect(address: SocketAddr, home: &Path) {
    let session = block("$ throng connect");
    let piped = session.iter().rfind(|line| line.starts_with("$ ")).unwrap();
    let throng = env!("CARGO_BIN_EXE_throng");
    let piped = piped[2..].replace("throng", throng).replace("50007", &address.port().to_string());
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", &format!("{throng} connect; {piped}")]);
    command.env("TERM", "xterm-256color");
    command.env("HOME", home);
    for unset in ["XDG_DATA_HOME", "XDG_STATE_HOME", "STATE_DIRECTORY", "THRONG_DATA"] {
        command.env_remove(unset);
    }
    let mut terminal = Terminal::run_command(command);
    for (seen, typed) in [
        ("Host [127.0.0.1]:", ""),
        ("Port [", ""),
        ("Pick a name", "cy"),
        ("to stay a guest:", ""),
        ("<bo> hi ana", "hello from a prompt"),
        ("<cy> hello from a prompt", "/quit"),
    ] {
        terminal.wait_for(seen);
        terminal.type_text(&format!("{typed}\r"));
    }
    terminal.wait_for("Bye dee.");
    let (_, screen) = terminal.wait_for_end();
    let session: Vec<_> = session.into_iter().filter(|line| !line.starts_with("$ ")).collect();
    compare(&session, &screen);
}

#[test]
fn the_load_of_the_readme_is_what_one_sees() {
    let home = tempfile::tempdir().unwrap();
    let server = Server::start(home.path(), &["echo"]);
    let readme =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let typed = readme.lines().find_map(|line| line.strip_prefix("$ throng load ")).unwrap();
    let typed = typed.replace("127.0.0.1:50007", &server.address.to_string());
    let output = Command::new(env!("CARGO_BIN_EXE_throng"))
        .arg("load")
        .args(typed.split_whitespace())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    // Times are told in the unit that fits, and on a busy machine the result may not be valid.
    let of_any_unit = |line: &str| {
        let words = line.split_whitespace().map(|word| match word.trim_end_matches([',', ';']) {
            "s" | "ms" | "µs" => word.replace(['m', 'µ'], ""),
            _ => word.to_owned(),
        });
        plain(&words.collect::<Vec<_>>().join(" ")).replace("N.N", "N")
    };
    let without_end = |lines: Vec<String>| {
        let end = lines.iter().position(|line| line.starts_with("result ")).unwrap();
        lines.into_iter().take(end).collect::<Vec<_>>()
    };
    let seen = String::from_utf8_lossy(&output.stdout).into_owned();
    let expected = without_end(block("$ throng load").iter().skip(1).map(|line| of_any_unit(line)).collect());
    let shown = without_end(seen.lines().map(of_any_unit).collect());
    assert_eq!(shown, expected, "README differs from:\n{seen}");
}

#[test]
fn the_scan_of_the_readme_is_what_one_sees() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = listener.local_addr().unwrap();
    // A client's own port is taken, and nobody listens there.
    let client = TcpStream::connect(open).unwrap();
    let closed = client.local_addr().unwrap();
    let mut session = block("$ throng scan").into_iter();
    let typed = session.next().unwrap().replacen("$ throng scan ", "", 1);
    let with_ports = |line: String| {
        let line = line.replace("50007", &open.port().to_string());
        line.replace("50008", &closed.port().to_string()).split(" in ").next().unwrap().to_owned()
    };
    let output = Command::new(env!("CARGO_BIN_EXE_throng"))
        .arg("scan")
        .args(with_ports(typed).split_whitespace())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let seen = text(&output.stdout) + text(&output.stderr).split(" in ").next().unwrap();
    assert_eq!(seen.lines().collect::<Vec<_>>(), session.map(with_ports).collect::<Vec<_>>());
}

/// Types what stands in README's session, line by line, as soon as what comes before it is on the screen.
fn telnet(address: SocketAddr, bo: &mut Person) {
    let session = block("$ telnet");
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.args(["--exact", "this_program_as_telnet", "--nocapture", "--quiet"]);
    command.env(AS_TELNET, address.to_string());
    let mut terminal = Terminal::run_command(command);
    terminal.wait_for("Pick a name");
    for (typed, answer) in [
        ("ana", "to stay a guest:"),
        ("", "<bo> is anybody here?"),
        ("hello all", "<ana> hello all"),
        ("/nick bo", "is taken"),
        ("/quit", "Bye ana."),
    ] {
        terminal.type_text(&format!("{typed}\r"));
        terminal.wait_for(answer);
        if typed == "hello all" {
            bo.read_until("<ana> hello all");
            bo.type_line("hi ana");
            terminal.wait_for("<bo> hi ana");
        }
    }
    let (_, screen) = terminal.wait_for_end();
    // Around the session stands what the test harness of the other program says.
    let begins = screen.find("Welcome to throng").unwrap();
    let ends = screen.find("Bye ana.").unwrap();
    let session_seen = &screen[begins..ends + screen[ends..].find('\n').unwrap_or(screen.len() - ends)];
    compare(&session[1..], session_seen);
}

/// Not a test by itself: the program on the other side of the pseudo-terminal.
#[test]
fn this_program_as_telnet() {
    let Ok(address) = std::env::var(AS_TELNET) else { return };
    let mut reads = TcpStream::connect(address).unwrap();
    let mut writes = reads.try_clone().unwrap();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines() {
            if writes.write_all(format!("{}\n", line.unwrap()).as_bytes()).is_err() {
                return;
            }
        }
    });
    let mut bytes = [0; 4096];
    let mut screen = std::io::stdout();
    while let Ok(read @ 1..) = reads.read(&mut bytes) {
        screen.write_all(&bytes[..read]).unwrap();
        screen.flush().unwrap();
    }
}
