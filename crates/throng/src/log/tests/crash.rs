//! kill -9 while the log turns to a new file all the time, and is cleared at times: it opens, with everything that was
//! written since the last clear, in order. `THRONG_CRASHES` says how often.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;

use rustix::process::{Signal, getpid, kill_process};

use super::*;

/// How often unless told.
const CRASHES_USUAL: u64 = 20;

/// Whoever has this variable is the process that dies, and this is its folder.
const VICTIM: &str = "THRONG_TEST_LOG_VICTIM";

/// After so many confirmations it dies, and after turning round so often.
const DEATH: &str = "THRONG_TEST_LOG_DEATH";

/// Three events or so a file; so many files that a round fills none of the last ones.
const TINY: Bounds = Bounds { bytes: 300, files: 200 };

/// So many events are told at once, and confirmed.
const AT_ONCE: u64 = 7;

/// The log is cleared once in so many.
const CLEARED_EVERY: u64 = 23;

/// So many lines the process says until it has cleared the log: that it wrote each time, begins to clear, and has cleared.
const LINES_A_CLEAR: u64 = CLEARED_EVERY + 2;

/// How often it turns round at most: about as long as a clear takes.
const SPINS_MAX: u64 = 20_000;

/// How often the process confirms something before it dies, differing from round to round; no clock in it, and only the moment
/// after that is chance. Every other time it is clearing then.
fn confirmations(round: u64) -> u64 {
    if round.is_multiple_of(2) { 1 + round * 37 % 101 } else { LINES_A_CLEAR * (1 + round / 2 % 3) - 1 }
}

/// A process that is killed when the test is over, whatever comes of it.
struct Victim(Child);

impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What it said before it died: the last number that was surely written, and the last one that was surely cleared.
#[derive(Debug, Default)]
struct Confirmed {
    written: Option<u64>,
    cleared: Option<u64>,
    clears: u64,
}

#[test]
fn what_was_written_since_the_last_clear_outlives_a_crash() {
    if let Some(folder) = std::env::var_os(VICTIM) {
        return tell_and_clear(Path::new(&folder));
    }
    let crashes = std::env::var("THRONG_CRASHES").ok().and_then(|count| count.parse().ok());
    let folder = tempfile::tempdir().unwrap();
    let (mut total, mut torn, mut highest) = (0, 0, 0);
    for round in 0..crashes.unwrap_or(CRASHES_USUAL) {
        let confirmed = run_until_killed(folder.path(), confirmations(round), round * 7919 % SPINS_MAX);
        let before = last_on_disk(folder.path());
        let log = open(folder.path(), TINY);
        let shown = log.show(&Query::last(usize::MAX)).events;
        assert_no_gap(shown.iter().map(Arc::as_ref));
        torn += shown.iter().filter(|event| event.kind == "log.torn").count();
        let newest = shown.last().map_or(0, |event| event.seq);
        assert!(newest >= highest, "round {round}: after {highest} the log ends with {newest}");
        highest = newest;
        let (numbers, message) = (numbers(&shown), format!("round {round}: {confirmed:?}"));
        assert!(numbers.is_sorted_by(|one, other| one + 1 == *other), "{message}: {numbers:?}");
        if let Some(written) = confirmed.written {
            let was_cleared =
                shown[0].kind == "log.cleared" && numbers.first().is_none_or(|first| *first > written);
            assert!(numbers.last() >= Some(&written) || was_cleared, "{message}: {numbers:?}");
        }
        if let Some(cleared) = confirmed.cleared {
            assert_eq!(shown[0].kind, "log.cleared", "{message}");
            assert!(numbers.first().is_none_or(|first| *first > cleared), "{message}: {numbers:?}");
        }
        let readable = shown.iter().rev().find(|event| event.kind != "log.torn").map(|event| event.seq);
        assert!(readable >= before, "{message}: {readable:?} of {before:?}");
        total += confirmed.clears;
        close(log);
    }
    println!("{total} clears, {torn} torn lines");
    assert!(total > 0);
}

/// The greatest number in the files as the crash left them, read the plain way.
fn last_on_disk(folder: &Path) -> Option<u64> {
    let files = Files::new(folder);
    let read = |older| std::fs::read(files.path(older)).unwrap();
    let seq = |content: Vec<u8>| {
        let lines = content.split(|byte| *byte == b'\n').rev();
        lines.filter_map(json::read).map(|event| event.seq).max()
    };
    files.present().unwrap().into_iter().map(read).filter_map(seq).max()
}

/// Lets a process tell and clear until it kills itself, and gives what it said before.
fn run_until_killed(folder: &Path, confirmations: u64, spins: u64) -> Confirmed {
    let name = "log::tests::crash::what_was_written_since_the_last_clear_outlives_a_crash";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]);
    child.env(VICTIM, folder).env(DEATH, format!("{confirmations} {spins}"));
    let mut victim = Victim(child.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap());
    let lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    let (over, waits) = sync_channel(1);
    std::thread::spawn(move || over.send(confirmed(lines.map_while(Result::ok))));
    let confirmed = waits.recv_timeout(PATIENCE).expect("it kills itself soon");
    let status = victim.0.wait().unwrap();
    assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "it ended otherwise");
    confirmed
}

fn confirmed(lines: impl Iterator<Item = String>) -> Confirmed {
    let mut confirmed = Confirmed::default();
    for line in lines {
        // The last line may be torn by the crash, so each ends with a full stop.
        let number = |number: &str| number.strip_suffix('.').and_then(|number| number.parse().ok());
        match line.split_once(' ').map(|(what, rest)| (what, number(rest))) {
            Some(("written", Some(number))) => confirmed.written = Some(number),
            Some(("cleared", Some(number))) => {
                confirmed.cleared = Some(number);
                confirmed.clears += 1;
            }
            _ => {}
        }
    }
    confirmed
}

/// The process that dies: it tells and clears, and a thread of its own kills it meanwhile.
fn tell_and_clear(folder: &Path) {
    let death = std::env::var(DEATH).unwrap();
    let (confirmations, spins) = death.split_once(' ').unwrap();
    let (mut confirmations, spins): (u64, u64) = (confirmations.parse().unwrap(), spins.parse().unwrap());
    let (die, waits) = sync_channel::<()>(1);
    std::thread::spawn(move || {
        waits.recv().unwrap();
        (0..spins).for_each(|_| std::hint::spin_loop());
        kill_process(getpid(), Signal::KILL).unwrap();
    });
    let log = open(folder, TINY);
    let last = numbers(&log.show(&Query::last(usize::MAX)).events).last().copied();
    let mut n = last.map_or_else(|| log.last(1).last().map_or(0, |event| event.seq), |last| last + 1);
    let mut say = |what: &str, n: u64| {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{what} {n}.").and_then(|()| output.flush()).unwrap();
        confirmations = confirmations.saturating_sub(1);
        if confirmations == 0 {
            let _ = die.try_send(());
        }
    };
    // It dies long before; whoever breaks that is not kept waiting for ever.
    for round in 1..1_000_000 {
        for _ in 0..AT_ONCE {
            log.tell(said(n));
            n += 1;
        }
        log.settle(PATIENCE);
        say("written", n - 1);
        if round % CLEARED_EVERY == 0 {
            say("clearing", n - 1);
            log.clear("console").unwrap();
            say("cleared", n - 1);
        }
    }
}
