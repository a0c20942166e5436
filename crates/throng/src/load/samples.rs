//! A result for tests.

use std::time::Duration;

use throng_client::load::counts::{Counts, Reasons, Why};
use throng_client::load::outcome::{Damaged, Outcome};
use throng_client::load::watch::Own;
use throng_client::times::Times;

/// A thousand answers in two seconds, of 1 to 1000 µs by the intended time and half of that by the actual one; ten clients,
/// of whom two were lost.
pub fn outcome() -> Outcome {
    let mut lost = Reasons::default();
    lost.add(Why::Reset);
    lost.add(Why::Unanswered);
    let (mut response, mut service) = (Times::default(), Times::default());
    for micros in 1..=1000 {
        response.add(Duration::from_micros(micros));
        service.add(Duration::from_micros(micros) / 2);
    }
    Outcome {
        counts: Counts {
            asked: 10,
            reached: 10,
            answered: 10,
            lost,
            begun: 1001,
            heard: 1000,
            bytes_sent: 64_064,
            bytes_heard: 64_000,
            ..Counts::default()
        },
        lasted: Duration::from_secs(2),
        in_window: 1000,
        bytes_in_window: 64_000,
        response,
        service,
        connect: Times::default(),
        faults: Vec::new(),
        words: Vec::new(),
        damaged: Damaged::default(),
        strange: None,
        own: Own { cpu: 0.25, ..Own::default() },
        is_interrupted: false,
    }
}
