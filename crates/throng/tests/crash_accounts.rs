//! kill -9 while somebody registers, somebody changes their password and somebody signs their devices out: what was confirmed
//! holds, a password that was replaced never works again, and no account is there by half. `THRONG_CRASHES` says how often.

#![allow(clippy::unwrap_used)]

mod real;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Barrier};
use std::thread::JoinHandle;

use real::{Person, Server};

/// How often unless told.
const CRASHES_USUAL: usize = 20;

/// The crash comes after some messages of one who talks meanwhile: often few, since to sign devices out is quick, and sometimes
/// many, since to change a password takes three hashes.
fn said_before_crash(round: usize) -> usize {
    let spread = round * 37 % 100;
    spread * spread / 40
}

/// What became of an attempt to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attempt {
    SignedIn,
    Refused,
    /// Nobody has registered the name.
    Free,
}

fn sign_in(address: SocketAddr, typed: &str) -> Attempt {
    let mut person = Person::connect(address);
    person.type_line(typed);
    loop {
        let line = person.read_line().expect("an attempt is answered");
        for (words, attempt) in [
            ("* You are signed in as", Attempt::SignedIn),
            ("! Not signed in: the name or the password is wrong", Attempt::Refused),
            ("Hello ", Attempt::Free),
        ] {
            if line.contains(words) {
                return attempt;
            }
        }
    }
}

/// Somebody who does this when all are ready, and whether it was confirmed before the crash.
fn doing(
    mut person: Person,
    ready: &Arc<Barrier>,
    typed: String,
    confirmation: &'static str,
) -> JoinHandle<bool> {
    let ready = Arc::clone(ready);
    std::thread::spawn(move || {
        ready.wait();
        if person.send(typed.as_bytes()).is_err() {
            return false;
        }
        while let Some(line) = person.read_line() {
            assert!(!line.starts_with("! "), "{line}");
            if line.contains(confirmation) {
                return true;
            }
        }
        false
    })
}

/// Somebody of an account, in the lobby.
fn signed_in(address: SocketAddr, name: &str, password: &str) -> Person {
    let mut person = Person::connect(address);
    person.type_line(&format!("{name}\n{password}"));
    person.read_until("What you type goes to");
    person
}

fn register(address: SocketAddr, name: &str, password: &str) {
    let mut person = Person::enter(address, name);
    person.type_line(&format!("/register\n{password}\n{password}"));
    person.read_until("Registered.");
}

/// Talks until so much was said, and then the server dies.
fn kill_after(server: Server, said: usize, ready: &Barrier) {
    let mut talker = Person::enter(server.address, "talker");
    ready.wait();
    for number in 0..said {
        talker.type_line(&format!("message {number}"));
        talker.read_until(&format!("message {number}"));
    }
    server.kill();
}

/// What was known before a crash.
struct Known {
    password: String,
    token: String,
}

#[test]
fn what_was_confirmed_of_accounts_outlives_a_crash() {
    let crashes = std::env::var("THRONG_CRASHES").ok().and_then(|count| count.parse().ok());
    let crashes: usize = crashes.unwrap_or(CRASHES_USUAL);
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    register(server.address, "bob", "password number 0");
    register(server.address, "cyd", "cyd's password");
    drop(server);
    let mut password = "password number 0".to_owned();
    let mut confirmed = [0; 3];
    for round in 0..crashes {
        let server = start(folder.path());
        let (address, said) = (server.address, said_before_crash(round));
        let mut cyd = signed_in(address, "cyd", "cyd's password");
        cyd.type_line("/token phone");
        let token = cyd.read_until("  throng_").trim().to_owned();
        let before = Known { password, token };
        let next = format!("password number {}", round + 1);
        let (newcomer, secret) = (format!("new{round}x"), format!("secret of {round}"));

        let ready = Arc::new(Barrier::new(4));
        let change = format!("/password\n{}\n{next}\n{next}\n", before.password);
        let doing = [
            doing(
                Person::enter(address, &newcomer),
                &ready,
                format!("/register\n{secret}\n{secret}\n"),
                "Registered.",
            ),
            doing(
                signed_in(address, "bob", &before.password),
                &ready,
                change,
                "Your password is another one now",
            ),
            doing(cyd, &ready, "/revoke all\n".to_owned(), "All your devices are signed out"),
        ];
        kill_after(server, said, &ready);
        let [registered, changed, revoked] = doing.map(|one| one.join().unwrap());
        for (confirmed, now) in confirmed.iter_mut().zip([registered, changed, revoked]) {
            *confirmed += usize::from(now);
        }

        let server = start(folder.path());
        let try_it = |typed: String| sign_in(server.address, &typed);
        let came = try_it(format!("{newcomer}\n{secret}"));
        assert!(came == Attempt::SignedIn || (!registered && came == Attempt::Free), "{round}: {came:?}");
        let new = try_it(format!("bob\n{next}")) == Attempt::SignedIn;
        let old = try_it(format!("bob\n{}", before.password)) == Attempt::SignedIn;
        assert!(new != old && (new || !changed), "{round}: confirmed {changed}, new {new}, old {old}");
        password = if new { next } else { before.password };
        let by_token = try_it(format!("/login cyd token {}", before.token));
        assert!(by_token == Attempt::Refused || !revoked, "{round}: {by_token:?}");
        assert_eq!(try_it("cyd\ncyd's password".to_owned()), Attempt::SignedIn);
    }
    println!("{crashes} crashes; confirmed: {confirmed:?} of each");
    assert!(confirmed.iter().all(|count| *count > 0 && *count < crashes), "{confirmed:?}");
}

fn start(folder: &Path) -> Server {
    Server::start(folder, &["--pace", "off"])
}
