//! A drain that an operator may still end: new clients are refused, who is here may finish, and when the last one has gone or
//! the time is up, the server is asked to end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use throng_server::Running;

use crate::signals::{Asked, Asker, Wish, Wishes};

/// How often it is looked who is still here.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The drain, if there is one. Written by the operators' threads and the one that waits.
#[derive(Clone, Default)]
pub struct Draining(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The number of the drain that is under way. One that was cancelled has another number than the next.
    now: Mutex<(u64, bool)>,
    changed: Condvar,
}

impl Draining {
    /// Begins one. `false` when there is one already.
    pub fn begin(&self, servers: Vec<Running>, wishes: &Wishes, time: Duration) -> bool {
        let mut now = self.lock();
        if now.1 {
            return false;
        }
        *now = (now.0 + 1, true);
        let number = now.0;
        drop(now);
        let (draining, wishes) = (self.clone(), wishes.clone());
        let thread = std::thread::Builder::new().name("throng-draining".to_owned());
        let begun = thread.spawn(move || {
            if draining.wait(number, &servers, time) {
                wishes.tell(Asked::End(Wish { by: Asker::Console, now: false }));
            }
        });
        if begun.is_err() {
            self.cancel();
        }
        begun.is_ok()
    }

    /// Is there one?
    pub fn is_on(&self) -> bool {
        self.lock().1
    }

    /// Ends it. `false` when there is none.
    pub fn cancel(&self) -> bool {
        let was = std::mem::replace(&mut self.lock().1, false);
        self.0.changed.notify_all();
        was
    }

    /// Waits until everybody has gone or the time is up; `false` when it was cancelled before.
    fn wait(&self, number: u64, servers: &[Running], time: Duration) -> bool {
        let mut left = time;
        let mut now = self.lock();
        while *now == (number, true)
            && !left.is_zero()
            && servers.iter().any(|server| server.stats().open > 0)
        {
            let turn = LOOK_EVERY.min(left);
            now = self.0.changed.wait_timeout(now, turn).unwrap_or_else(PoisonError::into_inner).0;
            left -= turn;
        }
        *now == (number, true)
    }

    fn lock(&self) -> MutexGuard<'_, (u64, bool)> {
        // Two plain values are whole whenever somebody panics.
        self.0.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
