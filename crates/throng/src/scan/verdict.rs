//! What came of a scan: the last line, and the exit code.

use throng_client::figures::sheet::number;
use throng_scan::event::{Counts, End, Ended, HostEnd, HostReport, Trouble};
use throng_wire::printable::printable;

use super::permit::hosts;
use crate::units::shown;

/// As in the table of `main`.
const UNREACHABLE: u8 = 1;
const INCOMPLETE: u8 = 5;

/// The last line: how many ports are what, of whom, and how long it took.
pub fn line(whom: &str, ended: Option<&Ended>) -> String {
    let Some(ended) = ended else { return format!("{whom}: incomplete, the scan did not come to its end") };
    let mut line = format!("{whom}: {} in {}", counts(&ended.counts), shown(ended.elapsed));
    if !ended.is_complete() {
        line.push_str(match ended.end {
            End::Stopped => "; incomplete, it was stopped",
            End::Deadline => "; incomplete, its time was up",
            _ => "; incomplete",
        });
    }
    line
}

/// How many are what; of what there is none nothing is said, but for the open ones.
fn counts(counts: &Counts) -> String {
    let others = [
        (counts.closed, "closed"),
        (counts.filtered, "filtered"),
        (counts.unreachable, "unreachable"),
        (counts.unknown, "unknown"),
    ];
    let mut told = vec![format!("{} open", number(counts.open as f64))];
    told.extend(
        others
            .iter()
            .filter(|(count, _)| *count > 0)
            .map(|(count, what)| format!("{} {what}", number(*count as f64))),
    );
    told.join(", ")
}

/// Whom it was about, in few words.
pub fn whom(typed: &[String], count: u64) -> String {
    match typed {
        [one] if count == 1 => printable(one).into_owned(),
        _ => hosts(count),
    }
}

/// The exit code. `lost` names were not found.
pub fn exit_code(ended: Option<&Ended>, lost: usize) -> u8 {
    let Some(ended) = ended else { return INCOMPLETE };
    let is_nobody = ended.counts.unreachable > 0 && ended.counts.unreachable == ended.counts.total();
    if !ended.is_complete() {
        INCOMPLETE
    } else if is_nobody {
        UNREACHABLE
    } else if lost > 0 {
        INCOMPLETE
    } else {
        0
    }
}

/// What is worth a line about a host.
pub fn note(report: &HostReport) -> Option<String> {
    let address = report.host.address;
    Some(match report.end {
        HostEnd::Unreachable => format!("{address}: there is no way to it"),
        HostEnd::Vanished => {
            format!("{address}: it answered, and then no more; what was not known by then is unknown")
        }
        HostEnd::Local(Trouble::Descriptors) => {
            format!("{address}: this machine had too few descriptors (ulimit -n)")
        }
        HostEnd::Local(Trouble::Ports) => {
            format!("{address}: this machine had no port or no such address to ask from")
        }
        HostEnd::Local(Trouble::Buffers) => {
            format!("{address}: this machine had too little memory for sockets")
        }
        HostEnd::Local(Trouble::Other) => format!("{address}: this machine could not ask it"),
        _ if report.resets_limited => {
            format!("{address}: it limits how often it refuses; some that are called filtered may be closed")
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn ended(counts: Counts, end: End) -> Ended {
        let elapsed = Duration::from_millis(312);
        Ended { hosts: 1, answered: 1, counts, elapsed, probes: 0, troubles: 0, end }
    }

    #[test]
    fn the_last_line_counts_and_the_code_says_whether_it_is_all() {
        let all = Counts { open: 3, closed: 65_532, ..Counts::default() };
        let nobody = Counts { unreachable: 10, ..Counts::default() };
        let silent = Counts { filtered: 10, ..Counts::default() };
        let part = Counts { open: 1, unknown: 1000, ..Counts::default() };
        for (counts, end, lost, expected, code) in [
            (all, End::Complete, 0, "h: 3 open, 65,532 closed in 312 ms", 0),
            (all, End::Complete, 1, "h: 3 open, 65,532 closed in 312 ms", 5),
            (nobody, End::Complete, 0, "h: 0 open, 10 unreachable in 312 ms", 1),
            (silent, End::Complete, 0, "h: 0 open, 10 filtered in 312 ms", 0),
            (part, End::Stopped, 0, "h: 1 open, 1,000 unknown in 312 ms; incomplete, it was stopped", 5),
            (part, End::Deadline, 0, "h: 1 open, 1,000 unknown in 312 ms; incomplete, its time was up", 5),
            (part, End::Complete, 0, "h: 1 open, 1,000 unknown in 312 ms; incomplete", 5),
        ] {
            let ended = ended(counts, end);
            assert_eq!((line("h", Some(&ended)).as_str(), exit_code(Some(&ended), lost)), (expected, code));
        }
        assert_eq!(exit_code(None, 0), 5);
    }
}
