//! What a process of the test may be: a server that does what it is told, or one that cannot serve.

use std::io::Write;
use std::process::Command;
use std::time::Duration;

use throng_server::{
    Claim, Inherited, Pool, Restart, RestartError, Running, Sequential, Server, StartError, Threads, Workers,
    restart,
};

use crate::place::{PATIENCE, echo, workers};

/// What this process is to be, if it is not the test.
pub(crate) const ROLE: &str = "THRONG_TEST_ROLE";

/// Where the first server listens.
pub(crate) const PLACES: &str = "THRONG_TEST_PLACES";

/// By what means it serves.
pub(crate) const MODEL: &str = "THRONG_TEST_MODEL";

/// Is that, to its end.
pub(crate) fn play(role: &str) {
    match role {
        "serve" => serve(),
        "end" => end(),
        "hang" => hang(),
        "refuse" => Inherited::take().unwrap().baton.unwrap().failed("the certificate has expired"),
        "chatter" => {
            eprintln!("{}the last words", "chatter\n".repeat(20_000));
            std::process::exit(3);
        }
        "end late" => {
            Inherited::take().unwrap().baton.unwrap().warm().unwrap();
            end();
        }
        role => panic!("no such role: {role}"),
    }
}

/// Ends at once, with a word.
fn end() {
    eprintln!("no such luck");
    std::process::exit(3);
}

/// Does nothing until the line to the old process is closed by its end.
fn hang() {
    let inherited = Inherited::take().unwrap();
    assert!(inherited.baton.is_some());
    std::thread::park();
}

/// Serves an echo, and does what it is told.
fn serve() {
    let Inherited { mut claims, mut baton, .. } = match Inherited::take() {
        Ok(inherited) => inherited,
        Err(why) => return tell(&format!("refused {why}")),
    };
    assert!(Inherited::take().unwrap().claims.is_empty(), "there is nothing to take twice");
    if claims.is_empty() {
        let places = std::env::var(PLACES).unwrap();
        let bound = places.split(',').map(|place| throng_server::Address::resolve(place).unwrap());
        claims = bound.map(|address| Claim::bind(address).unwrap()).collect();
    }
    if let Some(baton) = &mut baton {
        baton.warm().unwrap();
    }
    let names: Vec<_> = claims.iter().map(|claim| claim.name().unwrap_or("-").to_owned()).collect();
    let running = start(claims).unwrap();
    if let Some(baton) = baton {
        baton.open().unwrap();
    }
    let addresses: Vec<_> = running.addresses().iter().map(ToString::to_string).collect();
    tell(&format!("open {} {} {}", std::process::id(), addresses.join(","), names.join(",")));
    while next_order().is_some_and(|order| !obey(&running, &order)) {}
    let report = running.drain(PATIENCE).wait();
    tell(&format!("drained cut={}", report.cut));
}

/// Starts an echo by the model that was named.
fn start(claims: Vec<Claim>) -> Result<Running, StartError> {
    let model = std::env::var(MODEL).unwrap_or_default();
    #[cfg(target_os = "linux")]
    if model == "processes" {
        let server = claims.into_iter().fold(Server::local(|_| echo), Server::listen_on);
        return server.model(throng_server::Processes { workers: Workers::Count(2) }).start();
    }
    let server = claims.into_iter().fold(Server::new(echo), Server::listen_on);
    match model.as_str() {
        "sequential" => server.model(Sequential).start(),
        "threads" => server.model(Threads { max: 64 }).start(),
        "one loop" => server.model(workers(1)).start(),
        "pool" => server.model(Pool { workers: Workers::Count(2) }).start(),
        _ => server.model(workers(2)).start(),
    }
}

/// The next line of the input, until that ends.
fn next_order() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    line.pop().map(|_| line)
}

/// Carries out an order; `true` when this process is over.
fn obey(running: &Running, order: &str) -> bool {
    match order {
        "restart" => told(&running.restart(heir("serve"))),
        "impatient" => {
            let warm_within = Duration::from_millis(300);
            told(&running.restart(Restart { warm_within, ..heir("hang") }))
        }
        "missing" => told(&running.restart(Restart::of(Command::new("/nowhere/at/all")))),
        "twice" => {
            let first = running.heir(heir("serve")).unwrap();
            let second = running.restart(heir("serve"));
            assert!(matches!(second, Err(RestartError::UnderWay)), "{second:?}");
            drop(first);
            tell("once");
            false
        }
        "pause" => {
            let paused = running.pause(throng_server::Pause::Refuse);
            tell(&paused.map_or_else(|why| format!("not paused {why}"), |_| "paused".to_owned()));
            false
        }
        "hold" => {
            // As a service with something that only one process can have: it is over before the next one begins.
            let mut heir = running.heir(heir("serve")).unwrap();
            running.let_go().unwrap();
            running.drain(PATIENCE).wait();
            tell("let go");
            next_order();
            told(&heir.open())
        }
        "hold in vain" => {
            let mut heir = running.heir(heir("end late")).unwrap();
            running.let_go().unwrap();
            running.drain(PATIENCE).wait();
            told(&heir.open());
            let claims = heir.into_claims();
            let again = claims.into_iter().fold(Server::new(echo), Server::listen_on).start().unwrap();
            tell("again");
            next_order();
            again.drain(PATIENCE).wait();
            true
        }
        "become" => {
            let claims = running.heir(heir("serve")).unwrap().into_claims();
            running.let_go().unwrap();
            running.drain(PATIENCE).wait();
            panic!("{}", restart::replace(heir("serve").command, &claims));
        }
        role => told(&running.restart(heir(role))),
    }
}

pub(crate) fn heir(role: &str) -> Restart {
    let mut restart = Restart::again().unwrap();
    restart.command.env(ROLE, role);
    restart
}

fn told(restarted: &Result<u32, RestartError>) -> bool {
    match restarted {
        Ok(id) => tell(&format!("restarted {id}")),
        Err(why) => tell(&format!("failed {}", why.to_string().replace('\n', " "))),
    }
    restarted.is_ok()
}

/// One line, in one write, so that two generations do not tear each other's.
fn tell(line: &str) {
    std::io::stdout().lock().write_all(format!("{line}\n").as_bytes()).unwrap();
}
