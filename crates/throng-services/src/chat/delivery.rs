//! What the hub sends to a worker: one list per worker and turn, in the order in which people must hear it.

use std::sync::Arc;
use std::time::Duration;

use throng_chat::{Audience, Event, Name, PersonId, RoomId, SessionId, Text};

use crate::bans::Evicted;
use crate::identity::Which;

/// One step for a worker.
#[derive(Clone, Debug)]
pub enum Delivery {
    /// Tell one session; its door may remember something of it.
    Tell(SessionId, Event),
    /// Tell all local sessions of an audience. `by` is the session that said it, if one did.
    Told {
        /// Who hears it.
        to: Audience,
        /// Whose own words these are.
        by: Option<SessionId>,
        /// What they hear, shared by all workers.
        event: Arc<Event>,
        /// Since when it is on its way, where that is measured.
        at: Option<Duration>,
    },
    /// The session belongs to this person.
    Became(SessionId, PersonId),
    /// The session hears the room from here on.
    Entered(SessionId, RoomId),
    /// The session no longer hears it.
    Departed(SessionId, RoomId),
    /// The session is over.
    Close(SessionId, Text),
    /// The seats that stand on these devices' tokens are over. The one that asked for it goes on without.
    Revoked(Name, Which, Option<SessionId>),
    /// Who came from a banned address is told why, and put out.
    Evict(Arc<Evicted>),
    /// The server is over: every seat is told so, once, and closes.
    Farewell(Text),
}

/// How many turns of the hub may wait for one worker. When it is full the hub waits, never the other way round:
/// a worker's delivery loop waits for nobody, so there is no circle.
pub const TURNS_WAITING_MAX: usize = 64;
