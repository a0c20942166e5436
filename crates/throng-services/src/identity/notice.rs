//! What others must know of accounts: the hub keeps the names that belong to somebody, and ends the sessions of those who
//! may be here no longer.
//!
//! Notices go through one channel of [`NOTICES_MAX`] to one reader, and none is lost: its place is taken *before* the store is
//! asked for the change, and it is sent by the store's own answer, so in the order of the changes, and also when whoever
//! asked has gone. Who finds the channel full waits before anything is changed; so its reader must never wait for this
//! library itself. When nobody reads any more, changes are made without notice.
//!
//! A reader that wants to know all names takes the receiver, then reads the pages of accounts, then hears notices: what is
//! told twice by that changes nothing the second time.

use throng_chat::Name;
use tokio::sync::mpsc;

/// How many notices may wait.
pub const NOTICES_MAX: usize = 256;

/// Something that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The name belongs to an account from now on, and so does what looks like it.
    Registered {
        /// Which one.
        account: Name,
        /// The session that made it, if one did, by the number that its seat gave it: whoever is there is no stranger.
        by: Option<u64>,
    },
    /// The account is gone; its name is free.
    Unregistered(Name),
    /// All accounts are gone.
    Cleared,
    /// All accounts are others now, put back from a backup. Its reader signs everybody out, forgets all names, and reads the
    /// pages of accounts again; until it has, registered names may be anybody's. Whoever signs in meanwhile is looked up in
    /// the accounts as they are now.
    Replaced,
    /// Nobody may be signed in to it any more; their devices are signed out.
    Suspended(Name),
    /// Somebody may again.
    Restored(Name),
    /// Devices were signed out: sessions that stand on their tokens end, but for the one where that was done, which is signed
    /// out and stays.
    Revoked {
        /// Of which account.
        account: Name,
        /// Which devices.
        which: Which,
        /// The session that did it, if one did, by the number that its seat gave it.
        by: Option<u64>,
    },
    /// It has another password; all tokens went with the old one. `reset`: whoever runs the server did it, so all its
    /// sessions end; else its owner did, and the session where that was done stays.
    PasswordChanged {
        /// Of which account.
        account: Name,
        /// By whoever runs the server.
        reset: bool,
        /// The session that did it, if one did: what it stood on is gone, and it stays all the same.
        by: Option<u64>,
    },
    /// Its owner may operate the server from now on, or not.
    Operator(Name, bool),
}

/// Which devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one with this number.
    Number(u64),
    /// All of them.
    All,
}

impl Which {
    /// Is this one among them?
    pub fn has(self, number: u64) -> bool {
        match self {
            Which::Number(this) => this == number,
            Which::All => true,
        }
    }
}

/// The end where notices go in.
#[derive(Clone, Debug)]
pub(super) struct Notices(mpsc::Sender<Notice>);

/// A place that was taken for a notice; `None` when nobody reads them.
pub(super) struct Reserved(Option<mpsc::OwnedPermit<Notice>>);

impl Notices {
    pub(super) fn channel() -> (Notices, mpsc::Receiver<Notice>) {
        let (sender, receiver) = mpsc::channel(NOTICES_MAX);
        (Notices(sender), receiver)
    }

    /// Takes a place; waits while there is none.
    pub(super) async fn reserve(&self) -> Reserved {
        Reserved(self.0.clone().reserve_owned().await.ok())
    }
}

impl Reserved {
    pub(super) fn send(self, notice: Notice) {
        if let Some(place) = self.0 {
            place.send(notice);
        }
    }
}
