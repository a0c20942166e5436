//! What all samples say: for each server and each number of clients the median over the rounds.

use super::super::OTHERS_CORES_MAX;
use super::super::contenders::Contender;
use super::super::table::{Better, Sample, median, ratio, sorted};
use throng_client::figures::sheet::{Sheet, number, tenths};

/// What is measured of a server.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Round trips per second.
    pub per_s: f64,
    /// Round trips per second of the server's CPU time.
    pub per_cpu_s: f64,
    /// The middle of the round trips, in microseconds.
    pub p50_us: f64,
    /// What all but one in a hundred took at most.
    pub p99_us: f64,
    /// Memory of the server and its children, with everybody connected.
    pub memory_kib: f64,
    /// Their threads.
    pub threads: f64,
    /// Cores that neither they nor the callers used meanwhile.
    pub others_cores: f64,
}

impl Figures {
    /// Did others use so much of the machine that they say little?
    pub fn is_disturbed(&self) -> bool {
        self.others_cores > OTHERS_CORES_MAX
    }
}

/// One sample.
struct Heard {
    which: Contender,
    clients: usize,
    figures: Figures,
}

/// All samples. The n-th of a server with so many clients is of the n-th round.
#[derive(Default)]
pub struct Findings {
    heard: Vec<Heard>,
}

impl Findings {
    /// Hears the next sample of a server.
    pub fn hear(&mut self, which: Contender, clients: usize, figures: Figures) {
        self.heard.push(Heard { which, clients, figures });
    }

    /// The median of each figure by itself, if there are samples.
    pub fn median(&self, which: Contender, clients: usize) -> Option<Figures> {
        self.of(which, clients).next()?;
        let middle = |figure: fn(&Figures) -> f64| median(&self.values(which, clients, figure));
        Some(Figures {
            per_s: middle(|of| of.per_s),
            per_cpu_s: middle(|of| of.per_cpu_s),
            p50_us: middle(|of| of.p50_us),
            p99_us: middle(|of| of.p99_us),
            memory_kib: middle(|of| of.memory_kib),
            threads: middle(|of| of.threads),
            others_cores: middle(|of| of.others_cores),
        })
    }

    fn of(&self, which: Contender, clients: usize) -> impl Iterator<Item = &Figures> {
        let wanted = move |heard: &&Heard| heard.which == which && heard.clients == clients;
        self.heard.iter().filter(wanted).map(|heard| &heard.figures)
    }

    /// From the least to the most.
    fn values(&self, which: Contender, clients: usize, figure: fn(&Figures) -> f64) -> Vec<f64> {
        sorted(self.of(which, clients).map(figure).collect())
    }

    /// Round trips per second of CPU over those of the best of the same round; the median of it.
    fn to_best(&self, which: Contender, servers: &[Contender], clients: usize) -> Option<f64> {
        let with_so_many = self.heard.iter().filter(|heard| heard.clients == clients);
        let samples: Vec<Sample<Contender>> =
            with_so_many.map(|heard| Sample { kind: heard.which, value: heard.figures.per_cpu_s }).collect();
        ratio(&samples, which, servers, Better::More)
    }

    /// For people: who cannot serve so many has a row that says so.
    pub fn sheet(&self, servers: &[Contender], clients: &[usize]) -> Sheet {
        let mut sheet = Sheet::new(&[
            "server",
            "clients",
            "round trips/s",
            "per CPU second",
            "to the best",
            "p50, µs",
            "p99, µs",
            "memory, MiB",
            "threads",
        ]);
        for clients in clients {
            for which in servers {
                let figures = self.median(*which, *clients).map(|of| {
                    let to_best = self.to_best(*which, servers, *clients).unwrap_or(0.0);
                    let [per_s, per_cpu_s, threads] = [of.per_s, of.per_cpu_s, of.threads].map(number);
                    let [p50, p99, memory] = [of.p50_us, of.p99_us, of.memory_kib / 1024.0].map(tenths);
                    [per_s, per_cpu_s, format!("{to_best:.2}"), p50, p99, memory, threads]
                });
                let so_few = || {
                    let mut words = [const { String::new() }; 7];
                    words[0] = format!("serves {} at once", number(which.clients_max as f64));
                    words
                };
                let mut row = vec![which.name.to_owned(), number(*clients as f64)];
                row.extend(figures.unwrap_or_else(so_few));
                sheet.add(row);
            }
        }
        sheet
    }

    /// How far to believe it: by how much the rounds differ, and how many samples were disturbed.
    pub fn doubts(&self) -> String {
        let spread = self.heard.iter().filter_map(|heard| {
            let values = self.values(heard.which, heard.clients, |of| of.per_cpu_s);
            Some(values.last()? / values.first()?)
        });
        let spreads = sorted(spread.collect());
        let (middle, most) = match spreads.as_slice() {
            [] => (1.0, 1.0),
            [.., most] => (median(&spreads), *most),
        };
        let disturbed = self.heard.iter().filter(|heard| heard.figures.is_disturbed()).count();
        format!(
            "The best round of a row has {middle:.2} x the round trips per CPU second of its worst (median of all rows; \
             {most:.2} x at most). Others used more than {OTHERS_CORES_MAX} cores in {disturbed} of the {} samples that count.",
            self.heard.len()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::contenders::MODELS;
    use super::*;

    const SERVERS: [Contender; 2] = [MODELS[0], MODELS[1]];

    /// Three rounds with one client, and one with two, whom the first cannot serve.
    fn findings() -> Findings {
        let mut findings = Findings::default();
        let figures = |value| Figures {
            per_s: value * 10.0,
            per_cpu_s: value,
            p50_us: 7.25,
            p99_us: 1234.5,
            memory_kib: 3072.0 + value,
            threads: 3.0,
            others_cores: value / 1000.0,
        };
        for round in [[100.0, 200.0], [300.0, 400.0], [250.0, 100.0]] {
            for (which, value) in SERVERS.into_iter().zip(round) {
                findings.hear(which, 1, figures(value));
            }
        }
        findings.hear(SERVERS[1], 2, figures(50.0));
        findings
    }

    #[test]
    fn a_figure_is_the_median_and_its_ratio_is_taken_within_the_rounds() {
        let findings = findings();
        let first = findings.median(SERVERS[0], 1).unwrap();
        assert_eq!((first.per_cpu_s, first.per_s, first.memory_kib), (250.0, 2500.0, 3322.0));
        assert_eq!(findings.to_best(SERVERS[0], &SERVERS, 1), Some(0.75), "of 0.5, 0.75 and 1");
        assert_eq!(findings.median(SERVERS[0], 2), None);
    }

    #[test]
    fn each_has_a_row_and_who_cannot_serve_so_many_says_so() {
        let text = findings().sheet(&SERVERS, &[1, 2]).markdown();
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(rows[0], "| sequential | 1 | 2,500 | 250 | 0.75 | 7.2 | 1,234 | 3.2 | 3 |");
        assert_eq!(rows[2], "| sequential | 2 | serves 1 at once |  |  |  |  |  |  |");
        assert_eq!(rows[3], "| threads | 2 | 500 | 50 | 1.00 | 7.2 | 1,234 | 3.0 | 3 |");
    }

    #[test]
    fn doubts_are_told() {
        let told = findings().doubts();
        assert!(told.starts_with("The best round of a row has 3.00 x "), "{told}");
        assert!(
            told.contains("4.00 x at most") && told.ends_with("in 1 of the 7 samples that count."),
            "{told}"
        );
        assert!(Findings::default().doubts().ends_with("in 0 of the 0 samples that count."));
    }
}
