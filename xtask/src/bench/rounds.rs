//! Rounds over all contenders. Only what one round measured is compared with each other, and who begins changes with it.

use std::time::Duration;

use clap::Args;
use throng_client::echo::talk::Times;

use super::contenders::Contender;
use crate::{Outcome, interrupt};

/// How many, and how long each sample is.
#[derive(Debug, Args)]
pub struct Rounds {
    /// Rounds over all servers
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    pub rounds: u32,
    /// Seconds that count in each sample, after half as many to warm up
    #[arg(long, default_value_t = 1.0)]
    pub secs: f64,
}

impl Rounds {
    /// The times of one sample.
    pub fn times(&self) -> Outcome<Times> {
        let window = Duration::try_from_secs_f64(self.secs)?;
        Ok(Times { warm_up: window / 2, window })
    }

    /// Measures each server once per round; `sample` gets the round too, and gives the figure to be told on the way.
    pub fn interleave(
        &self,
        servers: &[Contender],
        mut sample: impl FnMut(usize, Contender) -> Outcome<f64>,
    ) -> Outcome {
        for round in 0..self.rounds as usize {
            for which in servers.iter().cycle().skip(round % servers.len().max(1)).take(servers.len()) {
                if interrupt::came() {
                    return Err("interrupted".into());
                }
                let value = sample(round, *which).map_err(|why| format!("{}: {why}", which.name))?;
                eprintln!("round {} of {}: {}: {value:.0}", round + 1, self.rounds, which.name);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::contenders::ECHOES;
    use super::*;

    const ROUNDS: Rounds = Rounds { rounds: 3, secs: 1.0 };

    #[test]
    fn each_is_measured_once_per_round_and_begins_in_its_turn() {
        let (servers, mut order) = (&ECHOES[..2], Vec::new());
        let heard = |round, which: Contender| {
            order.push((round, which.name));
            Ok(1.0)
        };
        ROUNDS.interleave(servers, heard).unwrap();
        let [first, second] = [servers[0].name, servers[1].name];
        let due = [(0, first), (0, second), (1, second), (1, first), (2, first), (2, second)];
        assert_eq!(order, due);
        ROUNDS.interleave(&[], |_, _| Err("there is nobody".into())).unwrap();
    }

    #[test]
    fn what_goes_wrong_ends_it_and_says_with_whom() {
        let mut asked = 0;
        let refused = ROUNDS.interleave(ECHOES, |_, _| {
            asked += 1;
            Err("no".into())
        });
        assert_eq!((refused.unwrap_err().to_string(), asked), ("throng: no".to_owned(), 1));
    }
}
