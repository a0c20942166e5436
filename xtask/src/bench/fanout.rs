//! `bench fanout`: deliveries per second of the server's CPU time, in rooms where people talk.
//!
//! Every talker keeps its messages under way: it says the next one when *all* other members of its room have heard an
//! earlier one. So no receiver can be left behind for the sake of a better figure, and the crowd's own memory is bounded.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};
use throng_client::crowd::Crowd;
use throng_client::crowd::talk::{Talked, Times};
use throng_client::crowd::tally::Shape;

use super::table::Better;
use super::{Common, Measured, PATIENCE};
use crate::Outcome;
use crate::servers::Server;
use crate::times::Busy;

/// How long the last words may take: no more than the windows' messages are under way then.
const LAST_WORDS_MAX: Duration = Duration::from_secs(30);

/// `bench fanout`.
#[derive(Debug, Args)]
pub struct Fanout {
    /// Rooms:members:talkers:messages under way; may be given again
    #[arg(long = "shape", visible_alias = "scenario", value_parser = shape,
          default_values = ["1:1000:8:4", "1:1000:1:1", "100:50:1:1"])]
    shapes: Vec<Shape>,
    /// Rounds over all servers
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Seconds that count in each sample, after half as many to warm up
    #[arg(long, default_value_t = 1.0)]
    secs: f64,
    #[command(flatten)]
    common: Common,
}

fn shape(word: &str) -> Result<Shape, String> {
    let numbers: Result<Vec<usize>, _> = word.split(':').map(str::parse).collect();
    match numbers.as_deref() {
        Ok(&[rooms, members, talkers, window])
            if rooms.min(talkers).min(window) > 0 && members > 1 && talkers <= members =>
        {
            Ok(Shape { rooms, members, talkers, window })
        }
        _ => Err("rooms:members:talkers:messages under way, such as 1:1000:8:4".to_owned()),
    }
}

/// Runs it.
pub fn run(asked: &Fanout) -> Outcome {
    let window = Duration::try_from_secs_f64(asked.secs)?;
    let times = Times { warm_up: window / 2, window, last_words: LAST_WORDS_MAX };
    let most = asked.shapes.iter().map(Shape::clients).max().unwrap_or(0);
    let throng = asked.common.prepare(most)?;
    for shape in &asked.shapes {
        let name = format!("{}:{}:{}:{}", shape.rooms, shape.members, shape.talkers, shape.window);
        let title = format!("fan-out {name}: deliveries per second of server CPU");
        asked.common.compare("fanout", &title, asked.rounds, Better::More, |kind| {
            let mut measured = sample(&Server::start(kind, &throng)?, *shape, times)?;
            measured.told["shape"] = name.as_str().into();
            Ok(measured)
        })?;
    }
    Ok(())
}

fn sample(server: &Server, shape: Shape, times: Times) -> Outcome<Measured> {
    let mut crowd = Crowd::come(server.address, shape.clients(), PATIENCE)?;
    crowd.join(|client| shape.room_of(client), &vec![shape.members as u64; shape.rooms])?;
    let mut busy = Vec::with_capacity(2);
    let talked = crowd.talk(shape, times, || {
        busy.push(Busy::now());
        server.process.cpu()
    })?;
    let cpu = talked.measured.1.saturating_sub(talked.measured.0);
    if cpu.is_zero() || talked.deliveries == 0 {
        return Err("nothing was delivered while it counted: try more seconds".into());
    }
    let others = busy[1].others_since(busy[0], cpu);
    Ok(Measured { value: talked.deliveries as f64 / cpu.as_secs_f64(), told: told(&talked, cpu, others) })
}

fn told(talked: &Talked, cpu: Duration, others: Duration) -> Value {
    let secs = talked.lasted.as_secs_f64();
    json!({
        "deliveries_per_cpu_s": (talked.deliveries as f64 / cpu.as_secs_f64()) as u64,
        "deliveries_per_s": (talked.deliveries as f64 / secs) as u64,
        "server_cores": cpu.as_secs_f64() / secs,
        "others_cores": others.as_secs_f64() / secs,
        "checked": talked.checked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_is_four_numbers_that_make_sense() {
        assert_eq!(shape("2:30:4:5"), Ok(Shape { rooms: 2, members: 30, talkers: 4, window: 5 }));
        for wrong in
            ["", "1:2:3", "1:2:1:1:1", "0:2:1:1", "1:1:1:1", "1:2:3:1", "1:2:0:1", "1:2:1:0", "1:2:1:x"]
        {
            assert!(shape(wrong).is_err(), "{wrong:?}");
        }
    }
}
