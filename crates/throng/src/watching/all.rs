//! All services of one process, for whoever watches it: it is ready when each of them is.

use std::sync::Arc;

use throng_server::State;
use throng_services::watching::Findings;

use super::Facts;
use super::snapshot::Snapshot;

/// The facts of each service, in the order of the configuration. There is one at least.
pub struct All(Vec<Arc<Facts>>);

impl All {
    /// Of these.
    pub fn of(each: Vec<Arc<Facts>>) -> Arc<All> {
        Arc::new(All(each))
    }

    /// Each.
    pub fn each(&self) -> &[Arc<Facts>] {
        &self.0
    }

    /// What the process has once, each service has the same of.
    pub fn process(&self) -> &Facts {
        &self.0[0]
    }

    /// The end begins.
    pub fn begin_end(&self) {
        self.0.iter().for_each(|facts| facts.begin_end());
    }

    /// How every service is now.
    pub fn snapshots(&self) -> Vec<Snapshot> {
        self.0.iter().map(|facts| facts.snapshot()).collect()
    }

    /// How is it? Of several services each finding says whose it is.
    pub fn findings(&self) -> Findings {
        let mut all = Findings { dead: None, unready: Vec::new() };
        for facts in &self.0 {
            let of = |finding: String| {
                if self.0.len() > 1 { format!("{}: {finding}", facts.service) } else { finding }
            };
            let Findings { dead, unready } = facts.findings();
            all.dead = all.dead.or(dead.map(of));
            all.unready.extend(unready.into_iter().map(of));
        }
        all
    }

    /// The state of each.
    pub fn states(&self) -> Vec<State> {
        self.0.iter().map(|facts| facts.running.state()).collect()
    }

    /// How it is, in a line for people.
    pub fn status(&self) -> String {
        match &self.0[..] {
            [one] => one.status(),
            several => {
                let each: Vec<_> =
                    several.iter().map(|facts| format!("{} {}", facts.service, facts.status())).collect();
                each.join("; ")
            }
        }
    }
}
