//! Runs behaviours by their names, each in a process of its own, as libtest would run tests.

use std::collections::BTreeMap;
use std::process::Command;
use std::process::ExitCode;
use std::process::Stdio;

use throng_server::{worker_number, worker_or_continue};

use crate::place::until;
use crate::stage::{FOLDER, children, descriptors};
use crate::starts::serve_until_killed;
use crate::{blocking, changes, clients, starts, workers};

pub(crate) type Behaviour = (&'static str, fn());

/// Which behaviour a process is for. Its arguments, and so its workers', are these two.
pub(crate) const BEHAVE: &str = "--behave";

/// No behaviours, but the other sides of some: to tell whether the process is a worker, and to serve until it is killed.
pub(crate) const WHAT_IT_IS: &str = "tell_what_it_is";
pub(crate) const SERVE_ON: &str = "serve_until_killed";

/// A `main` that does not begin as it must.
const FORGETFUL: &str = "THRONG_TEST_FORGETFUL";

/// Behaviours whose `main` does not begin as it must.
const FORGETFUL_ONES: [&str; 1] = ["the_start_says_what_main_must_begin_with"];

pub(crate) fn main() -> ExitCode {
    if std::env::var_os(FORGETFUL).is_none() {
        worker_or_continue();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [behave, name] if behave == BEHAVE => {
            behave_alone(name);
            ExitCode::SUCCESS
        }
        asked => run_all(asked),
    }
}

fn behaviours() -> impl Iterator<Item = &'static Behaviour> {
    [
        clients::BEHAVIOURS,
        workers::BEHAVIOURS,
        starts::BEHAVIOURS,
        blocking::BEHAVIOURS,
        blocking::ALIKE,
        changes::BEHAVIOURS,
        changes::ANY,
    ]
    .into_iter()
    .flatten()
}

/// One behaviour in this process, which then has neither a child nor a descriptor more than before.
fn behave_alone(name: &str) {
    match name {
        WHAT_IT_IS => return print!("{:?}", worker_number()),
        SERVE_ON => return serve_until_killed(),
        _ => {}
    }
    // The first runtime of a process may make what all later ones share.
    drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
    let before = descriptors();
    let (_, behaviour) = behaviours().find(|(known, _)| *known == name).unwrap();
    behaviour();
    assert_eq!(children(), [0; 0], "children are left");
    until("all descriptors are closed", || descriptors() == before);
}

/// Runs all behaviours whose name holds one of the words, as libtest would.
fn run_all(asked: &[String]) -> ExitCode {
    let words: Vec<_> = asked.iter().filter(|word| !word.starts_with('-')).collect();
    let is_asked = |name: &str| words.is_empty() || words.iter().any(|word| name.contains(word.as_str()));
    let chosen: Vec<_> = behaviours().filter(|(name, _)| is_asked(name)).collect();
    if asked.iter().any(|word| word == "--list") {
        chosen.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", chosen.len());
    let failed: BTreeMap<_, _> = chosen.iter().filter_map(|(name, _)| Some((name, run(name)?))).collect();
    for (name, said) in &failed {
        println!("\n---- {name} ----\n{said}");
    }
    let outcome = if failed.is_empty() { "ok" } else { "FAILED" };
    let passed = chosen.len() - failed.len();
    println!("\ntest result: {outcome}. {passed} passed; {} failed\n", failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one in a process of its own. What it said, if it failed.
fn run(name: &str) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    let mut process = Command::new(std::env::current_exe().unwrap());
    process.args([BEHAVE, name]).env(FOLDER, folder.path()).stdin(Stdio::null());
    if FORGETFUL_ONES.contains(&name) {
        process.env(FORGETFUL, "");
    }
    let output = process.output().unwrap();
    let passed = output.status.success();
    println!("test {name} ... {}", if passed { "ok" } else { "FAILED" });
    let said = [output.stdout, output.stderr].concat();
    (!passed).then(|| format!("{}\n{}", output.status, String::from_utf8_lossy(&said)))
}
