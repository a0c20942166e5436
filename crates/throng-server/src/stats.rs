//! Counters: what happened since the start.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::end::{End, KINDS, NAMES};
use crate::limits::Rejected;

/// What happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Connections that were served.
    pub accepted: u64,
    /// Those that are open now, closing ones included.
    pub open: u64,
    /// Connections refused since their address had its limit, or a proxy did not say whom it passed on.
    pub rejected: u64,
    /// Connections closed at once since the process had no descriptor left.
    pub shed: u64,
    /// Bytes that peers of ended connections sent.
    pub bytes_in: u64,
    /// Bytes that the kernel took for ended connections.
    pub bytes_out: u64,
    /// How many ended in which way, by [`End::name`].
    pub ended: BTreeMap<&'static str, u64>,
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub accepted: AtomicU64,
    pub rejected: AtomicU64,
    pub shed: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    ended: [AtomicU64; KINDS],
}

impl Counters {
    pub(crate) fn reject(&self, why: Rejected) {
        let counter = match why {
            Rejected::AddressFull | Rejected::NoProxyHeader => &self.rejected,
            Rejected::NoDescriptor => &self.shed,
        };
        counter.fetch_add(1, Relaxed);
    }

    pub(crate) fn end(&self, end: &End, bytes_in: u64, bytes_out: u64) {
        self.ended[end.kind()].fetch_add(1, Relaxed);
        self.bytes_in.fetch_add(bytes_in, Relaxed);
        self.bytes_out.fetch_add(bytes_out, Relaxed);
    }

    pub(crate) fn read(&self, open: u64) -> Stats {
        let ended = NAMES.iter().zip(&self.ended).map(|(name, count)| (*name, count.load(Relaxed)));
        Stats {
            accepted: self.accepted.load(Relaxed),
            open,
            rejected: self.rejected.load(Relaxed),
            shed: self.shed.load(Relaxed),
            bytes_in: self.bytes_in.load(Relaxed),
            bytes_out: self.bytes_out.load(Relaxed),
            ended: ended.filter(|(_, count)| *count > 0).collect(),
        }
    }
}
