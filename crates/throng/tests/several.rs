//! Several services of one file: one process, one operator, one data folder, and each with its own addresses, model, limits and
//! certificate.

#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "another test begins them otherwise")]
#[path = "restart/generations.rs"]
mod generations;
mod pty;
mod real;

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use generations::Generations;
use real::{PATIENCE, Person};
use serde_json::Value;

/// A house with a chat, an echo by threads, an echo by processes, and a hello by processes at a Unix socket.
struct House {
    folder: tempfile::TempDir,
    server: Generations,
}

const SERVICES: &str = r#"
timeouts.idle = "10m"

[[service]]
kind = "chat"
listen = ["127.0.0.1:0"]

[[service]]
kind = "echo"
label = "lab"
listen = ["127.0.0.1:0"]
model = "threads"
limits.clients = 7
timeouts.idle = "5m"

[[service]]
kind = "echo"
label = "apart"
listen = ["127.0.0.1:0"]
model = "processes"
workers = 1

[[service]]
kind = "hello"
listen = ["unix:hello.sock"]
model = "processes"
workers = 1
"#;

impl House {
    fn open() -> House {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("throng.toml"), SERVICES).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.args([
            "serve",
            "--metrics-listen",
            "unix:metrics.sock",
            "--console-socket",
            "run/console.sock",
        ]);
        command.current_dir(folder.path()).env("HOME", folder.path()).env_remove("THRONG_CONFIG");
        let server = Generations::of(command, &folder.path().join("data"));
        House { folder, server }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Carries out a command of the console: its exit code, and what was said.
    fn run(&self, line: &str, more: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.args(["console", "--yes", "-c", line]).args(more);
        command.arg("--socket").arg(self.path("run/console.sock")).stdin(Stdio::null());
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn done(&self, line: &str) -> String {
        let (code, said) = self.run(line, &[]);
        assert_eq!(code, 0, "{line}: {said}");
        said
    }

    fn json(&self, line: &str) -> Value {
        let (code, said) = self.run(line, &["--json"]);
        assert_eq!(code, 0, "{line}: {said}");
        serde_json::from_str(&said).unwrap()
    }

    /// Where a service listens.
    fn address(&self, label: &str) -> String {
        let status = self.json("status");
        let services = status["services"].as_array().unwrap();
        let found = services.iter().find(|service| service["service"] == label).unwrap();
        found["server"]["addresses"][0].as_str().unwrap().to_owned()
    }

    /// Whom this service has, by the numbers of their connections.
    fn clients(&self, label: &str) -> BTreeSet<u64> {
        let clients = self.json(&format!("clients --service {label}"));
        clients["clients"].as_array().unwrap().iter().map(|client| client["id"].as_u64().unwrap()).collect()
    }

    /// The only process of a worker of this service.
    fn process(&self, label: &str) -> u32 {
        let status = self.json(&format!("status --service {label}"));
        u32::try_from(status["processes"][0].as_u64().unwrap()).unwrap()
    }

    /// What is heard there by HTTP: the status, and the body.
    fn get(&self, path: &str) -> (String, String) {
        let mut socket = UnixStream::connect(self.path("metrics.sock")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        write!(socket, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
        let mut heard = String::new();
        socket.read_to_string(&mut heard).unwrap();
        let (head, body) = heard.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
    }

    fn hello(&self) -> String {
        let mut heard = String::new();
        let mut socket = UnixStream::connect(self.path("hello.sock")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.read_to_string(&mut heard).unwrap();
        heard
    }
}

/// A client of an echo who was answered.
fn echoed(address: &str) -> Option<TcpStream> {
    let mut client = TcpStream::connect(address).ok()?;
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"ping").ok()?;
    let mut heard = [0; 4];
    client.read_exact(&mut heard).ok()?;
    // Others are told why they are not served.
    (&heard == b"ping").then_some(client)
}

/// Is the end of it here?
fn is_over(client: &mut TcpStream) -> bool {
    matches!(client.read(&mut [0; 64]), Ok(0)) || client.write_all(b"x").is_err()
}

#[test]
fn each_is_served_by_its_own_means_and_all_are_operated_together() {
    let house = House::open();
    let (lab, apart) = (house.address("lab"), house.address("apart"));
    let ana = Person::enter(house.server.address, "ana");
    let (mut in_lab, mut in_apart) = (echoed(&lab).unwrap(), echoed(&apart).unwrap());
    assert_eq!(house.hello(), "Hello, World!\r\n");

    let status = house.json("status");
    let told: Vec<_> = status["services"].as_array().unwrap().iter().collect();
    let models: Vec<_> = told.iter().map(|service| service["server"]["model"].as_str().unwrap()).collect();
    assert_eq!(models, ["events", "threads", "processes", "processes"]);
    assert_eq!(told[1]["server"]["limit"], 7);
    assert_eq!(status["service"], "chat", "the first one's fields stand alone too");

    // A number means one connection among those of all services.
    let numbers = ["chat", "lab", "apart"].map(|label| house.clients(label));
    assert!(numbers.iter().all(|numbers| numbers.len() == 1), "{numbers:?}");
    assert_eq!(numbers.iter().flatten().collect::<BTreeSet<_>>().len(), 3, "{numbers:?}");
    let number = numbers[2].first().unwrap();
    assert!(house.done(&format!("client {number}")).contains("service    apart"));
    assert_eq!(house.done(&format!("kick --number {number}")), format!("Kicked {number} (1 connection)\n"));
    assert!(is_over(&mut in_apart));
    house.server.read_until(&format!("client.closed conn={number} "));

    // One is paused, and the others are not.
    assert!(house.done("pause --service lab").contains("Paused (lab): "));
    assert!(echoed(&lab).is_none() && echoed(&apart).is_some());
    assert_eq!(house.get("/readyz"), ("503".to_owned(), "lab: it is paused\n".to_owned()));
    assert!(house.done("resume").starts_with("Accepting again (chat, lab, apart and hello)"));
    assert!(echoed(&lab).is_some());
    let metrics = house.get("/metrics").1;
    for (label, most) in [("lab", "7"), ("chat", "")] {
        assert!(
            metrics.contains(&format!("throng_connections_max{{service=\"{label}\"}} {most}")),
            "{metrics}"
        );
    }

    // What is set is one's own, and what is said of another one is refused.
    let (code, said) = house.run("set limits.clients 5", &[]);
    assert!(
        code == 2 && said.contains("limits.clients is each service's own: chat, lab, apart and hello"),
        "{said}"
    );
    assert!(
        house.done("set --service apart timeouts.idle 1m").starts_with("apart: timeouts.idle: 10m -> 1m, ")
    );
    // What only the chat has needs no name, and nobody else has it.
    assert!(house.done("set chat.motd Be kind.").starts_with("chat.motd:  -> Be kind., "));
    assert!(house.done("history keep off").contains("history.keep: off -> off"));
    let (code, said) = house.run("set --service lab chat.motd x", &[]);
    assert!(code == 2 && said.contains("chat.motd is for a chat, and lab is none"), "{said}");
    assert_eq!(house.json("show chat.motd").as_array().unwrap().len(), 1);
    let (code, said) = house.run("pause --service gopher", &[]);
    assert!(code == 2 && said.contains("this server has chat, lab, apart and hello"), "{said}");

    // A ban of addresses is kept to by all of them.
    let mut again = echoed(&apart).unwrap();
    assert!(house.done("ban 127.0.0.0/8").contains(" connections closed"));
    assert!(is_over(&mut in_lab) && is_over(&mut again));
    assert!(house.get("/metrics").1.contains("\nthrong_bans 1.0\n"), "the process has one list of them");
    assert!(echoed(&lab).is_none() && echoed(&apart).is_none());
    let mut ana = ana;
    assert!(ana.read_to_end().iter().any(|line| line.contains("You are banned")));
    house.done("unban 127.0.0.0/8");
    let client = echoed(&apart).unwrap();

    let said = house.server.terminate();
    assert!(
        said.contains(" connection closed, 0 cut") || said.contains(" connections closed, 0 cut"),
        "{said}"
    );
    assert!(
        said.lines().any(|line| line.contains("client.closed") && line.contains("service=apart")),
        "{said}"
    );
    assert_eq!(TcpStream::connect(&lab).map(drop).unwrap_err().kind(), std::io::ErrorKind::ConnectionRefused);
    drop(client);
}

#[test]
fn all_of_them_restart_at_their_own_addresses_and_workers_know_whose_they_are() {
    let house = House::open();
    let labels = ["chat", "lab", "apart", "hello"];
    let before = labels.map(|label| house.address(label));
    for _ in 0..3 {
        house.server.restart();
        assert_eq!(labels.map(|label| house.address(label)), before);
        assert!(echoed(&before[1]).is_some() && echoed(&before[2]).is_some());
        assert_eq!(house.hello(), "Hello, World!\r\n");
        drop(Person::enter(house.server.address, "ana"));
    }
    // The file is another one by now, and a worker that is begun anew goes by what its own service does all the same.
    std::fs::write(house.path("throng.toml"), "[[service]]\nkind = \"hello\"\nlisten = [\"127.0.0.1:0\"]\n")
        .unwrap();
    for label in ["apart", "hello"] {
        pty::send_signal("-KILL", house.process(label));
        house.server.read_until("worker.ended");
    }
    // It is served by the next worker; the kernel's queue and the keeper have it until then.
    assert!(echoed(&before[2]).is_some());
    assert_eq!(house.hello(), "Hello, World!\r\n");
    house.server.terminate();
}

#[test]
fn a_drain_waits_for_the_clients_of_all_of_them() {
    let house = House::open();
    let lab = house.address("lab");
    let mut client = echoed(&lab).unwrap();
    assert!(house.done("drain 1h").contains("Draining: 1 client here"));
    // Nobody is in the chat, which stands first.
    assert_eq!(house.json("status")["clients"]["total"], 0);
    client.write_all(b"pong").unwrap();
    let mut heard = [0; 4];
    client.read_exact(&mut heard).unwrap();
    let (code, said) = house.run("resume --service lab", &[]);
    assert!(code == 1 && said.contains("the whole server drains"), "{said}");
    assert!(house.done("resume").contains("the server stays"));
    assert!(house.done("drain 1h").contains("Draining: 1 client here"));
    drop(client);
    house.server.read_until("server.drained");
}

#[test]
fn a_restart_goes_by_the_services_that_the_file_has_by_then() {
    let house = House::open();
    let (lab, apart) = (house.address("lab"), house.address("apart"));
    let mut in_lab = echoed(&lab).unwrap();
    let text = SERVICES.replace(
        "label = \"lab\"\nlisten = [\"127.0.0.1:0\"]",
        &format!("label = \"new\"\nlisten = [\"{apart}\"]"),
    );
    let bad = text.replace("\"new\"", "\"New\"");
    std::fs::write(house.path("throng.toml"), &bad).unwrap();
    house.done("restart");
    house.server.read_until("server.restart_failed");
    assert!(echoed(&lab).is_some(), "what cannot serve is not begun");
    // The one that was at that address has another one by then, and nobody is at that of the lab.
    std::fs::write(house.path("throng.toml"), &text).unwrap();
    let said = house.done("reload");
    assert!(said.contains("service: chat, lab, apart and hello -> chat, new, apart and hello ("), "{said}");
    house.done("restart");
    house.server.ready();
    let status = house.json("status");
    let services = status["services"].as_array().unwrap();
    let labels: Vec<_> = services.iter().map(|service| service["service"].as_str().unwrap()).collect();
    assert_eq!(labels, ["chat", "new", "apart", "hello"]);
    assert_eq!(house.address("new"), apart);
    assert!(is_over(&mut in_lab) && echoed(&apart).is_some() && echoed(&house.address("apart")).is_some());
    let addresses: Vec<_> = labels.iter().map(|label| house.address(label)).collect();
    assert!(addresses.contains(&lab) || TcpStream::connect(&lab).is_err());
    house.server.terminate();
}

#[test]
fn tls_is_spoken_where_a_service_has_a_certificate_and_nowhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let throng = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
        command.args(arguments).current_dir(folder.path()).env("HOME", folder.path()).stdin(Stdio::null());
        command
    };
    assert!(throng(&["tls", "self-signed"]).output().unwrap().status.success());
    let text = "[[service]]\nkind = \"echo\"\nlabel = \"plain\"\nlisten = [\"127.0.0.1:0\"]\n\
                [[service]]\nkind = \"hello\"\nlisten = [\"tls:127.0.0.1:0\"]\n\
                [service.tls]\ncert = \"cert.pem\"\nkey = \"key.pem\"\n";
    std::fs::write(folder.path().join("throng.toml"), text).unwrap();
    let server =
        Generations::of(throng(&["serve", "--console-socket", "run/a.sock"]), &folder.path().join("data"));
    assert!(echoed(&server.address.to_string()).is_some());
    let status = throng(&["console", "--socket", "run/a.sock", "--json", "-c", "status"]).output().unwrap();
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    let at = status["services"][1]["server"]["addresses"][0].as_str().unwrap().to_owned();
    let until = |at: usize| status["services"][at]["server"]["certificate_until"].as_i64();
    assert!(until(0).is_none() && until(1).is_some_and(|until| until > 1_790_000_000), "{status}");
    let (host, port) = at.rsplit_once(':').unwrap();
    let heard = throng(&["connect", "--tls", "--ca", "cert.pem", host, port]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&heard.stdout), "Hello, World!\r\n", "{heard:?}");
    let (host, port) = (server.address.ip().to_string(), server.address.port().to_string());
    let refused = throng(&["connect", "--tls", "--ca", "cert.pem", &host, &port]).output().unwrap();
    assert_eq!(refused.status.code(), Some(4), "{refused:?}");
    server.terminate();
}

#[test]
fn a_terminal_shows_all_of_them_in_one_column() {
    let folder = tempfile::tempdir().unwrap();
    let text = SERVICES.replace("\"apart\"", "\"far-apart\"");
    std::fs::write(folder.path().join("throng.toml"), text).unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_throng"));
    command.args(["serve", "--data", "data", "--console-socket", "run/a.sock"]);
    command.cwd(folder.path());
    command.env("HOME", folder.path());
    command.env_remove("THRONG_CONFIG");
    let mut terminal = pty::Terminal::run_command(command);
    let screen = terminal.wait_for("ready in");
    for line in [
        "  chat      127.0.0.1:",
        "  lab       127.0.0.1:",
        "  far-apart 127.0.0.1:",
        "  hello     unix:hello.sock   processes",
        "  console   here, or in another terminal: ",
        "  data      data",
        "To let others in: listen = [\"0.0.0.0:50007\"] below its [[service]]",
    ] {
        assert!(screen.contains(line), "{line} is not in {screen}");
    }
    terminal.type_text("shutdown\r");
    let (code, screen) = terminal.wait_for_end();
    assert_eq!(code, 0, "{screen}");
}

/// What is wrong with a file of services, line by line.
fn check(folder: &Path, text: &str, expected: &[&str]) {
    std::fs::write(folder.join("throng.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_throng"));
    command.args(["config", "check"]).current_dir(folder).env("HOME", folder).env_remove("THRONG_CONFIG");
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    let errors: Vec<_> = said.lines().filter_map(|line| line.strip_prefix("error: ")).collect();
    assert_eq!(errors, expected, "{said}");
    assert_eq!(output.status.code(), Some(if expected.is_empty() { 0 } else { 2 }), "{said}");
}

#[test]
fn what_is_wrong_with_services_is_told_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let of = |kind: &str, more: &str| format!("[[service]]\nkind = \"{kind}\"\n{more}");
    let at = "listen = [\"127.0.0.1:2\"]\n";
    let check = |text: &str, expected: &[&str]| check(folder.path(), text, expected);
    check(&of("echo", at), &[]);
    check(&of("echo", ""), &[]);
    check("[service]\nkind = \"echo\"\n", &["services are a list of tables"]);
    check("service = [7]\n", &["a service is a table"]);
    check("[[service]]\nlisten = [\"127.0.0.1:2\"]\n", &["this service has no kind"]);
    check(&of("gopher", at), &["kind: expected one of chat, echo, hello, in quotes"]);
    let label = "label: expected small letters, digits and hyphens, 32 at most";
    check(&of("echo", "label = \"La b\"\n"), &[label]);
    check(&of("echo", "label = 5\n"), &[label]);
    check(&of("echo", "data = \"/x\"\n"), &["data is for the whole process"]);
    check(&of("echo", "[service.metrics]\nlisten = \"off\"\n"), &["metrics is for the whole process"]);
    check(&of("echo", "pace = \"off\"\n"), &["pace is for a chat, and this is echo"]);
    check(&of("echo", "limits = 5\n"), &["limits is a section, not a value"]);
    check(&of("echo", "[service.limit]\nclients = 5\n"), &["there is no section limit"]);
    check(&of("echo", "modle = \"pool\"\n"), &["there is no setting modle"]);
    check(
        &of("echo", "limits.clients = 0\n"),
        &["limits.clients: out of range: from 1 to 4294967295, or auto"],
    );
    check(&format!("{at}{}", of("echo", at)), &["where a server listens is said by each of its services"]);
    let above = ["where a server listens is said by each of its services"];
    check(&[at.to_owned(), of("echo", ""), of("hello", "")].concat(), &above);
    let other = "label = \"b\"\n";
    let sockets = |from: usize| {
        let each: Vec<_> = (from..from + 32).map(|n| format!("\"unix:/tmp/{n}\"")).collect();
        format!("listen = [{}]\n", each.join(","))
    };
    let many = "64 addresses are more than a restart can pass on: 63";
    check(&[of("echo", &sockets(0)), of("hello", &sockets(32))].concat(), &[many]);
    check(&[of("echo", at), of("hello", "")].concat(), &["hello does not say where it listens"]);
    check(&[of("echo", at), of("hello", at)].concat(), &["127.0.0.1:2 is where echo listens already"]);
    let any = "listen = [\"127.0.0.1:0\"]\n";
    check(&[of("echo", any), of("echo", any)].concat(), &["two services are called echo"]);
    check(&[of("echo", any), of("echo", &[other, any].concat())].concat(), &[]);
    let second = "a process has one chat, and this would be its second";
    check(&[of("chat", any), of("chat", any)].concat(), &[second]);
    let all = "listen = [\"systemd\"]\n";
    let web = "listen = [\"systemd:web\"]\n";
    check(&[of("echo", web), of("hello", all)].concat(), &[]);
    check(&[of("echo", all), of("hello", web)].concat(), &["systemd:web is where echo listens already"]);
    check(&[of("echo", all), of("hello", all)].concat(), &["systemd is where echo listens already"]);
    // What is wrong above all of them is wrong once.
    check(&format!("tls.cert = \"a\"\n{}{}", of("echo", any), of("hello", any)), &["tls.cert needs tls.key"]);
    let many = (0..17).map(|n| of("echo", &format!("label = \"a{n}\"\n{any}"))).collect::<String>();
    check(&many, &["there may be 16 services"]);
}
