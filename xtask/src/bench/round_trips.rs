//! One sample of a server that echoes: how many round trips, how long they took, and what CPU time of the server's.

use std::time::Duration;

use serde_json::{Value, json};
use throng_client::echo::talk::{Talked, Times};
use throng_client::echo::{Callers, Stay};

use super::contenders::Server;
use crate::Outcome;
use crate::times::Busy;

/// How long callers may take to come, and for their last words.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// What one sample says.
pub struct RoundTrips {
    /// What the callers heard.
    pub talked: Talked,
    cpu: Duration,
    others: Duration,
}

impl RoundTrips {
    /// Lets these callers talk to the server that they came to.
    pub fn measure(server: &Server, callers: Callers, stay: Stay, times: Times) -> Outcome<RoundTrips> {
        let mut busy = Vec::with_capacity(2);
        let talked = callers.talk(times, || {
            busy.push(Busy::now());
            cpu(server, stay)
        })?;
        let cpu = talked.measured.1.saturating_sub(talked.measured.0);
        if cpu.is_zero() || talked.round_trips == 0 {
            return Err("nothing came back while it counted: try more seconds".into());
        }
        Ok(RoundTrips { talked, cpu, others: busy[1].others_since(busy[0], cpu) })
    }

    /// Round trips per second.
    pub fn per_s(&self) -> f64 {
        self.talked.round_trips as f64 / self.talked.lasted.as_secs_f64()
    }

    /// Round trips per second of the server's CPU time.
    pub fn per_cpu_s(&self) -> f64 {
        self.talked.round_trips as f64 / self.cpu.as_secs_f64()
    }

    /// Cores that neither the server nor this program used.
    pub fn others_cores(&self) -> f64 {
        self.others.as_secs_f64() / self.talked.lasted.as_secs_f64()
    }

    /// As data.
    pub fn json(&self) -> Value {
        let talked = &self.talked;
        let tenths = |time| (micros(time) * 10.0).round() / 10.0;
        json!({
            "round_trips_per_cpu_s": self.per_cpu_s() as u64,
            "round_trips_per_s": self.per_s() as u64,
            "p50_us": tenths(talked.p50),
            "p99_us": tenths(talked.p99),
            "longest_us": tenths(talked.longest),
            "server_cores": self.cpu.as_secs_f64() / talked.lasted.as_secs_f64(),
            "others_cores": self.others_cores(),
            "checked": talked.checked,
        })
    }
}

/// A time in microseconds.
pub fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// As closely as it can be known: where callers come and go, the server's threads may too.
fn cpu(server: &Server, stay: Stay) -> Duration {
    match stay {
        Stay::Long => server.process.cpu_of_threads(),
        Stay::OneMessage => server.process.cpu(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_per_second_and_per_second_of_cpu() {
        let secs = Duration::from_secs;
        let talked = Talked {
            round_trips: 1000,
            lasted: secs(2),
            measured: (secs(1), secs(2)),
            p50: Duration::from_nanos(12_345),
            p99: secs(1),
            longest: secs(1),
            checked: 1001,
        };
        let trips = RoundTrips { talked, cpu: secs(1), others: secs(1) };
        let told = trips.json();
        assert_eq!((&told["round_trips_per_s"], &told["round_trips_per_cpu_s"]), (&500.into(), &1000.into()));
        assert_eq!((&told["p50_us"], &told["others_cores"]), (&12.3.into(), &0.5.into()));
    }
}
