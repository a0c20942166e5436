//! `bench scan --accuracy`: `throng scan` as people start it, many times, and not one port too many or too few.

use super::cases::{Case, Contender};
use super::timed::{Scanned, scan};
use super::tools::{Tool, Tools};
use crate::bench::table::{median, sorted};
use crate::lan::{COUNT, Lan};
use crate::{Outcome, interrupt};

/// Who is looked at: by default it, and no options.
const SUBJECT: Contender = Contender { name: "throng", tool: Tool::Throng, words: &[], is_slow: false };

/// Runs a case so often, and tells what came of it. False if anything was wrong.
pub fn run(case: &Case, runs: u32, tools: &Tools, tool: Option<Tool>) -> Outcome<bool> {
    let subject = match tool {
        // Another scanner shows that the runs can fail, and what they say then.
        Some(tool) => *case.contenders.iter().find(|one| one.tool == tool).ok_or("it is not in this case")?,
        None => SUBJECT,
    };
    let lan = Lan::up(case.place)?;
    let mut all: Vec<Scanned> = Vec::new();
    for run in 1..=runs {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        let mut command = tools.command(subject.tool, subject.words, case.place.host(), case.files)?;
        let scanned = scan(&lan, subject.tool, &mut command)?;
        if !scanned.is_right() {
            println!("  run {run}: {}", scanned.told());
        }
        all.push(scanned);
    }
    println!("{}", told(case.name, subject.name, &all));
    Ok(all.iter().all(Scanned::is_right))
}

fn told(case: &str, by: &str, all: &[Scanned]) -> String {
    let secs = sorted(all.iter().map(|scanned| scanned.secs).collect());
    let right = all.iter().filter(|scanned| scanned.is_right()).count();
    let missed: usize = all.iter().map(|scanned| COUNT - scanned.found).sum();
    let false_open: usize = all.iter().map(|scanned| scanned.false_open).sum();
    let word = if right == all.len() { "right" } else { "WRONG" };
    format!(
        "{word}: {case}, {by}: {right} of {} runs right; in all {missed} open ports missed, {false_open} false; \
         median {:.3} s, at most {:.3} s",
        all.len(),
        if secs.is_empty() { 0.0 } else { median(&secs) },
        secs.last().copied().unwrap_or(0.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_wrong_run_is_told() {
        let right = Scanned { secs: 0.25, found: COUNT, ..Scanned::default() };
        let wrong = Scanned { false_open: 1, found: 38, ..right.clone() };
        let said = told("loopback", "throng", &[right.clone(), right.clone()]);
        assert!(said.starts_with("right: loopback, throng: 2 of 2 runs right; in all 0 "), "{said}");
        let said = told("loopback", "throng", &[right, wrong]);
        assert!(said.starts_with("WRONG: loopback, throng: 1 of 2 runs right; in all 2 open"), "{said}");
    }
}
