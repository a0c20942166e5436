//! Where passwords are hashed: a few threads and a short queue. Whoever finds the queue full is told so at once, so a storm
//! of logins takes neither the memory nor the cores of those who talk.
//!
//! Writers to the queue are the seats, readers are the threads. A place in it is a permit that is taken before anything else
//! is done, so there is never more in the queue than it holds.

use std::io;
use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::share::{Share, Shares};
use super::throttle::Network;

/// How many may wait beside those who are being served.
pub const QUEUE: usize = 64;

/// All cores but one, which is for those who talk; at least one.
pub fn default_threads() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get).saturating_sub(1).max(1)
}

type Job = Box<dyn FnOnce() + Send>;

/// Threads that hash. When it goes, what waits is dropped, what runs is finished, and the threads are gone.
pub struct Pool {
    jobs: Option<SyncSender<Job>>,
    places: Arc<Semaphore>,
    shares: Arc<Shares>,
    threads: Vec<JoinHandle<()>>,
}

/// A place in the queue.
#[derive(Debug)]
pub struct Place {
    /// Held until the work is done.
    _permit: OwnedSemaphorePermit,
    _share: Share,
}

impl Pool {
    /// Starts so many threads, at least one.
    pub fn start(threads: usize) -> io::Result<Pool> {
        let threads = threads.max(1);
        let (jobs, queue) = sync_channel(threads + QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        let places = Arc::new(Semaphore::new(threads + QUEUE));
        let shares = Arc::default();
        let mut pool = Pool { jobs: Some(jobs), places, shares, threads: Vec::with_capacity(threads) };
        for number in 0..threads {
            let queue = Arc::clone(&queue);
            let named = std::thread::Builder::new().name(format!("passwords-{number}"));
            pool.threads.push(named.spawn(move || work(&queue))?);
        }
        Ok(pool)
    }

    /// A place in the queue for somebody from there, at once; `None` when it is full, or they have their share of it.
    pub fn place(&self, network: Network) -> Option<Place> {
        let _permit = Arc::clone(&self.places).try_acquire_owned().ok()?;
        Some(Place { _permit, _share: self.shares.take(network)? })
    }

    /// Places that are taken: of those who are served, and of those who wait.
    pub fn taken(&self) -> usize {
        (self.threads.len() + QUEUE).saturating_sub(self.places.available_permits())
    }

    /// Does this on one of the threads. `None` when it panicked. When nobody waits for it any more it is not begun.
    pub async fn run<T: Send + 'static>(
        &self,
        place: Place,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        let job = Box::new(move || {
            if !answer.is_closed() {
                let done = work();
                // The place is free before whoever waits can ask again.
                drop(place);
                let _ = answer.send(done);
            }
        });
        // A place is a promise that there is room.
        self.jobs.as_ref()?.try_send(job).ok()?;
        answered.await.ok()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        // Nobody waits any more: who waits has borrowed the pool. So what is left in the queue is not begun.
        drop(self.jobs.take());
        for thread in self.threads.drain(..) {
            // One of them cannot wait for itself.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

fn work(queue: &Mutex<Receiver<Job>>) {
    yield_to_talkers();
    loop {
        // The lock is held while waiting: whoever has it takes the next job, and the others wait for the lock.
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => {
                // A thread outlives what goes wrong on it; whoever waited sees the answer's end.
                let _ = catch_unwind(AssertUnwindSafe(job));
            }
            Err(_) => return,
        }
    }
}

/// How much less this thread gets than one that serves, where both want the same core (nice(2)).
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Who talks goes before who logs in, also where there is one core for both. Elsewhere than in Linux this is of a whole
/// process, which would help nobody.
fn yield_to_talkers() {
    // A system that does not allow it hashes at the same pace as it serves.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(None, NICENESS);
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    /// A job that says when it began and ends when it may.
    fn held() -> (impl FnOnce() -> u8 + Send + 'static, mpsc::Receiver<()>, mpsc::SyncSender<()>) {
        let (began, has_begun) = sync_channel(1);
        let (end, may_end) = sync_channel::<()>(1);
        let job = move || {
            began.send(()).unwrap();
            let _ = may_end.recv();
            7
        };
        (job, has_begun, end)
    }

    #[tokio::test]
    async fn what_is_asked_is_done() {
        let pool = Pool::start(2).unwrap();
        let place = pool.place(Network::Local).unwrap();
        assert_eq!(pool.run(place, || 6 * 7).await, Some(42));
    }

    #[tokio::test]
    async fn a_full_queue_says_so_at_once() {
        let pool = Arc::new(Pool::start(1).unwrap());
        let (job, has_begun, end) = held();
        let (first, place) = (Arc::clone(&pool), pool.place(Network::Local).unwrap());
        let first = tokio::spawn(async move { first.run(place, job).await });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        let mut places: Vec<Place> =
            (0..QUEUE).map(|_| pool.place(Network::Local).expect("there is room")).collect();
        assert!(pool.place(Network::Local).is_none(), "one is served and {QUEUE} wait");
        assert_eq!(pool.taken(), 1 + QUEUE);
        places.pop();
        assert!(pool.place(Network::Local).is_some(), "who goes makes room");
        end.send(()).unwrap();
        assert_eq!(first.await.unwrap(), Some(7));
        drop(places);
        let all = (0..=QUEUE).map(|_| pool.place(Network::Local)).collect::<Option<Vec<_>>>();
        assert!(all.is_some(), "all places come back");
    }

    #[tokio::test]
    async fn nobody_hashes_for_who_has_gone() {
        let pool = Arc::new(Pool::start(1).unwrap());
        let (job, has_begun, end) = held();
        let (first, place) = (Arc::clone(&pool), pool.place(Network::Local).unwrap());
        let first = tokio::spawn(async move { first.run(place, job).await });
        tokio::task::spawn_blocking(move || has_begun.recv().unwrap()).await.unwrap();
        let (told, begun) = sync_channel(1);
        let place = pool.place(Network::Local).unwrap();
        {
            let gone = pool.run(place, move || told.send(()).unwrap());
            let waited = tokio::time::timeout(Duration::ZERO, gone).await;
            assert!(waited.is_err(), "it waits behind the first");
        }
        end.send(()).unwrap();
        first.await.unwrap();
        // The one thread serves in order: when this is answered, the one before it is past.
        let place = pool.place(Network::Local).unwrap();
        pool.run(place, || ()).await.unwrap();
        assert!(begun.try_recv().is_err(), "nobody waited for it");
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_answer_only() {
        let pool = Pool::start(1).unwrap();
        let place = pool.place(Network::Local).unwrap();
        let failed: Option<()> = pool.run(place, || panic!("on purpose")).await;
        assert_eq!(failed, None);
        let place = pool.place(Network::Local).unwrap();
        assert_eq!(pool.run(place, || 1).await, Some(1));
    }

    #[tokio::test]
    async fn it_ends_with_what_runs_and_without_what_waits() {
        let pool = Arc::new(Pool::start(1).unwrap());
        let (job, has_begun, end) = held();
        let (told, begun) = sync_channel(1);
        let (first, second) = (pool.place(Network::Local).unwrap(), pool.place(Network::Local).unwrap());
        // Both are handed over, and nobody is there to wait: the pool itself is all that is left.
        let mut first = Box::pin({
            let pool = Arc::clone(&pool);
            async move { pool.run(first, job).await }
        });
        assert!(tokio::time::timeout(Duration::ZERO, &mut first).await.is_err());
        has_begun.recv().unwrap();
        {
            let mut second = Box::pin(pool.run(second, move || told.send(()).unwrap()));
            assert!(tokio::time::timeout(Duration::ZERO, &mut second).await.is_err());
        }
        drop(first);
        let pool = Arc::into_inner(pool).expect("nobody else has it");
        let (gone, has_gone) = sync_channel(1);
        let ending = std::thread::spawn(move || {
            drop(pool);
            gone.send(()).unwrap();
        });
        assert!(has_gone.recv_timeout(Duration::from_millis(50)).is_err(), "it waits for what runs");
        end.send(()).unwrap();
        has_gone.recv().unwrap();
        ending.join().unwrap();
        assert_eq!(begun.try_recv(), Err(mpsc::TryRecvError::Disconnected), "dropped, and never begun");
    }
}
