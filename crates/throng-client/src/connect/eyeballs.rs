//! Which of several addresses answers first (RFC 8305, happy eyeballs): they are tried one after the other, each a moment
//! behind the one before, and the first that answers wins. So a family that leads nowhere costs a moment, not a time-out.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

/// How long one attempt is alone before the next one begins (RFC 8305, section 5).
pub const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// So many addresses of a name are tried at most.
pub const ADDRESSES_MAX: usize = 16;

/// In the system's order (RFC 6724), but with the families taking turns, and each address once.
pub fn in_turns(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut all = Vec::new();
    for address in addresses {
        if !all.contains(&address) {
            all.push(address);
        }
    }
    let first_is_v6 = all.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut ordered = Vec::new();
    while ordered.len() < ADDRESSES_MAX {
        let before = ordered.len();
        ordered.extend(first.next());
        ordered.extend(second.next());
        if ordered.len() == before {
            break;
        }
    }
    ordered.truncate(ADDRESSES_MAX);
    ordered
}

/// The first attempt that succeeds, or why each one failed. Those under way when one wins are given up.
pub async fn race<A, T, E, F>(candidates: Vec<A>, mut attempt: impl FnMut(A) -> F) -> Result<T, Vec<(A, E)>>
where
    A: Copy + Debug,
    F: Future<Output = Result<T, E>>,
{
    let (mut waiting, mut failed) = (candidates.into_iter(), Vec::new());
    let mut running = FuturesUnordered::new();
    loop {
        if let Some(next) = waiting.next() {
            let trying = attempt(next);
            running.push(async move { (next, trying.await) });
        } else if running.is_empty() {
            return Err(failed);
        }
        tokio::select! {
            Some((who, outcome)) = running.next() => match outcome {
                Ok(won) => return Ok(won),
                Err(why) => failed.push((who, why)),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_nobody_is_tried_twice() {
        let check = |given: &[&str], expected: &[&str]| {
            let addresses = given.iter().map(|address| address.parse().unwrap());
            let found: Vec<_> = in_turns(addresses).iter().map(SocketAddr::to_string).collect();
            assert_eq!(found, expected);
        };
        check(
            &["[::1]:1", "[::2]:1", "1.1.1.1:1", "1.1.1.2:1"],
            &["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1"],
        );
        check(&["1.1.1.1:1", "1.1.1.1:1", "1.1.1.2:1", "[::1]:1"], &["1.1.1.1:1", "[::1]:1", "1.1.1.2:1"]);
        check(&[], &[]);
        let many = (0..100).map(|n| SocketAddr::from(([127, 0, 0, n], 1)));
        assert_eq!(in_turns(many).len(), ADDRESSES_MAX);
    }

    /// Each candidate answers after so many milliseconds, well or not. Who wins, and after how long?
    async fn acted(candidates: &[(u64, bool)]) -> (Result<u64, usize>, u128) {
        let begun = tokio::time::Instant::now();
        let won = race(candidates.to_vec(), |(after, well)| async move {
            tokio::time::sleep(Duration::from_millis(after)).await;
            if well { Ok(after) } else { Err(()) }
        });
        let won = won.await.map_err(|failed| failed.len());
        (won, begun.elapsed().as_millis())
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_answers_wins() {
        for (candidates, expected) in [
            (&[][..], (Err(0), 0)),
            (&[(100, true), (1, true)], (Ok(100), 100)),
            (&[(60_000, true), (10, true)], (Ok(10), 260)),
            (&[(20, false), (10, true)], (Ok(10), 30)),
            (&[(20, false), (300, false), (5, false)], (Err(3), 320)),
            (&[(300, true), (200, true)], (Ok(300), 300)),
        ] {
            assert_eq!(acted(candidates).await, expected, "{candidates:?}");
        }
    }
}
