//! What is scanned, by whom, and what must come of it.
//!
//! The options of the peers are the best that were found by hand for each case, beside what people use.

use std::time::Duration;

use super::tools::Tool;
use crate::lan::{Cable, Closed, Place};

/// One case.
#[derive(Debug)]
pub struct Case {
    /// As it is asked for.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// Where the open ports are.
    pub place: Place,
    /// The descriptors that a scanner may have, soft and hard; all that there are otherwise.
    pub files: Option<u32>,
    /// Who scans.
    pub contenders: &'static [Contender],
    /// What must be.
    pub goals: &'static [Goal],
    /// How often `--accuracy` runs it; not at all, where it is no case of its own there.
    pub accuracy: u32,
}

/// A scanner with its options.
#[derive(Clone, Copy, Debug)]
pub struct Contender {
    /// As the tables name it.
    pub name: &'static str,
    /// Its program.
    pub tool: Tool,
    /// What it is told beside the usual.
    pub words: &'static [&'static str],
    /// It takes so long that it scans in the first rounds only.
    pub is_slow: bool,
}

/// What must be of one contender.
#[derive(Debug)]
pub struct Goal {
    /// Whose.
    pub of: &'static str,
    /// What.
    pub is: Is,
}

/// What must be.
#[derive(Debug)]
pub enum Is {
    /// At most so many times as long as the quickest of these.
    AtMost(f64, &'static [&'static str]),
    /// At least so many times as fast as the best of these.
    Faster(f64, &'static [&'static str]),
    /// At most so many seconds.
    Secs(f64),
    /// At most so many MiB resident.
    Mib(f64),
    /// All that is open, nothing else, exit code 0.
    Right,
}

const fn of(tool: Tool, name: &'static str, words: &'static [&'static str]) -> Contender {
    Contender { name, tool, words, is_slow: false }
}

const fn slow(tool: Tool, name: &'static str, words: &'static [&'static str]) -> Contender {
    Contender { name, tool, words, is_slow: true }
}

const fn goal(of: &'static str, is: Is) -> Goal {
    Goal { of, is }
}

const fn there(loss: f64, closed: Closed) -> Place {
    Place::There(Cable { rtt: Duration::from_millis(50), loss, seed: 7 }, closed)
}

const T4: Contender = of(Tool::Nmap, "nmap -T4", &["-T4"]);

/// The yardsticks of one thread. A window of 16,000 is quicker where the machine has nothing else to do, and else is not.
pub const LIMITS: &[&str] = &["lim", "lim, window 4096"];

/// All cases.
pub const CASES: &[Case] = &[
    Case {
        name: "loopback",
        title: "loopback",
        place: Place::Here,
        files: None,
        contenders: &[
            of(Tool::Throng, "throng --threads 1", &["--threads", "1"]),
            of(Tool::Throng, "throng --threads 2", &["--threads", "2"]),
            of(Tool::Limit, "lim", &["--window", "1024"]),
            of(Tool::Limit, "lim, 2 threads", &["--window", "1024", "--threads", "2"]),
            T4,
            of(Tool::Nmap, "nmap --min-rate 50000", &["-T4", "--min-rate", "50000"]),
            of(Tool::RustScan, "rustscan -b 500", &["-b", "500"]),
            of(Tool::RustScan, "rustscan", &[]),
        ],
        goals: &[
            goal("throng --threads 1", Is::AtMost(1.25, LIMITS)),
            goal("throng --threads 2", Is::AtMost(0.7, LIMITS)),
            goal("throng --threads 1", Is::Faster(2.0, &["nmap -T4", "nmap --min-rate 50000"])),
            goal("throng --threads 1", Is::Faster(7.0, &["rustscan", "rustscan -b 500"])),
            goal("throng --threads 2", Is::Faster(3.5, &["nmap -T4", "nmap --min-rate 50000"])),
            goal("throng --threads 2", Is::Faster(13.0, &["rustscan", "rustscan -b 500"])),
        ],
        accuracy: 100,
    },
    Case {
        name: "rtt",
        title: "RTT 50 ms, closed ports reset",
        place: there(0.0, Closed::Resets),
        files: None,
        contenders: &[
            of(Tool::Throng, "throng", &[]),
            // Nothing is lost here, so a long timeout costs nothing; a short one is wrong where the machine is busy.
            of(Tool::Limit, "lim", &["--window", "16000", "--timeout", "1000"]),
            of(Tool::Limit, "lim, window 4096", &["--window", "4096", "--timeout", "1000"]),
            slow(Tool::Nmap, "nmap -T4", &["-T4"]),
            of(Tool::Nmap, "nmap --min-rate 20000", &["-T4", "--min-rate", "20000"]),
            of(Tool::RustScan, "rustscan", &[]),
            of(Tool::RustScan, "rustscan -b 10000", &["-b", "10000"]),
        ],
        goals: &[
            goal("throng", Is::AtMost(1.6, LIMITS)),
            goal("throng", Is::Faster(10.0, &["nmap -T4"])),
            goal("throng", Is::Faster(3.0, &["nmap --min-rate 20000"])),
            goal("throng", Is::Faster(3.5, &["rustscan", "rustscan -b 10000"])),
        ],
        accuracy: 20,
    },
    Case {
        name: "drop",
        title: "RTT 50 ms, 1 % loss each way, closed ports say nothing",
        place: there(0.01, Closed::Drops),
        files: None,
        contenders: &[
            of(Tool::Throng, "throng", &[]),
            of(Tool::Limit, "lim", &["--window", "16000", "--timeout", "200"]),
            slow(Tool::Nmap, "nmap -T4", &["-T4"]),
            slow(Tool::Nmap, "nmap --min-rate 10000", &["-T4", "--min-rate", "10000", "--max-retries", "2"]),
            slow(Tool::RustScan, "rustscan", &[]),
            of(Tool::RustScan, "rustscan -b 19000", &["-b", "19000", "-t", "200", "--tries", "3"]),
        ],
        goals: &[
            goal("throng", Is::Secs(4.5)),
            goal("throng", Is::Faster(30.0, &["nmap -T4"])),
            goal("throng", Is::Faster(5.0, &["rustscan"])),
            goal("throng", Is::Faster(1.2, &["rustscan -b 19000", "nmap --min-rate 10000"])),
        ],
        accuracy: 20,
    },
    Case {
        name: "resets",
        title: "RTT 50 ms, at most 200 resets a second",
        place: there(0.0, Closed::AtMost(200)),
        files: None,
        contenders: &[
            of(Tool::Throng, "throng", &[]),
            of(Tool::Limit, "lim", &["--window", "16000", "--timeout", "400"]),
            slow(Tool::Nmap, "nmap -T4", &["-T4"]),
            slow(Tool::RustScan, "rustscan", &[]),
        ],
        goals: &[
            goal("throng", Is::Secs(6.0)),
            goal("throng", Is::Faster(8.0, &["nmap -T4"])),
            goal("throng", Is::Faster(3.5, &["rustscan"])),
        ],
        accuracy: 20,
    },
    Case {
        name: "files",
        title: "loopback, 256 descriptors (ulimit -n 256)",
        place: Place::Here,
        files: Some(256),
        contenders: &[
            of(Tool::Throng, "throng", &[]),
            of(Tool::Limit, "lim", &["--window", "192"]),
            T4,
            of(Tool::RustScan, "rustscan", &[]),
        ],
        goals: &[goal("throng", Is::Right)],
        accuracy: 0,
    },
    Case {
        name: "memory",
        title: "memory at a window of 16,000; RTT 50 ms, 1 % loss, closed ports say nothing",
        place: there(0.01, Closed::Drops),
        files: None,
        contenders: &[
            of(Tool::Throng, "throng --parallel 16000", &["--parallel", "16000"]),
            of(Tool::Limit, "lim", &["--window", "16000", "--timeout", "200"]),
            slow(Tool::RustScan, "rustscan -b 19000", &["-b", "19000", "-t", "200", "--tries", "3"]),
        ],
        goals: &[goal("throng --parallel 16000", Is::Mib(32.0))],
        accuracy: 0,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_speak_of_contenders_that_there_are() {
        for case in CASES {
            for Goal { of, is } in case.goals {
                let exists = |name: &str| case.contenders.iter().any(|contender| contender.name == name);
                assert!(exists(of), "{}: {of}", case.name);
                let (Is::AtMost(_, others) | Is::Faster(_, others)) = is else { continue };
                // Not every case has each yardstick.
                assert!(others.iter().any(|name| exists(name)), "{}: {others:?}", case.name);
            }
        }
    }
}
