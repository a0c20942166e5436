//! What a plain service tells about those whom it serves, as it happens, on the thread that serves them: so one sees who
//! serves whom.

use std::sync::Arc;

use throng_server::{End, Peer};

/// What happened to one connection.
#[derive(Clone, Copy, Debug)]
pub enum Seen<'a> {
    /// It is served from here on.
    Accepted,
    /// The peer said something.
    Received(&'a [u8]),
    /// It is over.
    Closed(&'a End),
}

/// Who is told what a service sees, if anybody is.
#[derive(Clone, Default)]
pub struct Watch(Option<Arc<Teller>>);

type Teller = dyn Fn(&Peer, Seen<'_>) + Send + Sync;

impl Watch {
    /// Nobody is told.
    pub fn none() -> Watch {
        Watch(None)
    }

    /// Told on the thread that serves: it must return at once.
    pub fn by(teller: impl Fn(&Peer, Seen<'_>) + Send + Sync + 'static) -> Watch {
        Watch(Some(Arc::new(teller)))
    }

    pub(crate) fn tell(&self, peer: &Peer, seen: Seen<'_>) {
        if let Some(teller) = &self.0 {
            teller(peer, seen);
        }
    }
}
