//! `throng account`, and the same at a server's prompt: what who runs the server does about accounts, from first to last.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
mod kept;
mod program;
mod pty;
mod real;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use portable_pty::CommandBuilder;
use program::Program;
use pty::Terminal;
use real::{Person, Server};
use rustls::client::ResolvesClientCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, SignatureScheme, StreamOwned};
use serde_json::Value;
use throng_services::identity::Secret;
use throng_services::identity::password::verify;

const PASSWORD: &str = "corréct horse";

/// Runs `throng account` on this folder to its end: the exit code, and what it said on standard output and error.
fn account(data: &Path, arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.arg("account").args(arguments).arg("--data").arg(data);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = Program(command.spawn().unwrap());
    // What does not read its input may be gone by now.
    let _ = program.0.stdin.take().unwrap().write_all(input.as_bytes());
    let read = |mut from: Box<dyn Read + Send>| {
        std::thread::spawn(move || {
            let mut text = String::new();
            from.read_to_string(&mut text).unwrap();
            text
        })
    };
    let output = read(Box::new(program.0.stdout.take().unwrap()));
    let errors = read(Box::new(program.0.stderr.take().unwrap()));
    let code = program.0.wait().unwrap().code().unwrap();
    (code, output.join().unwrap(), errors.join().unwrap())
}

/// The same, which must go well: what it said on standard output.
#[track_caller]
fn done(data: &Path, arguments: &[&str], input: &str) -> String {
    let (code, output, errors) = account(data, arguments, input);
    assert_eq!((code, errors.as_str()), (0, ""), "{arguments:?} said: {output}");
    output
}

/// What must not go well: with this exit code and these words.
#[track_caller]
fn refused(data: &Path, arguments: &[&str], code: i32, words: &[&str]) {
    let (found, output, errors) = account(data, arguments, "");
    assert_eq!((found, output.as_str()), (code, ""), "{errors}");
    words.iter().for_each(|words| assert!(errors.contains(words), "{words:?} is not in:\n{errors}"));
}

fn create(data: &Path, name: &str) {
    let said = done(data, &["create", name, "--password-stdin"], &format!("{PASSWORD}\n"));
    assert_eq!(said, format!("The account {name} is made.\n"));
}

fn lines(json: &str) -> Vec<Value> {
    json.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn names(data: &Path) -> Vec<String> {
    let listed = lines(&done(data, &["list", "--json"], ""));
    listed.iter().map(|account| account["name"].as_str().unwrap().to_owned()).collect()
}

/// An account as it stands in an export.
fn exported(data: &Path, name: &str) -> Value {
    let all = lines(&done(data, &["export"], ""));
    assert_eq!(all[0], serde_json::json!({"throng": "accounts", "version": 1}));
    all.into_iter().find(|account| account["name"] == name).unwrap()
}

fn is_password(data: &Path, name: &str, password: &str) -> bool {
    verify(&Secret::from(password), exported(data, name)["argon2"].as_str().unwrap())
}

/// What stands behind these words in what was said.
#[track_caller]
fn behind<'a>(said: &'a str, words: &str) -> &'a str {
    let line = said.lines().find_map(|line| line.trim().strip_prefix(words));
    line.unwrap_or_else(|| panic!("{words:?} is not in:\n{said}")).trim()
}

fn log(data: &Path) -> String {
    let files = std::fs::read_dir(data.join("events")).unwrap();
    files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn an_account_is_made_looked_at_changed_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    create(data, "bo");
    create(data, "Олена");
    let said = done(data, &["create", "ana", "--operator", "--generate"], "");
    assert!(said.starts_with("The account ana is made. It may operate the server.\n"), "{said}");
    let made_up = behind(&said, "Password:").to_owned();
    assert!(is_password(data, "ana", &made_up) && is_password(data, "bo", PASSWORD));
    assert_eq!(names(data), ["ana", "bo", "Олена"]);
    let listed = done(data, &["list"], "");
    assert!(
        listed.starts_with(
            "NAME   STATE     SIGNS IN BY  MADE        LAST SIGNED IN\nana    operator  password"
        ),
        "{listed}"
    );
    let shown = lines(&done(data, &["show", "BO", "--json"], ""));
    assert_eq!((&shown[0]["name"], &shown[0]["devices"]), (&"bo".into(), &Value::Array(Vec::new())));
    assert!(shown[0].get("argon2").is_none(), "what is shown has no verifier");
    assert!(done(data, &["show", "ana"], "").contains("state           operator\n"));

    done(data, &["reset", "bo", "--password-stdin"], "another one");
    assert!(is_password(data, "bo", "another one"));
    done(data, &["suspend", "bo"], "");
    assert_eq!(exported(data, "bo")["suspended"], true);
    done(data, &["unsuspend", "bo"], "");
    assert_eq!(exported(data, "bo")["suspended"], false);
    done(data, &["operator", "bo"], "");
    done(data, &["operator", "ana", "--remove"], "");
    assert_eq!(
        (&exported(data, "bo")["operator"], &exported(data, "ana")["operator"]),
        (&true.into(), &false.into())
    );
    done(data, &["revoke", "bo"], "");
    refused(data, &["delete", "bo"], 2, &["there is no terminal to ask", "--yes"]);
    assert_eq!(done(data, &["delete", "bo", "--yes"], ""), "The account bo is deleted; its name is free.\n");
    assert_eq!(names(data), ["ana", "Олена"]);

    let log = log(data);
    for kind in ["created", "reset", "suspended", "unsuspended", "operator", "revoked", "deleted", "exported"]
    {
        assert!(log.contains(&format!(r#""kind":"account.{kind}""#)), "{kind} in {log}");
    }
    assert!(log.contains(r#""by":"command line""#));
    assert!(!log.contains(&made_up) && !log.contains(PASSWORD) && !log.contains("another one"), "{log}");
}

#[test]
fn what_cannot_be_done_says_why_and_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    for nothing in [data.join("none"), data.to_owned()] {
        refused(&nothing, &["list"], 1, &["there are no accounts in", "--data DIR"]);
        refused(&nothing, &["clear", "--yes"], 1, &["there are no accounts in", "account create NAME"]);
    }
    assert_eq!(std::fs::read_dir(data).unwrap().count(), 0, "who only looks leaves nothing behind");
    create(data, "ana");
    refused(data, &["show", "bo"], 1, &["there is no account bo", "account list"]);
    refused(
        data,
        &["create", "ANA", "--generate"],
        1,
        &["there is an account ANA already", "account reset ANA"],
    );
    refused(data, &["create", "\u{1b}[2J", "--generate"], 2, &["cannot be a name"]);
    refused(data, &["create", "bo"], 2, &["no terminal to ask", "--password-stdin", "--generate"]);
    refused(data, &["create", "bo", "--password-stdin"], 2, &["at least 8 bytes"]);
    let (code, _, errors) = account(data, &["create", "bo", "--password-stdin"], &"x".repeat(1 << 16));
    assert!(code == 2 && errors.contains("at most 1024 bytes"), "{errors}");
    refused(data, &["reset", "bo", "--generate"], 1, &["there is no account bo"]);
    refused(data, &["restore", "nothing.db"], 1, &["there is no backup", "backups/nothing.db"]);
    refused(data, &["restore", data.join("throng.lock").to_str().unwrap()], 1, &["nothing was restored"]);
    assert_eq!(names(data), ["ana"]);
}

#[test]
fn a_folder_that_is_in_use_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let pid = format!("it is pid {}", server.pid());
    for (arguments, typed) in [
        (&["list"][..], "account list"),
        (&["create", "ana", "--generate"], "account create NAME"),
        (&["clear", "--yes"], "identities clear"),
    ] {
        let prompt = format!("type it at that server's own prompt: {typed}");
        let here = format!("or from here: throng console --data {} -c '{typed}'", folder.path().display());
        refused(folder.path(), arguments, 1, &["a throng server runs on the data in", &pid, &prompt, &here]);
    }
}

/// Two people, of whom one said something.
fn lived_in(data: &Path) {
    create(data, "ana");
    create(data, "bo");
    let server = Server::start(data, &[]);
    let mut cy = Person::enter(server.address, "cy");
    cy.type_line("I was here");
    cy.read_until("<cy> I was here");
    drop(cy);
    assert!(server.terminate().0.success());
}

#[test]
fn what_is_exported_and_cleared_is_imported_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    lived_in(data);
    let file = data.join("accounts.ndjson");
    let file_name = file.to_str().unwrap();
    let said = done(data, &["export", file_name], "");
    assert!(said.starts_with("2 accounts in ") && said.contains("guess at the passwords"), "{said}");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    refused(data, &["export", file_name], 1, &["is there already"]);
    let before = exported(data, "ana");
    done(data, &["clear", "--yes"], "");
    assert!(names(data).is_empty());
    let said = done(data, &["import", file_name], "");
    assert!(
        said.starts_with("2 accounts imported from ") && said.contains(", 0 of them in the place"),
        "{said}"
    );
    assert_eq!(exported(data, "ana"), before);
    assert!(is_password(data, "bo", PASSWORD));

    refused(
        data,
        &["import", file_name],
        1,
        &["line 2: there is an account ana already; --replace", "line 3: "],
    );
    done(data, &["suspend", "ana"], "");
    let said = done(data, &["import", "-", "--replace"], &std::fs::read_to_string(&file).unwrap());
    assert!(said.contains("2 of them in the place of what was there"), "{said}");
    assert_eq!(exported(data, "ana"), before);
    // The import is undone as well: in what was before, she is suspended.
    done(data, &["restore", backup_of(&said).to_str().unwrap()], "");
    assert_eq!(exported(data, "ana")["suspended"], true);

    let wrong = data.join("wrong.ndjson");
    let head = r#"{"throng":"accounts","version":1}"#;
    let text =
        format!("{head}\n{}\n{}\nno JSON\n", r#"{"name":"cy","created":1}"#, r#"{"name":"аnа","created":1}"#);
    std::fs::write(&wrong, text).unwrap();
    refused(
        data,
        &["import", wrong.to_str().unwrap()],
        1,
        &["nothing was imported", "line 3: ", "line 4: no account"],
    );
    assert_eq!(names(data), ["ana", "bo"]);
}

/// Which backup an answer names.
fn backup_of(said: &str) -> PathBuf {
    PathBuf::from(behind(said, "What was before is in"))
}

#[test]
fn what_is_cleared_is_undone_by_one_command_and_history_stays() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    lived_in(data);
    let (code, said, errors) = account(data, &["clear"], "clear identities\n");
    assert!(
        code == 2 && said.is_empty() && errors.contains("--yes") && errors.contains("2 accounts"),
        "{errors}"
    );
    let before = exported(data, "ana");
    let said = done(data, &["clear", "--yes"], "");
    assert!(said.starts_with("Gone: 2 accounts and their names, 0 devices"), "{said}");
    assert!(names(data).is_empty());
    assert!(backup_of(&said).starts_with(data.join("backups")));
    // The command as it was told, word for word.
    let undo = behind(&said, "To undo it:").strip_prefix("throng account ").unwrap();
    let undo: Vec<_> = undo.split(' ').take_while(|word| *word != "--data").collect();
    assert!(done(data, &undo, "").starts_with("2 accounts restored from "));
    assert_eq!(exported(data, "ana"), before);
    assert!(is_password(data, "bo", PASSWORD));
    let said: Vec<_> = kept::lobby(data).iter().filter_map(|entry| entry.record.text.clone()).collect();
    assert!(said.iter().any(|text| text.as_str() == "I was here"), "{said:?}");
    assert_eq!(done(data, &["clear", "--yes"], "").lines().count(), 3);
    assert_eq!(done(data, &["clear", "--yes"], ""), "There are no accounts, so there is nothing to clear.\n");
}

/// `throng account` in a terminal.
fn in_terminal(data: &Path, arguments: &[&str]) -> Terminal {
    let all: Vec<_> =
        ["account"].iter().chain(arguments).chain(&["--data", data.to_str().unwrap()]).copied().collect();
    Terminal::run(env!("CARGO_BIN_EXE_throng"), &all)
}

#[test]
fn a_password_is_typed_twice_and_never_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mut terminal = in_terminal(folder.path(), &["create", "ana"]);
    terminal.wait_for("Password for ana (it is not shown):");
    terminal.type_text("short\r");
    terminal.wait_for("a password has at least 8 bytes");
    terminal.type_text("hidden wordz\u{7f}s\r");
    terminal.wait_for("The same again:");
    terminal.type_text("hidden words\r");
    let (code, screen) = terminal.wait_for_end();
    assert!(
        code == 0 && screen.contains("The account ana is made.") && !screen.contains("hidden"),
        "{screen}"
    );
    assert!(is_password(folder.path(), "ana", "hidden words"));
}

#[test]
fn ctrl_c_at_a_password_changes_nothing_and_leaves_the_terminal_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (throng, data) = (env!("CARGO_BIN_EXE_throng"), folder.path().display());
    let line = format!("{throng} account create ana --data {data}; echo exit=$?; stty -a");
    let mut command = CommandBuilder::new("sh");
    command.args(["-c", &line]);
    let mut terminal = Terminal::run_command(command);
    terminal.wait_for("Password for ana");
    terminal.type_text("half a pass\u{3}");
    let (_, screen) = terminal.wait_for_end();
    assert!(screen.contains("exit=130") && !screen.contains("half"), "{screen}");
    let words: Vec<_> = screen.split_whitespace().collect();
    assert!(["icanon", "echo", "isig"].iter().all(|flag| words.contains(flag)), "{screen}");
    assert!(names(folder.path()).is_empty());
}

#[test]
fn a_terminal_is_asked_for_the_word_itself() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path();
    create(data, "ana");
    for (arguments, typed, code) in [
        (&["delete", "ana"][..], "yes", 4),
        (&["clear"], "yes", 4),
        (&["clear"], "", 4),
        (&["delete", "ana"], "ana", 0),
    ] {
        let mut terminal = in_terminal(data, arguments);
        terminal.wait_for("to do it, anything else leaves all as it is.");
        terminal.type_text(&format!("{typed}\r"));
        let (found, screen) = terminal.wait_for_end();
        assert_eq!((found, names(data).is_empty()), (code, code == 0), "{screen}");
    }
}

/// A server at its prompt.
fn serve(data: &Path) -> (Terminal, SocketAddr) {
    let arguments = ["serve", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
    let terminal = Terminal::run(env!("CARGO_BIN_EXE_throng"), &arguments);
    let screen = terminal.wait_until("the prompt", |screen| screen.lines().last() == Some("throng>"));
    let address = screen.lines().find_map(|line| line.strip_prefix("  chat ")).unwrap();
    (terminal, address.split_whitespace().next().unwrap().parse().unwrap())
}

/// Types a line at the prompt, and waits for an answer with these words.
fn ask(terminal: &mut Terminal, line: &str, words: &str) -> String {
    terminal.type_text(&format!("{line}\r"));
    terminal.wait_until(words, |screen| {
        let answer = screen.rsplit(&format!("throng> {line}\n")).next().unwrap_or_default();
        answer.contains(words) && answer.ends_with("throng>")
    })
}

/// How often a name is tried. The chat hears of a change a moment after the prompt has answered.
const TRIES_MAX: usize = 500;

/// Comes in under this name as soon as a stranger may, or is kept out as soon as none may.
fn as_stranger(address: SocketAddr, name: &str, may: bool) {
    for _ in 0..TRIES_MAX {
        let mut stranger = Person::connect(address);
        // The empty line is no password.
        stranger.type_line(&format!("{name}\n"));
        let is_in = stranger.read_until(name).contains(&format!("Hello {name}."));
        if is_in {
            // When the server has closed, nobody has the name any more.
            stranger.type_line("/quit");
            stranger.read_to_end();
        }
        if is_in == may {
            return;
        }
    }
    panic!("after {TRIES_MAX} tries, that a stranger can be {name} is still not {may}");
}

#[test]
fn the_prompt_does_the_same_while_people_talk() {
    let folder = tempfile::tempdir().unwrap();
    let (mut terminal, address) = serve(folder.path());
    ask(&mut terminal, "account list", "There are no accounts.");
    let screen = ask(&mut terminal, "account create ana --operator", "It is shown only here, this once.");
    let password = behind(&screen, "Password:").to_owned();
    ask(&mut terminal, "account create ANA", "There is an account ANA already.");
    ask(&mut terminal, "account list", "ana   operator  password");
    ask(&mut terminal, "status", ", 1 account\n");
    // Her name is hers from now on.
    as_stranger(address, "ana", false);
    ask(&mut terminal, "account suspend ana", "Nobody can sign in to ana until: account unsuspend ana");
    ask(&mut terminal, "account unsuspend ana", "ana can sign in again.");
    ask(&mut terminal, "account reset ana", "its devices are signed out.");
    ask(&mut terminal, "account frobnicate", "There is no account frobnicate.");
    ask(&mut terminal, "acount list", "did you mean account?");
    let file = folder.path().join("out.ndjson");
    ask(&mut terminal, &format!("account export {}", file.display()), "1 account in ");
    ask(&mut terminal, "account delete ana", "Type  ana  to do it");
    ask(&mut terminal, "ana", "The account ana is deleted; its name is free.");
    as_stranger(address, "ana", true);
    ask(&mut terminal, &format!("account import {}", file.display()), "1 account imported from ");
    as_stranger(address, "ana", false);
    ask(&mut terminal, "logs show --last 100", "account.imported accounts=1");
    let log = log(folder.path());
    assert!(
        log.contains(r#""kind":"account.created","name":"ana","operator":"yes","by":"console""#),
        "{log}"
    );
    assert!(!log.contains(&password), "{log}");
}

#[test]
fn the_prompt_clears_only_for_the_words_and_undoes_it() {
    let folder = tempfile::tempdir().unwrap();
    create(folder.path(), "ana");
    create(folder.path(), "bo");
    let (mut terminal, address) = serve(folder.path());
    terminal.wait_for("0 rooms, 0 messages, 2 accounts");
    ask(&mut terminal, "identities clear", "This removes 2 accounts and their names");
    ask(&mut terminal, "status", "Nothing was changed, since clear identities was not typed.");
    terminal.wait_for("0 rooms, 2 accounts\n");
    // It was asked for one line only.
    ask(&mut terminal, "clear identities", "There is no command clear.");
    ask(&mut terminal, "identities clear", "Type  clear identities  to do it");
    let screen = ask(&mut terminal, "clear identities", "Gone: 2 accounts and their names");
    let undo = behind(screen.rsplit("Gone: ").next().unwrap(), "To undo it:").to_owned();
    as_stranger(address, "ana", true);
    ask(&mut terminal, &undo, "2 accounts restored from ");
    // The name is somebody's again.
    as_stranger(address, "bo", false);
    ask(&mut terminal, "identities clear", "This removes 2 accounts");
    ask(&mut terminal, "", "Nothing was changed");
    terminal.type_text("ident\tcl\t");
    terminal.wait_for("throng> identities clear");
}

#[test]
fn the_first_operators_code_is_where_only_its_owner_looks() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("first-operator-code");
    let server = Server::start(folder.path(), &[]);
    let code = std::fs::read_to_string(&file).unwrap();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!((code.trim().len(), code.matches('-').count()), (23, 3));
    let (_, said) = server.terminate();
    assert!(said.contains("account.first_operator file="), "{said}");
    assert!(!said.contains(code.trim()) && !log(folder.path()).contains(code.trim()));
    assert!(!file.exists(), "it goes with the server");

    // One that was left behind goes at the next start; on a terminal the code is on the screen alone.
    std::fs::write(&file, "left behind").unwrap();
    let (mut terminal, _) = serve(folder.path());
    let screen = terminal.wait_for("First operator: sign in, then type  /operator ");
    assert!(!file.exists());
    let code = behind(&screen, "First operator: sign in, then type  /operator")
        .split(' ')
        .next()
        .unwrap()
        .to_owned();
    assert_eq!(code.len(), 23, "{screen}");
    assert!(!log(folder.path()).contains(&code));
    terminal.type_text("shutdown\r");
    terminal.wait_for_end();
    done(folder.path(), &["create", "ana", "--operator", "--generate"], "");
    let server = Server::start(folder.path(), &[]);
    assert!(!file.exists(), "there is an operator");
    drop(server);
}

#[test]
fn who_listens_to_the_network_without_tls_is_told_what_others_can_do() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_at("0.0.0.0:0", folder.path(), &[]);
    let (_, said) = server.terminate();
    assert!(
        said.contains("account.guests_only address=0.0.0.0:") && said.contains("--accounts-allow-plaintext"),
        "{said}"
    );
    let server = Server::start_at("0.0.0.0:0", folder.path(), &["--accounts-allow-plaintext"]);
    let (_, said) = server.terminate();
    assert!(!said.contains("account.guests_only"), "{said}");
}

/// A client that believes one certificate, and notes whether it was asked for its own, which it has not.
#[derive(Debug, Default)]
struct Asked(AtomicBool);

impl ResolvesClientCert for Asked {
    fn resolve(&self, authorities: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.0.store(authorities.is_empty(), Ordering::SeqCst);
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn the_chat_asks_for_any_certificate_and_serves_who_has_none() {
    let folder = tempfile::tempdir().unwrap();
    let tls = folder.path().join("tls");
    let mut make = Command::new(env!("CARGO_BIN_EXE_throng"));
    assert!(make.args(["tls", "self-signed", "--out"]).arg(&tls).output().unwrap().status.success());
    let (cert, key) = (tls.join("cert.pem"), tls.join("key.pem"));
    let files = ["--tls-cert", cert.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    for (service, asks) in [("chat", true), ("echo", false)] {
        let arguments: Vec<_> = [service].iter().chain(&files).copied().collect();
        let server = Server::start(&folder.path().join("data"), &arguments);
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(&cert).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let asked = Arc::<Asked>::default();
        let config = config.with_root_certificates(roots).with_client_cert_resolver(asked.clone());
        let connection = ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
        let socket = TcpStream::connect(server.address).unwrap();
        socket.set_read_timeout(Some(real::PATIENCE)).unwrap();
        let mut browser = StreamOwned::new(connection, socket);
        browser.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        let mut answer = [0; 5];
        browser.read_exact(&mut answer).unwrap();
        assert_eq!((asked.0.load(Ordering::SeqCst), &answer == b"HTTP/"), (asks, asks), "{service}");
    }
}
