//! The throttle, for those who wait: everybody who proves who they are passes by here.
//!
//! The lock is held for a look at the table and never across a wait. An attempt that is dropped, because its client went away,
//! counts as wrong: else one could guess and hang up.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use super::refusal::Refusal;
use super::throttle::{Begun, Ended, Network, Throttle, Ticket};

/// Lets attempts begin.
#[derive(Debug)]
pub struct Admission {
    throttle: Mutex<Throttle>,
    /// An attempt has ended: whoever waits for one looks again.
    ended: Notify,
    since: Instant,
}

/// An attempt under way.
#[derive(Debug)]
pub struct Attempt {
    admission: Arc<Admission>,
    ticket: Option<Ticket>,
}

impl Admission {
    /// With an empty table.
    pub fn new() -> Arc<Admission> {
        let throttle = Mutex::new(Throttle::default());
        Arc::new(Admission { throttle, ended: Notify::new(), since: Instant::now() })
    }

    /// Begins an attempt on this account, by its folded name, or on none; waits where as many are under way as may be.
    pub async fn begin(
        self: &Arc<Self>,
        account: Option<&str>,
        network: Network,
    ) -> Result<Attempt, Refusal> {
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            // From here on no end is missed, also one between the look and the wait.
            ended.as_mut().enable();
            let begun = self.throttle().begin(account, network, self.now());
            match begun {
                Begun::Go(ticket) => {
                    return Ok(Attempt { admission: Arc::clone(self), ticket: Some(ticket) });
                }
                Begun::Throttled(again_in) => return Err(Refusal::Throttled { again_in }),
                Begun::Later => ended.await,
            }
        }
    }

    fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.since.elapsed()
    }
}

impl Attempt {
    /// It was right, or nobody looked: it does not count.
    pub fn forgive(mut self) {
        self.end(Ended::Forgiven);
    }

    fn end(&mut self, ended: Ended) {
        if let Some(ticket) = self.ticket.take() {
            let now = self.admission.now();
            self.admission.throttle().end(ticket, ended, now);
            self.admission.ended.notify_waiters();
        }
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        self.end(Ended::Wrong);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Network = Network::Local;

    #[tokio::test(start_paused = true)]
    async fn who_goes_away_has_been_wrong() {
        let admission = Admission::new();
        for _ in 0..3 {
            drop(admission.begin(Some("ana"), HERE).await.unwrap());
        }
        let again_in = Duration::from_secs(60);
        assert_eq!(admission.begin(Some("ana"), HERE).await.unwrap_err(), Refusal::Throttled { again_in });
        tokio::time::advance(again_in).await;
        admission.begin(Some("ana"), HERE).await.unwrap().forgive();
    }

    #[tokio::test]
    async fn the_fourth_waits_for_one_of_three() {
        let admission = Admission::new();
        let mut three = Vec::new();
        for _ in 0..3 {
            three.push(admission.begin(Some("ana"), HERE).await.unwrap());
        }
        let mut fourth = Box::pin(admission.begin(Some("ana"), HERE));
        assert!(tokio::time::timeout(Duration::ZERO, &mut fourth).await.is_err());
        three.pop().unwrap().forgive();
        let fourth = tokio::time::timeout(Duration::from_secs(60), fourth).await;
        fourth.expect("it hears of the end").unwrap().forgive();
        three.into_iter().for_each(Attempt::forgive);
    }
}
