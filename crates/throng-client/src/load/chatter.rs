//! A load on a chat: a crowd in rooms, of whom some talk. Every sender's words are checked for order, loss and repetition at
//! every receiver, and counted from when they were said to when each heard them.
//!
//! The crowd ends at the first word that is wrong, unlike an echo's clients: who was told something wrong has no next word
//! that could be right.

use std::net::SocketAddr;
use std::time::Duration;

use super::counts::Counts;
use super::now;
use super::outcome::{Damaged, Moment, Observer, Outcome};
use super::watch::Watch;
use crate::crowd::speech::Speech;
use crate::crowd::talk::Times as Window;
use crate::crowd::tally::{BODY_BYTES, Shape};
use crate::crowd::{Crowd, Trouble};
use crate::times::Times;

/// How often somebody is told how it goes.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Chatter {
    /// Whom they call.
    pub target: SocketAddr,
    /// What they speak.
    pub speech: Speech,
    /// Rooms, members, talkers.
    pub shape: Shape,
    /// The number of the first room: in others somebody may have talked before.
    pub first_room: usize,
    /// For how long.
    pub duration: Duration,
    /// Before it counts.
    pub warm_up: Duration,
    /// How long one step may take.
    pub patience: Duration,
}

/// Does what is asked.
///
/// # Errors
/// When the server does not let everybody in and join, or anything is lost, repeated, reordered or damaged.
pub fn run(asked: &Chatter, observer: &mut dyn Observer) -> Result<Outcome, Trouble> {
    let shape = asked.shape;
    let mut crowd = Crowd::come_speaking(asked.speech, asked.target, shape.clients(), asked.patience)?;
    crowd.begin_rooms_at(asked.first_room);
    crowd.join(|client| shape.room_of(client), &vec![shape.members as u64; shape.rooms])?;
    crowd.time_deliveries();
    let window = Window { warm_up: asked.warm_up, window: asked.duration, last_words: asked.patience };
    let (mut watch, mut own) = (None, None);
    let measure = || {
        match &watch {
            None => watch = Some(Watch::begin(now())),
            Some(watch) => own = Some(watch.end(now())),
        }
        Duration::ZERO
    };
    let (begun, mut told_at, mut told) = (now(), now(), 0);
    let mut is_interrupted = false;
    let talked = crowd.talk_while(shape, window, measure, |going| {
        is_interrupted = observer.is_interrupted();
        let now = now();
        let since = now.saturating_duration_since(told_at);
        if since >= TOLD_EVERY {
            let per_s = (going.deliveries - told) as f64 / since.as_secs_f64();
            let times = going.times.map_or_else(Times::default, |times| times.clone());
            observer.tell(&Moment {
                since: Some(now.saturating_duration_since(begun)),
                here: shape.clients() as u64,
                asked: shape.clients() as u64,
                per_s,
                bytes_per_s: per_s * BODY_BYTES as f64,
                p50: times.quantile(0.5),
                p99: times.quantile(0.99),
                longest: times.longest(),
                errors: 0,
            });
            (told_at, told) = (now, going.deliveries);
        }
        !is_interrupted
    })?;
    let clients = shape.clients() as u64;
    Ok(Outcome {
        counts: Counts {
            asked: clients,
            reached: clients,
            answered: clients,
            begun: talked.said,
            heard: talked.checked,
            bytes_sent: talked.said * BODY_BYTES as u64,
            bytes_heard: talked.checked * BODY_BYTES as u64,
            ..Counts::default()
        },
        lasted: talked.lasted,
        in_window: talked.deliveries,
        bytes_in_window: talked.deliveries * BODY_BYTES as u64,
        response: crowd.take_times(),
        service: Times::default(),
        connect: Times::default(),
        faults: Vec::new(),
        damaged: Damaged::default(),
        strange: None,
        own: own.unwrap_or_default(),
        is_interrupted,
    })
}
