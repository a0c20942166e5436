//! `bench models`: one echo by every model, and by Python's two beside it, from one client to a thousand; and what a thread
//! and a process cost.
//!
//! As in `bench echo`, the server has the first core and the callers the second, and every byte that comes back is checked.

mod costs;
mod findings;

use std::path::PathBuf;

use clap::Args;
use throng_client::echo::talk::Times;
use throng_client::echo::{Callers, Shape, Stay};
use throng_client::figures::plot::{self, Axis, Line, Panel};
use throng_client::figures::scale::Scale;
use throng_client::figures::sheet::{Sheet, number};

use super::contenders::{self, CONNECTIONS_MAX, Contender, Contenders, MODELS, Server};
use super::round_trips::{PATIENCE, RoundTrips, micros};
use super::rounds::Rounds;
use super::{bind_crowd, raise_descriptors};
use crate::{Outcome, interrupt};
use findings::{Figures, Findings};

/// Bytes of a message.
const BYTES: usize = 64;

/// `bench models`.
#[derive(Debug, Args)]
pub struct Models {
    /// How many clients there are at once
    #[arg(long, value_delimiter = ',', value_parser = clients, default_value = "1,10,100,1000")]
    clients: Vec<usize>,
    #[command(flatten)]
    rounds: Rounds,
    /// Only these
    #[arg(long, value_delimiter = ',', value_parser = |word: &str| Contender::parse(word, MODELS),
          default_values = contenders::names(MODELS))]
    servers: Vec<Contender>,
    /// How often a sample is taken again in which others used much of the machine; the calmest counts
    #[arg(long, default_value_t = 5)]
    again: usize,
    /// Draw it, as SVG
    #[arg(long, value_name = "FILE")]
    plot: Option<PathBuf>,
    /// Tell the tables in Markdown, for a page
    #[arg(long)]
    markdown: bool,
}

fn clients(word: &str) -> Result<usize, String> {
    let number = word.parse().ok().filter(|number| (1..=CONNECTIONS_MAX).contains(number));
    number.ok_or_else(|| format!("a number from 1 to {CONNECTIONS_MAX}"))
}

/// Runs it.
pub fn run(asked: &Models) -> Outcome {
    let times = asked.rounds.times()?;
    let mut clients = asked.clients.clone();
    clients.sort_unstable();
    clients.dedup();
    raise_descriptors(clients.last().copied().unwrap_or(0))?;
    let contenders = Contenders::prepare(&asked.servers)?;
    // A build wants all cores, so it comes before.
    bind_crowd()?;
    let mut findings = Findings::default();
    for clients in clients.iter().copied() {
        let all = contenders.all.iter().copied();
        let servers: Vec<Contender> = all.filter(|of| of.serves(clients)).collect();
        asked.rounds.interleave(&servers, |_, which| {
            let figures = calmest(asked.again, || sample(&contenders.start(which)?, clients, times))?;
            findings.hear(which, clients, figures);
            Ok(figures.per_cpu_s)
        })?;
    }
    let form = if asked.markdown { Sheet::markdown } else { Sheet::text };
    println!(
        "Round trips of {BYTES} bytes, one under way for each client; medians. Rounds: {}.\n",
        asked.rounds.rounds
    );
    println!("{}\n{}\n", form(&findings.sheet(&contenders.all, &clients)), findings.doubts());
    println!("{}", form(&costs::measure()?));
    if let Some(file) = &asked.plot {
        let drawn = std::fs::write(file, picture(&findings, &contenders.all, &clients));
        drawn.map_err(|why| format!("cannot write {}: {why}", file.display()))?;
    }
    Ok(())
}

/// The first sample in which others used little of the machine, or of so many more the one in which they used least.
fn calmest(again: usize, mut sample: impl FnMut() -> Outcome<Figures>) -> Outcome<Figures> {
    let mut calmest = sample()?;
    for _ in 0..again {
        if !calmest.is_disturbed() || interrupt::came() {
            break;
        }
        let next = sample()?;
        if next.others_cores < calmest.others_cores {
            calmest = next;
        }
    }
    Ok(calmest)
}

fn sample(server: &Server, clients: usize, times: Times) -> Outcome<Figures> {
    let shape = Shape { connections: clients, bytes: BYTES, depth: 1, stay: Stay::Long };
    let callers = Callers::come(server.address, shape, PATIENCE)?;
    // Now, when all are connected and have been served: to look at a thousand threads takes time, which must not count.
    let (memory_kib, threads) = (server.process.shared_out_kib() as f64, server.process.threads() as f64);
    let trips = RoundTrips::measure(server, callers, shape.stay, times)?;
    Ok(Figures {
        per_s: trips.per_s(),
        per_cpu_s: trips.per_cpu_s(),
        p50_us: micros(trips.talked.p50),
        p99_us: micros(trips.talked.p99),
        memory_kib,
        threads,
        others_cores: trips.others_cores(),
    })
}

/// Round trips above, and below them how long the slow ones took.
fn picture(findings: &Findings, servers: &[Contender], clients: &[usize]) -> String {
    let lines = |figure: fn(&Figures) -> f64| {
        let line = |which: &Contender| {
            let points = clients.iter().filter_map(|count| {
                let figures = findings.median(*which, *count)?;
                Some((*count as f64, figure(&figures)))
            });
            Line { name: which.name.to_owned(), is_broken: which.is_python(), points: points.collect() }
        };
        servers.iter().map(line).collect::<Vec<Line>>()
    };
    let up = |lines: &[Line]| -> Vec<f64> {
        lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value)).collect()
    };
    let (rates, tails) = (lines(|of| of.per_s), lines(|of| of.p99_us));
    let axis = Axis {
        title: "clients at once, each with one message under way",
        scale: Scale::log(clients.iter().map(|count| *count as f64)),
        label: number,
    };
    let (rate, tail) = (Scale::linear(up(&rates).into_iter()), Scale::log(up(&tails).into_iter()));
    plot::draw(
        &axis,
        &[
            Panel { title: "round trips per second", scale: rate, label: number, lines: rates },
            Panel { title: "p99 of a round trip, µs", scale: tail, label: number, lines: tails },
        ],
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIGURES: Figures = Figures {
        per_s: 5000.0,
        per_cpu_s: 5000.0,
        p50_us: 20.0,
        p99_us: 100.0,
        memory_kib: 4000.0,
        threads: 2.0,
        others_cores: 0.0,
    };

    #[test]
    fn a_disturbed_sample_is_taken_again_but_not_for_ever() {
        for (again, others, taken, counts) in [
            (2, &[0.1, 0.0][..], 1, 0.1),
            (2, &[0.9, 0.2, 0.1], 2, 0.2),
            (2, &[0.8, 0.7, 0.9, 0.1], 3, 0.7),
            (0, &[0.9, 0.1], 1, 0.9),
        ] {
            let mut left = others.iter();
            let sample = || Ok(Figures { others_cores: *left.next().unwrap(), ..FIGURES });
            let calmest = calmest(again, sample).unwrap();
            assert_eq!((others.len() - left.len(), calmest.others_cores), (taken, counts), "{others:?}");
        }
    }

    #[test]
    fn so_many_clients_can_be_asked_for() {
        assert_eq!([clients("1"), clients("28000")], [Ok(1), Ok(28_000)]);
        for wrong in ["0", "28001", "-1", "many", ""] {
            assert_eq!(clients(wrong).unwrap_err(), "a number from 1 to 28000", "{wrong:?}");
        }
    }

    #[test]
    fn each_server_has_a_line_in_both_panels_as_far_as_it_serves() {
        let mut findings = Findings::default();
        for clients in [1, 10] {
            for which in MODELS.iter().filter(|which| which.serves(clients)) {
                findings.hear(*which, clients, FIGURES);
            }
        }
        let svg = picture(&findings, MODELS, &[1, 10]);
        let lines = svg.lines().filter(|line| line.starts_with("<polyline"));
        let points: Vec<usize> = lines.map(|line| line.matches(',').count()).collect();
        assert_eq!(points, [1, 2, 2, 2, 2, 2, 2, 2, 1, 2, 2, 2, 2, 2, 2, 2]);
    }
}
