//! Who hears whether the store can write, and what was said last. Used by the writer and by the scripted store.

use std::sync::{Arc, Mutex, PoisonError};

use crate::store::{Health, Told};

/// Who is told of the health, and what was told last. Written by the writer and by [`HealthBoard::listen`]; held
/// only to look or to note, never while somebody is told.
#[derive(Default)]
pub(crate) struct HealthBoard(Mutex<Board>);

#[derive(Default)]
struct Board {
    why: Option<Arc<str>>,
    told: Option<Arc<Told>>,
}

impl HealthBoard {
    /// From now on `told` is told, and now, when the store is read-only.
    pub(crate) fn listen(&self, told: Told) {
        let told = Arc::new(told);
        let mut board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        board.told = Some(Arc::clone(&told));
        let why = board.why.clone();
        drop(board);
        if let Some(why) = why {
            told(Health::ReadOnly { why });
        }
    }

    pub(crate) fn tell(&self, health: Health) {
        let mut board = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        board.why = match &health {
            Health::Writable => None,
            Health::ReadOnly { why } => Some(Arc::clone(why)),
        };
        let told = board.told.clone();
        drop(board);
        if let Some(told) = told {
            told(health);
        }
    }
}
