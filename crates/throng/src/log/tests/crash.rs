//! kill -9 while the log turns to a new file all the time, and is cleared at times: it opens, with everything that was
//! written since the last clear, in order. `THRONG_CRASHES` says how often.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::sync_channel;

use super::*;

/// How often unless told.
const CRASHES_USUAL: u64 = 20;

/// Whoever has this variable is the process that dies, and this is its folder.
const VICTIM: &str = "THRONG_TEST_LOG_VICTIM";

/// Three events or so a file; so many files that a round fills none of the last ones.
const TINY: Bounds = Bounds { bytes: 300, files: 200 };

/// So many events are told at once, and confirmed.
const AT_ONCE: u64 = 7;

/// The log is cleared once in so many.
const CLEARED_EVERY: u64 = 23;

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
    let (mut total, mut torn) = (0, 0);
    for round in 0..crashes.unwrap_or(CRASHES_USUAL) {
        // Confirmations until the end, differing from round to round; no clock in it. The moment within is chance.
        let confirmed = run_until(folder.path(), 1 + round * 37 % 101);
        let before = last_on_disk(folder.path());
        let log = open(folder.path(), TINY);
        let shown = log.show(&Query::last(usize::MAX)).events;
        assert_no_gap(shown.iter().map(Arc::as_ref));
        torn += shown.iter().filter(|event| event.kind == "log.torn").count();
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

/// Lets a process tell and clear until it confirmed so often, and kills it.
fn run_until(folder: &Path, confirmations: u64) -> Confirmed {
    let name = "log::tests::crash::what_was_written_since_the_last_clear_outlives_a_crash";
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(VICTIM, folder);
    let mut victim = Victim(child.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().unwrap());
    let lines = BufReader::new(victim.0.stdout.take().unwrap()).lines();
    let (enough, waits) = sync_channel(1);
    let reader = std::thread::spawn(move || {
        let (mut confirmed, mut count) = (Confirmed::default(), 0);
        for line in lines.map_while(Result::ok) {
            let Some((what, number)) = line.split_once(' ') else { continue };
            // The last line may be torn by the crash, so each ends with a full stop.
            let Some(number) = number.strip_suffix('.').and_then(|number| number.parse().ok()) else {
                continue;
            };
            match what {
                "written" => confirmed.written = Some(number),
                "cleared" => {
                    confirmed.cleared = Some(number);
                    confirmed.clears += 1;
                }
                _ => continue,
            }
            count += 1;
            if count == confirmations {
                enough.try_send(()).unwrap();
            }
        }
        assert!(count >= confirmations, "the process ended by itself");
        confirmed
    });
    waits.recv_timeout(PATIENCE).unwrap();
    drop(victim);
    reader.join().unwrap()
}

/// The process that dies.
fn tell_and_clear(folder: &Path) {
    let log = open(folder, TINY);
    let last = numbers(&log.show(&Query::last(usize::MAX)).events).last().copied();
    let mut n = last.map_or_else(|| log.last(1).last().map_or(0, |event| event.seq), |last| last + 1);
    let say = |what: &str, n: u64| {
        let mut output = std::io::stdout().lock();
        writeln!(output, "{what} {n}.").and_then(|()| output.flush()).unwrap();
    };
    // It is killed long before; whoever forgets to is not kept waiting for ever.
    for round in 1..1_000_000 {
        for _ in 0..AT_ONCE {
            log.tell(said(n));
            n += 1;
        }
        if round % CLEARED_EVERY == 0 {
            log.clear("console").unwrap();
            say("cleared", n - 1);
        } else {
            log.settle(PATIENCE);
            say("written", n - 1);
        }
    }
}
