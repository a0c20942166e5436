//! What may be set, shown and read anew, on servers in this process.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use throng_server::{Conn, Server};

use super::*;
use crate::log::{Sight, segments};
use crate::screen::Screen;
use crate::settings::choices::Service;
use crate::settings::flags::{CONFIG_VARIABLE, Given};

const PATIENCE: Duration = Duration::from_secs(20);

async fn echo(mut conn: Conn) -> throng_server::Result {
    let mut buffer = conn.buffer();
    while conn.read_into(&mut buffer).await? > 0 {
        conn.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

/// A server in this process that goes by this file and these variables.
fn chair(file: &Path, variables: &[(&str, &str)]) -> Chair {
    let mut variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    variables.insert(CONFIG_VARIABLE.to_owned(), file.to_str().unwrap().to_owned());
    let sources = Sources {
        service: Some(Service::Echo),
        given: Given::default(),
        variables: Arc::new(move |name: &str| variables.get(name).map(Into::into)),
        descriptors: 1_128,
    };
    let plan = sources.load().unwrap();
    let shares = plan.shares(sources.descriptors).into_iter();
    let live = plan.services().iter().zip(shares).map(|(config, clients)| {
        let limits = live::limits(&config.settings, clients);
        let server = Server::new(echo).limits(limits).timeouts(live::timeouts(&config.settings));
        let running = server.listen("127.0.0.1:0").start().unwrap();
        Live { running, listens: Vec::new(), chat: None, identity: None, tls: None }
    });
    let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
    let live = live.collect();
    Chair::new(sources, plan, live, log)
}

fn settings_of(chair: &Chair) -> Settings {
    chair.plan().services()[0].settings.clone()
}

fn events(chair: &Chair) -> Vec<String> {
    chair.log.settle(PATIENCE);
    chair.log.last(100).iter().map(|event| event.text(&jiff::tz::TimeZone::UTC)[9..].to_owned()).collect()
}

fn is_served(chair: &Chair) -> bool {
    let mut client = TcpStream::connect(&chair.live[0].running.addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"hello").unwrap();
    client.read_exact(&mut [0; 5]).is_ok()
}

#[test]
fn a_limit_that_is_set_holds_for_the_next_client_and_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throng.toml");
    std::fs::write(&file, "limits.full = \"refuse\"\n").unwrap();
    let chair = chair(&file, &[]);
    let mut first = TcpStream::connect(&chair.live[0].running.addresses()[0]).unwrap();
    first.write_all(b"x").unwrap();
    first.read_exact(&mut [0]).unwrap();
    assert!(is_served(&chair));
    let changed = chair.set("limits.clients", "1", None, "ana").unwrap();
    let told = changed.told("throng.toml");
    assert_eq!(
        told,
        "limits.clients: auto -> 1, until the server ends; to keep it: limits.clients = 1 in throng.toml"
    );
    assert_eq!(
        events(&chair),
        ["setting.changed path=limits.clients from=auto to=1 by=ana origin=\"set by ana\""]
    );
    assert!(!is_served(&chair));
    first.write_all(b"y").unwrap();
    first.read_exact(&mut [0]).unwrap();
    let shown = chair.show("limits.c", None).unwrap();
    let expected = Shown {
        path: "limits.clients",
        service: None,
        value: "1".to_owned(),
        origin: Origin::Set("ana".to_owned()),
    };
    assert_eq!(shown, [expected]);
    assert_eq!(chair.show("", None).unwrap().len(), ROWS.len());
}

#[test]
fn what_cannot_be_set_is_told_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throng.toml");
    std::fs::write(&file, "").unwrap();
    let chair = chair(&file, &[]);
    let before = settings_of(&chair);
    for (path, text, expected, hint) in [
        ("limits.clint", "1", "there is no setting limits.clint", "did you mean limits.clients?"),
        ("limits.clients", "many", "limits.clients = many: expected a whole number, or auto", ""),
        (
            "limits.clients",
            "1001",
            "limits.clients = 1001 is more than this process may have: 1000",
            "the descriptor",
        ),
        ("model", "pool", "model cannot change while the server runs", "write model = \"pool\" into "),
        ("pace", "\u{1b}", "pace = \\x1b: expected one of default, off", ""),
    ] {
        let fault = chair.set(path, text, None, "ana").unwrap_err();
        assert_eq!((fault.what.as_str(), fault.exit_code), (expected, 2), "{path}");
        assert!(fault.hints.first().map_or("", String::as_str).starts_with(hint), "{:?}", fault.hints);
    }
    assert_eq!(settings_of(&chair), before);
    assert!(events(&chair).is_empty());
}

#[test]
fn what_was_set_is_put_back_by_a_reload_and_variables_stay() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throng.toml");
    std::fs::write(&file, "timeouts.idle = \"5m\"\n").unwrap();
    let chair = chair(&file, &[("THRONG_TIMEOUTS__AGE", "1h")]);
    chair.set("timeouts.idle", "1m", None, "ana").unwrap();
    chair.set("timeouts.age", "2h", None, "ana").unwrap();
    assert_eq!(chair.live[0].running.timeouts().idle, Some(Duration::from_secs(60)));
    let reloaded = chair.reload("ana").unwrap();
    let idle = Some(Duration::from_secs(300));
    assert_eq!((chair.live[0].running.timeouts().idle, reloaded.certificate), (idle, false));
    let file = file.display();
    let expected = format!(
        "changed   timeouts.idle: 1m -> 5m ({file}:1); it had been set while the server ran, and is put back\n\
         changed   timeouts.age: 2h -> 1h ($THRONG_TIMEOUTS__AGE); it had been set while the server ran, and is put back"
    );
    assert_eq!(reloaded.to_string(), expected);
    assert_eq!(chair.reload("ana").unwrap().to_string(), "Nothing has changed.");
}

#[test]
fn a_reload_with_a_mistake_changes_nothing_and_what_needs_a_restart_is_told_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throng.toml");
    std::fs::write(&file, "").unwrap();
    let chair = chair(&file, &[]);
    chair.set("timeouts.idle", "1m", None, "ana").unwrap();
    let (settings, limits) = (settings_of(&chair), chair.live[0].running.limits());
    for bad in ["limits.clients = 7\npace = 1\n", "limits.clients = 5000\n", "limits.clients = 7\n[", "\u{0}"]
    {
        std::fs::write(&file, bad).unwrap();
        assert!(chair.reload("ana").is_err(), "{bad:?}");
        assert_eq!(
            (settings_of(&chair), chair.live[0].running.limits()),
            (settings.clone(), limits.clone()),
            "{bad:?}"
        );
    }
    std::fs::write(&file, "limits.clients = 7\nname = \"a\"\nlimits.backlog = 7\n").unwrap();
    for changed in [&["limits.clients", "timeouts.idle"][..], &[]] {
        let reloaded = chair.reload("ana").unwrap();
        let paths = |all: &[Changed]| all.iter().map(|changed| changed.path).collect::<Vec<_>>();
        assert_eq!(paths(&reloaded.changed), changed);
        assert_eq!(paths(&reloaded.needs_restart), ["name", "limits.backlog"]);
    }
    assert_eq!(
        (settings_of(&chair).name.as_str(), chair.live[0].running.limits().total),
        ("throng.localhost", 7)
    );
}

#[test]
fn of_several_services_each_has_its_own_and_what_is_read_anew_is_all_or_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("throng.toml");
    let two = |more: &str, of_lab: &str| {
        let listen = "listen = [\"127.0.0.1:0\"]\n";
        let text = format!(
            "{more}[[service]]\nkind = \"echo\"\n{listen}[[service]]\nkind = \"echo\"\nlabel = \"lab\"\n{listen}{of_lab}"
        );
        std::fs::write(&file, text).unwrap();
    };
    two("timeouts.idle = \"5m\"\n", "timeouts.idle = \"1m\"\n");
    let chair = chair(&file, &[]);
    let idle = |chair: &Chair| {
        let secs = |live: &Live| live.running.timeouts().idle.map(|idle| idle.as_secs());
        (secs(&chair.live[0]), secs(&chair.live[1]))
    };
    assert_eq!(idle(&chair), (Some(300), Some(60)), "its own goes before that of all");
    let totals = |chair: &Chair| [0, 1].map(|at: usize| chair.live[at].running.limits().total);
    assert_eq!(totals(&chair), [468, 468]);
    let fault = chair.set("limits.clients", "5", None, "ana").unwrap_err();
    assert_eq!(fault.what, "limits.clients is each service's own: echo and lab");
    let fault = chair.set("limits.clients", "5", Some("gopher"), "ana").unwrap_err();
    assert_eq!(fault.what, "there is no service gopher");
    let told = chair.set("limits.clients", "400", Some("lab"), "ana").unwrap().to_string();
    assert_eq!(told, "lab: limits.clients: auto -> 400 (set by ana)");
    assert_eq!(totals(&chair), [536, 400], "the other has what is left");
    let shown = chair.show("limits.clients", None).unwrap();
    let of = |shown: &Shown| (shown.service.clone().unwrap_or_default(), shown.value.clone());
    let pair = |one: &str, other: &str| (one.to_owned(), other.to_owned());
    assert_eq!(shown.iter().map(of).collect::<Vec<_>>(), [pair("echo", "auto"), pair("lab", "400")]);
    assert_eq!(chair.show("limits.clients", Some("lab")).unwrap().len(), 1);
    assert_eq!(chair.show("drain.time", None).unwrap().len(), 1, "the process has it once");
    two("timeouts.idle = \"4m\"\n", "timeouts.idle = \"never\"\n");
    assert!(chair.reload("ana").is_err());
    assert_eq!((idle(&chair), totals(&chair)), ((Some(300), Some(60)), [536, 400]));
    two("timeouts.idle = \"4m\"\ndrain.time = \"2s\"\n", "timeouts.idle = \"1m\"\n");
    let told = chair.reload("ana").unwrap().to_string();
    assert!(told.starts_with("changed   echo: timeouts.idle: 5m -> 4m ("), "{told}");
    assert_eq!(told.matches("drain.time").count(), 1, "{told}");
    assert_eq!((idle(&chair), totals(&chair)), ((Some(240), Some(60)), [468, 468]));
    // One that the file has no more goes on with what it has, and that counts.
    let text = "[[service]]\nkind = \"echo\"\nlisten = [\"127.0.0.1:0\"]\nlimits.clients = ";
    chair.set("limits.clients", "400", Some("lab"), "ana").unwrap();
    std::fs::write(&file, format!("{text}537\n")).unwrap();
    let told = chair.reload("ana").unwrap_err().to_string();
    assert!(told.contains("limits.clients of all services is 937"), "{told}");
    std::fs::write(&file, format!("{text}536\n")).unwrap();
    assert!(chair.reload("ana").is_ok());
    assert_eq!(totals(&chair), [536, 400]);
    two("timeouts.idle = \"4m\"\ndrain.time = \"2s\"\n", "timeouts.idle = \"1m\"\n");
    chair.reload("ana").unwrap();
    std::fs::write(&file, "[[service]]\nkind = \"hello\"\nlisten = [\"127.0.0.1:0\"]\n").unwrap();
    let mut without = chair.sources.clone();
    without.service = None;
    let chair = Chair { sources: without, ..chair };
    let told = chair.reload("ana").unwrap().to_string();
    assert!(told.contains("\nrestart   service: echo and lab -> hello ("), "{told}");
    assert_eq!(idle(&chair), (Some(240), Some(60)), "they go on as they are");
}
