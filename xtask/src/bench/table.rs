//! What many samples say: a median, its spread, and the median of the ratios to the best peer of the same round.
//!
//! The machine's own speed moves within minutes, so only samples of one round are compared with each other.

use std::fmt;

use serde_json::{Value, json};

use crate::servers::Kind;

/// One sample of one server. The n-th of a server is of the n-th round.
pub struct Sample<K = Kind> {
    /// Whose.
    pub kind: K,
    /// What was measured.
    pub value: f64,
}

/// What the value means.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Better {
    /// More is better.
    More,
    /// Less is better.
    Less,
}

/// What all samples of one server say.
#[derive(Debug)]
pub struct Row {
    kind: Kind,
    median: f64,
    least: f64,
    most: f64,
    /// To the better peer; none when no peer was measured.
    ratio: Option<f64>,
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Row { kind, median, least, most, .. } = self;
        write!(f, "  {:<16} median {median:>10.0}   {least:>10.0} to {most:>10.0}", kind.name())?;
        self.ratio.map_or(Ok(()), |ratio| write!(f, "   {ratio:>5.2} x the better peer"))
    }
}

impl Row {
    /// As data.
    pub fn json(&self) -> Value {
        let Row { kind, median, least, most, ratio } = self;
        json!({"server": kind.name(), "median": median, "least": least, "most": most, "to_better_peer": ratio})
    }
}

/// A row for each server that was measured, in the order that was asked for.
pub fn rows(samples: &[Sample], servers: &[Kind], better: Better) -> Vec<Row> {
    let peers: Vec<Kind> = servers.iter().copied().filter(|kind| !kind.is_ours()).collect();
    let row = |kind: &Kind| {
        let values = sorted(of(samples, *kind).collect());
        let (least, most) = (*values.first()?, *values.last()?);
        let ratio = ratio(samples, *kind, &peers, better);
        Some(Row { kind: *kind, median: median(&values), least, most, ratio })
    };
    servers.iter().filter_map(row).collect()
}

/// The median over the rounds of this server's value over the best of these peers'; none when no peer was measured.
pub fn ratio<K: Copy + PartialEq>(
    samples: &[Sample<K>],
    kind: K,
    peers: &[K],
    better: Better,
) -> Option<f64> {
    let best_of = |round: usize| {
        let values = peers.iter().filter_map(|peer| of(samples, *peer).nth(round));
        match better {
            Better::More => values.reduce(f64::max),
            Better::Less => values.reduce(f64::min),
        }
    };
    let rounds = of(samples, kind).enumerate();
    let ratios: Option<Vec<f64>> = rounds.map(|(round, value)| Some(value / best_of(round)?)).collect();
    ratios.filter(|ratios| !ratios.is_empty()).map(|ratios| median(&sorted(ratios)))
}

/// What was measured of one server, round by round.
pub fn of<K: Copy + PartialEq>(samples: &[Sample<K>], kind: K) -> impl Iterator<Item = f64> {
    samples.iter().filter(move |sample| sample.kind == kind).map(|sample| sample.value)
}

/// The values from the least to the most.
pub fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

/// The middle of sorted values, of which there must be one; of two in the middle, the one between them.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { f64::midpoint(sorted[middle - 1], sorted[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<Sample> {
        let rounds = [[300.0, 100.0, 50.0], [330.0, 100.0, 110.0], [100.0, 10.0, 50.0]];
        let kinds = [Kind::ThrongMemory, Kind::Ngircd, Kind::Inspircd];
        rounds
            .iter()
            .flat_map(|round| kinds.iter().zip(round))
            .map(|(kind, value)| Sample { kind: *kind, value: *value })
            .collect()
    }

    #[test]
    fn the_ratio_is_the_median_of_those_within_a_round() {
        let peers = [Kind::Ngircd, Kind::Inspircd];
        for (better, expected) in [(Better::More, 3.0), (Better::Less, 6.0)] {
            assert_eq!(ratio(&samples(), Kind::ThrongMemory, &peers, better), Some(expected));
        }
        assert_eq!(ratio(&samples(), Kind::ThrongMemory, &[], Better::More), None);
        assert_eq!(ratio(&[], Kind::ThrongMemory, &peers, Better::More), None);
    }

    #[test]
    fn each_server_that_was_measured_has_a_row() {
        let servers = [Kind::Ngircd, Kind::ThrongStrict, Kind::ThrongMemory];
        let rows = rows(&samples(), &servers, Better::More);
        assert_eq!(rows.len(), 2, "{rows:?}");
        let told = rows[0].to_string();
        assert!(
            told.starts_with("  ngircd           median        100           10 to        100   "),
            "{told}"
        );
        let told = rows[1].to_string();
        assert!(told.ends_with("   3.30 x the better peer"), "{told}");
        assert_eq!(rows[1].json()["median"], 300.0);
    }

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, expected) in [(&[1.0][..], 1.0), (&[1.0, 3.0], 2.0), (&[1.0, 2.0, 9.0], 2.0)] {
            assert_eq!(median(values).total_cmp(&expected), std::cmp::Ordering::Equal);
        }
    }
}
