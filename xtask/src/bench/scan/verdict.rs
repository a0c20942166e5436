//! What all scans of a case say together: a row for each scanner, and whether the goals are met.
//!
//! Being right comes before any time. Whoever has a goal must have been right in every round, or it is missed. A peer that
//! missed ports or crashed is not fast, so its time is compared with nobody's; one that also told ports that are not open
//! took its time for it, and is compared.

use super::cases::{Case, Goal, Is, LIMITS};
use super::timed::Scanned;
use crate::bench::table::{median, sorted};
use crate::lan::COUNT;

/// One scan of one round.
#[derive(Debug)]
pub struct Record {
    /// By whom.
    pub by: &'static str,
    /// In which round.
    pub round: usize,
    /// What came of it.
    pub scanned: Scanned,
}

/// The lines that tell what came of a case.
pub fn told(case: &Case, records: &[Record]) -> Vec<String> {
    let rows = case.contenders.iter().filter_map(|contender| row(contender.name, records));
    let goals = case.goals.iter().map(|goal| {
        let (word, figure) = judge(goal, records);
        format!("  {word:<8} {}: {figure}", goal.of)
    });
    rows.chain(goals).collect()
}

fn of<'a>(by: &'a str, records: &'a [Record]) -> impl Iterator<Item = &'a Record> {
    records.iter().filter(move |record| record.by == by)
}

/// One scanner's times, memory and mistakes.
fn row(by: &str, records: &[Record]) -> Option<String> {
    let secs = sorted(of(by, records).map(|record| record.scanned.secs).collect());
    let (least, most) = (*secs.first()?, *secs.last()?);
    let peak = of(by, records).map(|record| record.scanned.peak_kib).max()? as f64 / 1024.0;
    let to_limit = match ratio(by, LIMITS, records) {
        Some(ratio) => format!("{ratio:>7.2} x lim"),
        None => " ".repeat(13),
    };
    let middle = median(&secs);
    let is_right = right(by, records);
    Some(format!(
        "  {by:<26} {middle:>8.3} s ({least:.3} to {most:.3}) {to_limit} {peak:>7.1} MiB  {is_right}"
    ))
}

/// How often it was right, and what the worst was.
fn right(by: &str, records: &[Record]) -> String {
    let all: Vec<&Scanned> = of(by, records).map(|record| &record.scanned).collect();
    let wrong = all.iter().filter(|scanned| !scanned.is_right()).count();
    if wrong == 0 {
        return format!("right, {COUNT}/{COUNT} in {}", all.len());
    }
    let found = all.iter().map(|scanned| scanned.found).min().unwrap_or(0);
    let false_open = all.iter().map(|scanned| scanned.false_open).max().unwrap_or(0);
    let fault = all.iter().find_map(|scanned| scanned.fault.as_ref());
    let fault = fault.map_or(String::new(), |fault| format!("; {fault}"));
    format!("WRONG in {wrong} of {}: at worst {found}/{COUNT} found, {false_open} false{fault}", all.len())
}

/// Met or not, and by which figure.
fn judge(Goal { of: by, is }: &Goal, records: &[Record]) -> (&'static str, String) {
    let Some(first) = of(by, records).next() else { return ("UNKNOWN", "not measured".to_owned()) };
    if of(by, records).any(|record| !record.scanned.is_right()) {
        return ("MISSED", right(by, records));
    }
    let against = |limit: f64, figure: Option<f64>, more: bool, words: &str| match figure {
        None => ("UNKNOWN", format!("{words}, of which none was measured")),
        Some(figure) if (figure <= limit) != more || figure.total_cmp(&limit).is_eq() => {
            ("met", format!("{figure:.2} {words} {limit}"))
        }
        Some(figure) => ("MISSED", format!("{figure:.2} {words} {limit}")),
    };
    let secs = || median(&sorted(of(by, records).map(|record| record.scanned.secs).collect()));
    match is {
        Is::AtMost(limit, others) => {
            let words = format!("x the time of {}, goal at most", others.join(" or "));
            against(*limit, ratio(by, others, records), false, &words)
        }
        Is::Faster(limit, others) => {
            let words = format!("x as fast as {}, goal at least", others.join(" and "));
            against(*limit, ratio(by, others, records).map(f64::recip), true, &words)
        }
        Is::Secs(limit) => against(*limit, Some(secs()), false, "s, goal at most"),
        Is::Mib(limit) => {
            let peak = of(by, records).map(|record| record.scanned.peak_kib).max();
            let peak = peak.unwrap_or(first.scanned.peak_kib) as f64 / 1024.0;
            against(*limit, Some(peak), false, "MiB, goal at most")
        }
        Is::Right => ("met", right(by, records)),
    }
}

/// The median over the rounds of its time over that of the quickest of these in the same round.
fn ratio(by: &str, others: &[&str], records: &[Record]) -> Option<f64> {
    let best = |round: usize| {
        let peers = records.iter().filter(|record| record.round == round && others.contains(&record.by));
        let whole = peers.filter(|record| record.scanned.found == COUNT && record.scanned.fault.is_none());
        whole.map(|record| record.scanned.secs).reduce(f64::min)
    };
    let ratios = of(by, records).filter_map(|record| Some(record.scanned.secs / best(record.round)?));
    let ratios = sorted(ratios.collect());
    (!ratios.is_empty()).then(|| median(&ratios))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(by: &'static str, round: usize, secs: f64) -> Record {
        Record { by, round, scanned: Scanned { secs, peak_kib: 2048, found: COUNT, ..Scanned::default() } }
    }

    fn records() -> Vec<Record> {
        let rounds = [(0, 0.2, 0.1, 1.0), (1, 0.9, 0.3, 9.0), (2, 0.6, 0.4, 1.2)];
        rounds
            .into_iter()
            .flat_map(|(round, ours, lim, peer)| {
                [record("throng", round, ours), record("lim", round, lim), record("peer", round, peer)]
            })
            .collect()
    }

    #[test]
    fn only_times_of_one_round_are_compared() {
        let records = records();
        assert_eq!(ratio("throng", &["lim"], &records), Some(2.0));
        assert_eq!(ratio("throng", &["nobody"], &records), None);
        let ratio = ratio("throng", &["lim", "peer"], &records).unwrap();
        assert!((ratio - 2.0).abs() < 1e-9, "the quicker of each round: {ratio}");
    }

    #[test]
    fn a_goal_is_met_or_missed_by_its_figure() {
        for (is, expected) in [
            (Is::AtMost(2.0, &["lim"]), "met"),
            (Is::AtMost(1.9, &["lim"]), "MISSED"),
            (Is::Faster(5.0, &["peer"]), "met"),
            (Is::Faster(5.1, &["peer"]), "MISSED"),
            (Is::Faster(1.0, &["nobody"]), "UNKNOWN"),
            (Is::Secs(0.6), "met"),
            (Is::Secs(0.1), "MISSED"),
            (Is::Mib(2.0), "met"),
            (Is::Mib(1.9), "MISSED"),
            (Is::Right, "met"),
        ] {
            let told = judge(&Goal { of: "throng", is }, &records());
            assert_eq!(told.0, expected, "{}", told.1);
        }
        assert_eq!(judge(&Goal { of: "absent", is: Is::Right }, &records()).0, "UNKNOWN");
    }

    #[test]
    fn whoever_is_wrong_once_misses_every_goal() {
        for spoil in [
            |scanned: &mut Scanned| scanned.found = COUNT - 1,
            |scanned: &mut Scanned| scanned.false_open = 1,
            |scanned: &mut Scanned| scanned.fault = Some("exit status: 5".to_owned()),
        ] {
            let mut records = records();
            spoil(&mut records[3].scanned);
            for is in [
                Is::AtMost(9.0, &["lim"]),
                Is::Faster(0.1, &["peer"]),
                Is::Secs(9.0),
                Is::Mib(9.0),
                Is::Right,
            ] {
                let (word, why) = judge(&Goal { of: "throng", is }, &records);
                assert!(word == "MISSED" && why.starts_with("WRONG in 1 of 3"), "{word}: {why}");
            }
        }
    }

    #[test]
    fn a_peer_that_misses_ports_is_not_fast_but_one_that_tells_too_many_is() {
        let mut records = records();
        records.iter_mut().filter(|record| record.by == "peer").for_each(|peer| peer.scanned.false_open = 2);
        assert_eq!(ratio("throng", &["peer"], &records), Some(0.2));
        records.iter_mut().filter(|record| record.by == "peer").for_each(|peer| peer.scanned.found = 38);
        assert_eq!(ratio("throng", &["peer"], &records), None);
        assert!(row("peer", &records).unwrap().ends_with("WRONG in 3 of 3: at worst 38/40 found, 2 false"));
    }
}
