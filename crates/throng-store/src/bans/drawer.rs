//! Bans kept in memory: what the memory store and the scripted store stand on, and what the table on the disk is compared with.
//! Pure: no lock, no thread, no clock.

use std::collections::BTreeMap;

use throng_chat::Ban;

use super::{BANS_MAX, Change, Made};

/// All bans, by their keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Drawer(BTreeMap<String, Ban>);

impl Drawer {
    /// Makes a change.
    pub(crate) fn make(&mut self, change: &Change) -> Made {
        let before = match change {
            Change::Put(ban) => {
                let key = ban.target.key();
                if self.0.len() >= BANS_MAX && !self.0.contains_key(&key) {
                    return Made::Full;
                }
                self.0.insert(key, (**ban).clone())
            }
            Change::Remove(target) => self.0.remove(&target.key()),
            Change::RemoveOver(now) => {
                let before = self.0.len();
                self.0.retain(|_, ban| !ban.is_over(*now));
                return if self.0.len() < before { Made::Known } else { Made::Unknown };
            }
        };
        before.map_or(Made::Unknown, |_| Made::Known)
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Ban> {
        self.0.values().cloned().collect()
    }
}
