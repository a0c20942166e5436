//! Configuration, by the real program: which value wins, what is said of mistakes, and what a running server makes of a file
//! that is read again.

#![allow(clippy::unwrap_used)]

mod pty;
mod real;

use std::borrow::BorrowMut;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use pty::send_signal;
use real::{PATIENCE, Person, Server, Watch};
use serde_json::Value;

/// The program, in this folder and with nothing around it that could say something else.
fn throng(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).env("HOME", folder);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("THRONG_") || name.to_string_lossy().starts_with("XDG_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs it to its end, which must come by itself: the exit code, and what it said.
fn told(mut command: impl BorrowMut<Command>) -> (Option<i32>, String, String) {
    let child = command.borrow_mut().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let watch = Watch::over(child.id());
    let output = child.wait_with_output().unwrap();
    drop(watch);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn check(folder: &Path, file: &str, more: &[&str]) -> (Option<i32>, String, String) {
    std::fs::write(folder.join("throng.toml"), file).unwrap();
    told(throng(folder, &[&["config", "check"], more].concat()))
}

const TWENTY: &str = r#"nmae = "chat.example.org"
name = "not a host"
durability = "sometimes"
pace = off
model = "threads"
workers = "3"
data =
listen = ["127.0.0.1:0", "localhost:6667", "[::1]:0"]
tls = "cert.pem"

[proxy]
allowed_from = ["10.0.0.0/8", 7]

[limits]
clients = 0
clients = 100
per_address = -1
outbox = "1MB"
guests = "no"

[timeout]
idle = "1m"

[timeouts]
idle = 60
age = "1000000d"

[events]
bytes = "1KiB"
files = 4.5
"#;

const TWENTY_TOLD: &str = r#"error: there is no setting nmae
 --> throng.toml:1:1
  |
1 | nmae = "chat.example.org"
  | ^^^^
  did you mean name?

error: name: a host name is made of letters, digits, dots and hyphens
 --> throng.toml:2:8
  |
2 | name = "not a host"
  |        ^^^^^^^^^^^^

error: durability: expected one of strict, relaxed, memory
 --> throng.toml:3:14
  |
3 | durability = "sometimes"
  |              ^^^^^^^^^^^

error: this is no TOML: string values must be quoted, expected literal string
 --> throng.toml:4:8
  |
4 | pace = off
  |        ^^^

error: the chat runs on event loops, not by the model threads
 --> throng.toml:5:9
  |
5 | model = "threads"
  |         ^^^^^^^^^
  it is for the other services: throng serve echo --model threads

error: workers: expected a whole number, without quotes, found a string
 --> throng.toml:6:11
  |
6 | workers = "3"
  |           ^^^
  for instance: workers = 100

error: this is no TOML: something is missing here
 --> throng.toml:7:7
  |
7 | data =
  |       ^

error: listen: expected ADDRESS:PORT such as 0.0.0.0:50007, unix:PATH, systemd:NAME, or tls: and one of these
 --> throng.toml:8:26
  |
8 | listen = ["127.0.0.1:0", "localhost:6667", "[::1]:0"]
  |                          ^^^^^^^^^^^^^^^^

error: tls is a section, not a value
 --> throng.toml:9:7
  |
9 | tls = "cert.pem"
  |       ^^^^^^^^^^
  write [tls], and its keys below it

error: proxy.allowed_from: expected a list of networks, each in quotes, found an integer
  --> throng.toml:12:31
   |
12 | allowed_from = ["10.0.0.0/8", 7]
   |                               ^
  for instance: allowed_from = ["10.0.0.0/8"]

error: limits.clients: out of range: from 1 to 4294967295, or auto
  --> throng.toml:15:11
   |
15 | clients = 0
   |           ^

error: clients is there twice
  --> throng.toml:16:1
   |
16 | clients = 100
   | ^^^^^^^

error: limits.per_address: out of range: from 1 to 4294967295, or auto
  --> throng.toml:17:15
   |
17 | per_address = -1
   |               ^^

error: limits.outbox: expected a size such as 64KiB, 16MiB or 1GiB
  --> throng.toml:18:10
   |
18 | outbox = "1MB"
   |          ^^^^^

error: there is no setting limits.guests
  --> throng.toml:19:1
   |
19 | guests = "no"
   | ^^^^^^
  did you mean accounts.guests?

error: there is no section timeout
  --> throng.toml:21:2
   |
21 | [timeout]
   |  ^^^^^^^
  did you mean [timeouts]?

error: timeouts.idle: expected a time, in quotes, found an integer
  --> throng.toml:25:8
   |
25 | idle = 60
   |        ^^
  for instance: idle = "5m"

error: timeouts.age: out of range: from 1s to 366d, or off
  --> throng.toml:26:7
   |
26 | age = "1000000d"
   |       ^^^^^^^^^^

error: events.bytes: out of range: from 64KiB to 1GiB
  --> throng.toml:29:9
   |
29 | bytes = "1KiB"
   |         ^^^^^^

error: events.files: expected a whole number, without quotes, found a float
  --> throng.toml:30:9
   |
30 | files = 4.5
   |         ^^^
  for instance: files = 4

20 mistakes
"#;

#[test]
fn twenty_mistakes_have_twenty_messages_each_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let (code, stdout, stderr) = check(folder.path(), TWENTY, &[]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
    assert_eq!(stderr, TWENTY_TOLD);
    let (code, _, started) = told(throng(folder.path(), &["serve"]));
    assert_eq!((code, started.as_str()), (Some(2), TWENTY_TOLD), "a start says the same");
}

#[test]
fn whatever_a_file_has_reaches_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    for file in [
        "name = \"\u{1b}[2J\"",
        "\u{1b}[2J = 1",
        "name = '\u{202e}x'",
        "a\u{7}\n",
        "\u{feff}\u{feff}",
        "[[service]]\nname = 1",
        "a.b.c = { d = [1, { e = 2 }] }",
        "limits = 5",
        "[listen]\na = 1",
        "\"limits.clients\" = 5",
        "name",
        "= 1",
        "[",
        "name = \"",
        "name = '''\n\n",
        "\u{1}",
    ] {
        let (code, _, stderr) = check(folder.path(), file, &[]);
        assert_eq!(code, Some(2), "{file:?}: {stderr}");
        assert!(stderr.contains("throng.toml:"), "{file:?}: {stderr}");
        assert!(stderr.starts_with("error: ") && !stderr.contains("panicked"), "{file:?}: {stderr}");
        assert!(
            !stderr.contains(|letter: char| letter.is_control() && letter != '\n'),
            "{file:?}: {stderr:?}"
        );
        assert!(!stderr.contains('\u{202e}'), "{file:?}: {stderr:?}");
    }
    let deep = format!("a = {}", "[".repeat(100_000));
    let (code, _, stderr) = check(folder.path(), &deep, &[]);
    assert_eq!(code, Some(2), "{stderr}");
    std::fs::write(folder.path().join("throng.toml"), b"a = 1\n\xff\n").unwrap();
    let (code, _, stderr) = told(throng(folder.path(), &["config", "check"]));
    assert_eq!(
        (code, stderr.as_str()),
        (Some(2), "error: throng.toml:2: this is not UTF-8, as TOML must be\n")
    );
    let large = "#\n".repeat(600_000);
    let (code, _, stderr) = check(folder.path(), &large, &[]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.contains("larger than 1 MiB"), "{stderr}");
}

/// What would be served: the value of a setting, and where it comes from.
fn shown(command: &mut Command, path: &str) -> (String, String) {
    let (code, stdout, stderr) = told(command);
    assert_eq!(code, Some(0), "{stderr}");
    let shown: Value = serde_json::from_str(&stdout).unwrap();
    let setting = &shown["settings"][path];
    let origin = match setting["origin"].as_str().unwrap() {
        "file" => format!("{}:{}", setting["file"].as_str().unwrap(), setting["line"]),
        "default" => "default".to_owned(),
        _ => setting["name"].as_str().unwrap().to_owned(),
    };
    (setting["value"].as_str().unwrap().to_owned(), origin)
}

#[test]
fn each_layer_wins_over_the_one_below_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = "\n[limits]\nclients = 2\n[accounts]\nscram = true\n";
    let show = ["config", "show", "--json"];
    let of = |command: &mut Command| shown(command, "limits.clients");
    let is = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    assert_eq!(of(&mut throng(folder.path(), &show)), is("auto", "default"));
    std::fs::write(folder.path().join("throng.toml"), file).unwrap();
    assert_eq!(of(&mut throng(folder.path(), &show)), is("2", "throng.toml:3"));
    let variable = "THRONG_LIMITS__CLIENTS";
    assert_eq!(of(throng(folder.path(), &show).env(variable, "3")), is("3", variable));
    let flags = [&show[..], &["--limits-clients", "4", "--accounts-scram=false"]].concat();
    assert_eq!(of(throng(folder.path(), &flags).env(variable, "3")), is("4", "limits-clients"));
    assert_eq!(shown(&mut throng(folder.path(), &flags), "accounts.scram"), is("false", "accounts-scram"));
    // The names that variables had before there was a rule.
    let old = ("THRONG_PROXY_ALLOWED_FROM", "10.0.0.0/8");
    let mut command = throng(folder.path(), &show);
    assert_eq!(shown(command.env(old.0, old.1), "proxy.allowed_from"), is(old.1, old.0));
}

#[test]
fn the_file_is_the_first_that_there_is_and_never_two() {
    let (folder, own) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let write = |path: &Path, clients: u32| {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, format!("limits.clients = {clients}\n")).unwrap();
    };
    let show = |more: &[&str], variable: Option<&Path>| {
        let mut command = throng(folder.path(), &[&["config", "show", "--json"], more].concat());
        command.env("XDG_CONFIG_HOME", own.path());
        variable.map(|path| command.env("THRONG_CONFIG", path));
        shown(&mut command, "limits.clients").0
    };
    write(&own.path().join("throng/throng.toml"), 4);
    assert_eq!(show(&[], None), "4");
    write(&folder.path().join("throng.toml"), 3);
    assert_eq!(show(&[], None), "3");
    let (by_variable, by_flag) = (folder.path().join("v.toml"), folder.path().join("f.toml"));
    write(&by_variable, 2);
    assert_eq!(show(&[], Some(&by_variable)), "2");
    write(&by_flag, 1);
    assert_eq!(show(&["--config", "f.toml"], Some(&by_variable)), "1");
    let missing = throng(folder.path(), &["serve", "--config", "missing.toml"]);
    let (code, _, stderr) = told(missing);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(stderr.starts_with("error: --config: there is no file missing.toml\n"), "{stderr}");
}

#[test]
fn mistakes_in_variables_and_flags_are_named_as_such_and_told_together() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("throng.toml"), "pace = 5\n").unwrap();
    let mut command = throng(folder.path(), &["serve", "--durability", "sometimes", "--tls-key", "k"]);
    command.env("THRONG_LIMITS__CLIENTS", "many").env("THRONG_TLS__KEY", "a").env("THRONG_TLS_KEY", "b");
    let (code, _, stderr) = told(command);
    assert_eq!(code, Some(2), "{stderr}");
    for words in [
        "throng.toml:1:8",
        "error: $THRONG_LIMITS__CLIENTS: \"many\": expected a whole number, or auto",
        "error: $THRONG_TLS__KEY: it says something else than $THRONG_TLS_KEY",
        "error: --durability: \"sometimes\": expected one of strict, relaxed, memory",
        "4 mistakes",
    ] {
        assert!(stderr.contains(words), "{words:?} is not in:\n{stderr}");
    }
}

#[test]
fn init_makes_a_file_that_a_server_takes_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let init = |more: &[&str]| told(throng(folder.path(), &[&["config", "init"], more].concat()));
    let (code, stdout, _) = init(&[]);
    assert!(code == Some(0) && stdout.starts_with("throng.toml  every setting"), "{stdout}");
    let (code, _, stderr) = init(&[]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("is there already") && stderr.contains("--force"), "{stderr}");
    let (_, printed, _) = init(&["--out", "-"]);
    let path = folder.path().join("throng.toml");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed);
    std::fs::write(&path, "x").unwrap();
    assert_eq!(init(&["--force"]).0, Some(0));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), printed);
    let (code, stdout, stderr) = told(throng(folder.path(), &["config", "check"]));
    assert_eq!((code, stdout.as_str()), (Some(0), "throng.toml: nothing is wrong, 0 settings\n"), "{stderr}");
    // What is shown is a file again.
    let (_, all, _) = told(throng(folder.path(), &["config", "show", "--origin"]));
    let (code, stdout, stderr) = check(folder.path(), &all, &[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains(&format!("{} settings", all.lines().count())), "{stdout}");
    Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
}

#[test]
fn a_deep_check_looks_at_what_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    std::fs::write(folder.path().join("in-the-way"), "x").unwrap();
    let file = format!(
        "listen = [\"{}\"]\ndata = \"in-the-way\"\ntls.cert = \"no.pem\"\ntls.key = \"no.key\"\n",
        taken.local_addr().unwrap()
    );
    assert_eq!(check(folder.path(), &file, &[]).0, Some(0), "what is written is good");
    let (code, _, stderr) = check(folder.path(), &file, &["--deep"]);
    assert_eq!(code, Some(2), "{stderr}");
    for words in
        ["throng.toml:1:10", "throng.toml:2:8", "throng.toml:3:12", "cannot read no.pem", "3 mistakes"]
    {
        assert!(stderr.contains(words), "{words:?} is not in:\n{stderr}");
    }
    let made = throng(folder.path(), &["tls", "self-signed", "--days", "5"]).output().unwrap();
    assert!(made.status.success());
    drop(taken);
    let file = "data = \"data\"\ntls.cert = \"cert.pem\"\ntls.key = \"key.pem\"\n";
    let (code, stdout, stderr) = check(folder.path(), file, &["--deep"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("3 settings") && stderr.contains("cert.pem expires in "), "{stdout}{stderr}");
    assert!(!folder.path().join("data").exists(), "it only looks");
}

#[test]
fn commands_beside_a_server_find_its_data_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("throng.toml"), "data = \"here\"\n").unwrap();
    Server::start(&folder.path().join("here"), &[]).terminate();
    let (code, stdout, stderr) = told(throng(folder.path(), &["account", "list"]));
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{stdout}");
    let (code, _, stderr) = told(throng(folder.path(), &["account", "list", "--data", "no"]));
    assert_ne!(code, Some(0), "{stderr}");
}

/// Is a second client from here served? Who is not is closed, with a word or without.
fn is_served(server: &Server) -> bool {
    let mut client = TcpStream::connect(server.address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    std::io::Write::write_all(&mut client, b"hello\n").unwrap();
    let mut said = [0; 6];
    // A reset is an end too.
    client.read_exact(&mut said).is_ok() && &said == b"hello\n"
}

#[test]
fn a_reload_takes_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("throng.toml");
    std::fs::write(&path, "limits.per_address = 5\n").unwrap();
    let mut server =
        Server::start(&folder.path().join("data"), &["echo", "--config", path.to_str().unwrap()]);
    let _first = TcpStream::connect(server.address).unwrap();
    assert!(is_served(&server));

    // Two mistakes, and a limit that would be felt: each mistake has its line, and nothing has changed.
    std::fs::write(&path, "limits.per_address = 1\nlimits.full = \"never\"\npase = \"off\"\n").unwrap();
    send_signal("-HUP", server.pid());
    let (one, two) = (server.read_until("server.reload_failed"), server.read_until("server.reload_failed"));
    assert!(one.contains("throng.toml:2: limits.full: expected one of queue, refuse"), "{one}");
    assert!(two.contains("throng.toml:3: there is no setting pase"), "{two}");
    assert!(is_served(&server));

    // A certificate that cannot be read: neither.
    std::fs::write(&path, "limits.per_address = 1\ntls.cert = \"no.pem\"\ntls.key = \"no.key\"\n").unwrap();
    send_signal("-HUP", server.pid());
    let line = server.read_until("server.reload_failed");
    assert!(line.contains("throng.toml:2: cannot read no.pem"), "{line}");
    assert!(is_served(&server));

    // A good one: what may change has changed, the rest is told.
    std::fs::write(&path, "limits.per_address = 1\nevents.files = 9\n").unwrap();
    send_signal("-HUP", server.pid());
    let line = server.read_until("setting.changed");
    assert!(line.contains("path=limits.per_address from=5 to=1 by=SIGHUP origin="), "{line}");
    let line = server.read_until("server.reloaded");
    assert!(line.contains("changed=limits.per_address needs_restart=events.files by=SIGHUP"), "{line}");
    assert!(!is_served(&server));

    // A restart finds mistakes before anybody is let go.
    std::fs::write(&path, "limits.per_address = 1\npase = \"off\"\nname = 5\n").unwrap();
    send_signal("-USR2", server.pid());
    let line = server.read_until("server.restart_failed");
    assert!(
        line.contains("throng.toml:2: there is no setting pase (and 1 more: throng config check)"),
        "{line}"
    );

    // No file at all any more, though it is named.
    std::fs::remove_file(&path).unwrap();
    send_signal("-HUP", server.pid());
    let line = server.read_until("server.reload_failed");
    assert!(line.contains("--config: there is no file"), "{line}");
    let (status, said) = server.terminate();
    assert!(status.success(), "{said}");
}

#[test]
fn another_pace_holds_for_who_is_here_already() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("throng.toml");
    std::fs::write(&path, "").unwrap();
    let mut server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    let mut ana = Person::connect(server.address);
    ana.send(b"NICK ana\r\nUSER ana 0 * :Ana\r\n").unwrap();
    ana.read_until(" 001 ana ");
    std::fs::write(&path, "pace = \"off\"\n").unwrap();
    send_signal("-HUP", server.pid());
    server.read_until("server.reloaded");
    // At the usual pace the second question would wait for longer than anybody here does.
    let many = 300;
    ana.send(&b"LIST\r\n".repeat(many)).unwrap();
    (0..many).for_each(|_| drop(ana.read_until(" 323 ana ")));
    ana.send(b"LIST\r\n").unwrap();
    ana.read_until(" 323 ana ");
}

#[test]
fn what_who_comes_is_told_changes_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("throng.toml");
    std::fs::write(&path, "chat.history_on_entry = 1\n").unwrap();
    let mut server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    let address = server.address;
    let mut ana = Person::enter(address, "ana");
    for words in ["one", "two"] {
        ana.type_line(words);
        ana.read_until(words);
    }
    let lines_to = |person: &mut Person, end: &str| {
        let lines = std::iter::from_fn(|| person.read_line().filter(|line| !line.contains(end)));
        lines.collect::<Vec<_>>().join("\n")
    };
    let comes = |name: &str| {
        let mut by_irc = Person::connect(address);
        by_irc.send(format!("NICK {name}\r\nUSER {name} 0 * :x\r\nPING :end\r\n").as_bytes()).unwrap();
        let mut by_line = Person::connect(address);
        by_line.type_line(&format!("{name}-too\n"));
        by_line.type_line("here");
        [lines_to(&mut by_irc, " PONG "), lines_to(&mut by_line, &format!("<{name}-too> here"))]
    };
    let [irc, line] = comes("ben");
    assert!(
        irc.contains(" 422 ben ") && line.contains("<ana> two") && !line.contains("<ana> one"),
        "{irc}{line}"
    );
    let port = address.port();
    let asks = |host: &str| {
        let mut person = Person::connect(address);
        person
            .send(format!("GET / HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n").as_bytes())
            .unwrap();
        person.read_line().unwrap()
    };
    assert!(asks("chat.example.org").contains(" 403 "));
    let text = "[chat]\nmotd = \"Be kind.\"\nhosts = [\"chat.example.org\"]\nhistory_on_entry = 2\n";
    std::fs::write(&path, text).unwrap();
    send_signal("-HUP", server.pid());
    server.read_until("server.reloaded");
    let [irc, line] = comes("eve");
    assert!(irc.contains(" 372 eve :- Be kind."), "{irc}");
    assert!(line.contains("--- last 2 messages ---") && line.contains("<ana> two"), "{line}");
    assert!(asks("chat.example.org").contains(" 200 "));
}

#[test]
fn who_comes_without_an_account_changes_while_the_server_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("throng.toml");
    std::fs::write(&path, "").unwrap();
    let mut server = Server::start(&folder.path().join("data"), &["--config", path.to_str().unwrap()]);
    let address = server.address;
    let mut ana = Person::enter(address, "ana");
    let mut reload = |text: &str| {
        std::fs::write(&path, text).unwrap();
        send_signal("-HUP", server.pid());
        server.read_until("server.reloaded");
    };
    reload("accounts.guests = \"no\"\n");
    let mut by_irc = Person::connect(address);
    by_irc.send(b"NICK ben\r\nUSER ben 0 * :x\r\n").unwrap();
    by_irc.read_until("account");
    // What is asked ends without a new line.
    let mut by_line = Person::connect(address);
    by_line.type_line("ben");
    let mut heard = String::new();
    while !heard.contains("Only those who have an account come in here.") {
        let mut some = [0; 512];
        let count = by_line.socket().read(&mut some).unwrap();
        assert!(count > 0, "{heard}");
        heard.push_str(&String::from_utf8_lossy(&some[..count]));
    }
    ana.type_line("still here");
    ana.read_until("<ana> still here");
    reload("");
    Person::enter(address, "eve");
}

#[test]
fn the_manual_shows_what_one_sees() {
    let folder = tempfile::tempdir().unwrap();
    let manual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    let manual = std::fs::read_to_string(manual).unwrap();
    let block = |typed: &str| {
        let from = manual.split(&format!("```console\n$ {typed}\n")).nth(1).unwrap();
        from.split("```").next().unwrap().to_owned()
    };
    let (_, stdout, _) = told(throng(folder.path(), &["config", "init"]));
    assert_eq!(stdout, block("throng config init"));
    let (_, _, stderr) = check(folder.path(), "[limits]\ncliens = 500\n\n[timeouts]\nidle = 60\n", &[]);
    assert_eq!(stderr, block("throng config check"));
    std::fs::write(folder.path().join("throng.toml"), "").unwrap();
    let mut show = throng(folder.path(), &["config", "show", "--origin", "drain"]);
    let (_, stdout, _) = told(show.env("THRONG_DRAIN__TIME", "30s"));
    assert_eq!(stdout, block("THRONG_DRAIN__TIME=30s throng config show --origin drain"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_worker_that_is_begun_anew_goes_by_what_its_server_does_and_not_by_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("throng.toml");
    std::fs::write(&path, "model = \"processes\"\nworkers = 1\n").unwrap();
    let mut server =
        Server::start(&folder.path().join("data"), &["echo", "--config", path.to_str().unwrap()]);
    assert!(is_served(&server));
    std::fs::write(&path, "model = \"proc").unwrap();
    // Any of its threads may have begun it (proc_tid_children(5)).
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let children =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    let children = children.collect::<Vec<_>>().join(" ");
    send_signal("-KILL", children.split_whitespace().next().unwrap().parse().unwrap());
    server.read_until("worker.ended");
    assert!(is_served(&server), "the next one serves");
    let (status, said) = server.terminate();
    assert!(status.success(), "{said}");
}
