//! What time does to the seats of one worker: who is silent is greeted, who has no name for too long is sent away, who says
//! nothing for long is probed. All by one sweep; there is no timer for any seat.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use throng_chat::{SessionId, Text};
use throng_server::End;

use super::browsers;
use super::door::Probe;
use super::seats::{Seat, Started};
use super::worker::Core;
use crate::identity::{Channel, LOGIN_DEADLINE, Origin};

/// How often a worker looks for those who are overdue or silent.
const INSPECT_EVERY_MS: u64 = 1_000;

impl Core {
    /// What a worker does ten times a second.
    pub(super) fn sweep(self: &Rc<Self>, now_ms: u64) {
        self.now_ms.set(now_ms);
        self.greet(now_ms);
        if now_ms.saturating_sub(self.inspected_ms.get()) >= INSPECT_EVERY_MS {
            self.inspected_ms.set(now_ms);
            self.inspect(now_ms);
        }
    }

    fn greet(self: &Rc<Self>, now_ms: u64) {
        while let Some(session) = due(&self.newcomers, now_ms) {
            let mut seats = self.seats.borrow_mut();
            let Some(seat) = seats.of(session).filter(|seat| seat.started == Started::No) else { continue };
            if self.browsers.opened(seat.ip(), seat.since_ms, now_ms) {
                let greet_at = seat.since_ms + browsers::GREET_AFTER.as_millis() as u64;
                self.spare.borrow_mut().push_back((greet_at, session));
            } else {
                self.welcome(seat);
            }
        }
        while let Some(session) = due(&self.spare, now_ms) {
            if let Some(seat) = self.seats.borrow_mut().of(session).filter(|seat| seat.started == Started::No)
            {
                self.welcome(seat);
            }
        }
    }

    /// Greets a seat, by name if somebody agreed to that who came from its address before.
    fn welcome(self: &Rc<Self>, seat: &mut Seat) {
        let Some(identity) = self.identity.clone() else { return seat.greet(None) };
        let (core, session) = (Rc::clone(self), seat.session);
        let origin = Origin { address: seat.from.ip(), channel: Channel { tls: false, loopback: false } };
        // One for each seat that was silent so far.
        tokio::task::spawn_local(async move {
            let known = identity.greeting(&origin).await.ok().flatten();
            let mut seats = core.seats.borrow_mut();
            if let Some(seat) = seats.of(session).filter(|seat| seat.started == Started::No && !seat.over) {
                seat.greet(known.as_ref());
            }
        });
    }

    /// Ends who has no name for too long, probes who is silent, ends who does not answer.
    fn inspect(&self, now_ms: u64) {
        let (nameless_max, probe_after) = (self.live.nameless_max_ms(), self.live.probe_after_ms());
        self.seats.borrow_mut().each(|seat| {
            // Who was told the last words is the server library's to end.
            if seat.over {
                return;
            }
            let signing_ms = seat.signing_since_ms.map_or(0, |since_ms| now_ms.saturating_sub(since_ms));
            if signing_ms >= LOGIN_DEADLINE.as_millis() as u64 {
                seat.give_up_signing();
            }
            if seat.over {
                return;
            }
            if seat.person.is_none() {
                if now_ms.saturating_sub(seat.since_ms) >= nameless_max {
                    seat.say_last(&text("no name was given in time"), End::TimedOut);
                }
                return;
            }
            let silent = now_ms.saturating_sub(seat.probed_ms.unwrap_or(seat.heard_ms));
            let patience = if seat.probed_ms.is_some() { probe_after / 2 } else { probe_after };
            if silent < patience {
                return;
            }
            if seat.probed_ms.is_some() {
                return seat.outbox.cut(End::TimedOut);
            }
            let mut out = Vec::new();
            match seat.door.probe(&mut out) {
                Probe::Answers => seat.probed_ms = Some(now_ms),
                Probe::Silent => seat.heard_ms = now_ms,
            }
            seat.outbox.push(&out);
        });
    }
}

/// Who is next to be greeted, if it is time.
fn due(queue: &RefCell<VecDeque<(u64, SessionId)>>, now_ms: u64) -> Option<SessionId> {
    let mut queue = queue.borrow_mut();
    queue.front().filter(|(greet_at, _)| *greet_at <= now_ms)?;
    queue.pop_front().map(|(_, session)| session)
}

fn text(words: &str) -> Text {
    Text::new(words).expect("our own words are good text")
}
