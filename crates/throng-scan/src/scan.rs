//! A scan as one asks for it.

use std::net::IpAddr;
use std::num::NonZero;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc;

use crate::banner;
use crate::core::{Moment, Terms};
use crate::driver::{self, Driver, Hosts};
use crate::event::{Host, Tell};
use crate::running::{News, Running, Stopper, Sum};

/// No more questions wait at the same time, of all threads and hosts together: more than this finds nothing sooner.
pub const WINDOW_MAX: u32 = 16_384;
/// Descriptors that are left to everything else.
const DESCRIPTORS_SPARED: u32 = 64;
/// More threads only wait for each other.
pub const THREADS_MAX: usize = 64;
/// Neighbouring ports that one thread takes, where several ask one host.
const PORTS_TOGETHER: usize = 32;
/// News that nobody has taken yet: then the scan waits.
const NEWS_WAITING_MAX: usize = 16;

/// Why a scan cannot be.
#[derive(Debug)]
#[non_exhaustive]
pub enum StartError {
    /// It has nobody to ask.
    NoHosts,
    /// It has nothing to ask.
    NoPorts,
    /// Questions per second must be more than none.
    Rate(f64),
    /// More threads than [`THREADS_MAX`].
    Threads(usize),
    /// The system refused what a scan needs: a poll, a thread.
    System(std::io::Error),
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoHosts => write!(f, "there is no host to scan"),
            Self::NoPorts => write!(f, "there is no port to scan"),
            Self::Rate(rate) => write!(f, "{rate} is no number of probes per second"),
            Self::Threads(threads) => write!(f, "{threads} threads are too many: at most {THREADS_MAX}"),
            Self::System(why) => write!(f, "cannot start the scan: {why}"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::System(why) => Some(why),
            _ => None,
        }
    }
}

/// What is to be scanned, and how. [`Scan::run`] begins.
pub struct Scan {
    hosts: Box<dyn Iterator<Item = Host> + Send>,
    host_count: u64,
    ports: Arc<[u16]>,
    threads: Option<usize>,
    parallel: Option<u32>,
    window_max: Option<u32>,
    rate: Option<f64>,
    deadline: Option<Duration>,
    tell: Tell,
    source: Option<IpAddr>,
    banners: bool,
}

/// Puts a [`Scan`] together.
#[derive(Default)]
pub struct Builder {
    hosts: Option<Box<dyn Iterator<Item = Host> + Send>>,
    host_count: u64,
    ports: Option<Vec<u16>>,
    threads: Option<NonZero<usize>>,
    parallel: Option<NonZero<u32>>,
    window_max: Option<NonZero<u32>>,
    rate: Option<f64>,
    deadline: Option<Duration>,
    tell: Tell,
    source: Option<IpAddr>,
    banners: bool,
}

impl Scan {
    /// All ports of no host yet.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Begins, on threads of its own. What it finds comes from what this returns, and is not asked for faster than it is
    /// taken; when that is dropped, the scan ends.
    pub fn run(mut self) -> Result<Running, StartError> {
        #[expect(clippy::disallowed_methods, reason = "the one clock of a scan starts with it")]
        let clock = Instant::now();
        let stopped = Arc::new(AtomicBool::new(false));
        let (tell, news) = mpsc::channel(NEWS_WAITING_MAX);
        let listeners = match self.banners {
            true => Some(self.listeners(&stopped, &tell).map_err(StartError::System)?),
            false => None,
        };
        let window = self.window();
        let (roll, threads, shares) = self.divide();
        let mut wakers = Vec::new();
        for (thread, hosts) in roll.into_iter().enumerate() {
            let order = driver::Order {
                thread,
                hosts,
                ports: if shares > 1 { share(&self.ports, thread, threads) } else { Arc::clone(&self.ports) },
                terms: Terms {
                    window: share_of(window, thread, threads),
                    fixed: self.parallel.is_some(),
                    rate: self.rate.map(|rate| rate / threads as f64),
                },
                source: self.source,
                clock,
                deadline: self.deadline.map(Moment::after),
                stopped: Arc::clone(&stopped),
                listeners: listeners.clone(),
            };
            let (driver, waker) = Driver::new(order).map_err(StartError::System)?;
            wakers.push(waker);
            spawn(driver, thread, tell.clone()).map_err(StartError::System)?;
        }
        let sum = Sum {
            hosts: self.host_count,
            ports: self.ports,
            shares,
            threads,
            tell: self.tell,
            clock,
            deadline: self.deadline,
        };
        Ok(Running::new(news, Stopper::new(stopped, wakers), sum))
    }

    fn window(&self) -> u32 {
        self.parallel.or(self.window_max).unwrap_or(WINDOW_MAX).min(WINDOW_MAX).min(descriptors_left())
    }

    /// Whom each thread asks, how many threads there are, and how many of them share the ports of each host. A few hosts
    /// are asked by all threads, each some of the ports; of many, each thread takes the next.
    fn divide(&mut self) -> (Vec<Hosts>, usize, u32) {
        let few = self.host_count <= self.threads.unwrap_or(1) as u64;
        let hosts = std::mem::replace(&mut self.hosts, Box::new(std::iter::empty()));
        if !few {
            let threads = self.threads.unwrap_or(1);
            let queue = Arc::new(Mutex::new((0_u32..).zip(hosts.map(Arc::new))));
            let next = |_| {
                let queue = Arc::clone(&queue);
                Box::new(std::iter::from_fn(move || queue.lock().ok()?.next())) as Hosts
            };
            return ((0..threads).map(next).collect(), threads, 1);
        }
        let hosts: Vec<(u32, Arc<Host>)> = (0..).zip(hosts.map(Arc::new)).collect();
        let threads = self.threads.unwrap_or_else(|| usual_threads(&hosts));
        let roll = (0..threads).map(|_| Box::new(hosts.clone().into_iter()) as Hosts).collect();
        (roll, threads, u32::try_from(threads).unwrap_or(1))
    }

    fn listeners(
        &self,
        stopped: &Arc<AtomicBool>,
        tell: &mpsc::Sender<News>,
    ) -> std::io::Result<std::sync::mpsc::SyncSender<banner::Connected>> {
        let tell = tell.clone();
        // Nobody there any more means that nobody wants to know.
        banner::listeners(stopped, move |found, said| drop(tell.blocking_send(News::Said(found, said))))
    }
}

impl Builder {
    /// One address.
    pub fn address(self, address: IpAddr) -> Self {
        self.hosts(1, std::iter::once(Host { address, name: None }))
    }

    /// So many hosts, in the order in which they are asked.
    pub fn hosts(
        mut self,
        count: u64,
        hosts: impl IntoIterator<Item = Host, IntoIter: Send + 'static>,
    ) -> Self {
        let hosts = hosts.into_iter();
        self.hosts = Some(match self.hosts.take() {
            Some(before) => Box::new(before.chain(hosts)),
            None => Box::new(hosts),
        });
        self.host_count += count;
        self
    }

    /// These ports; all of 1 to 65535 if this is not said.
    pub fn ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports.get_or_insert_default().extend(ports);
        self
    }

    /// So many threads; one if this is not said, two where the only host is this machine.
    pub fn threads(mut self, threads: Option<NonZero<usize>>) -> Self {
        self.threads = threads;
        self
    }

    /// Exactly so many questions at the same time; as many as bring answers if this is not said.
    pub fn parallel(mut self, parallel: Option<NonZero<u32>>) -> Self {
        self.parallel = parallel;
        self
    }

    /// As many questions at the same time as bring answers, and no more than this; it does not bound what
    /// [`Builder::parallel`] says.
    pub fn window_max(mut self, window_max: Option<NonZero<u32>>) -> Self {
        self.window_max = window_max;
        self
    }

    /// At most so many questions a second.
    pub fn rate(mut self, rate: Option<f64>) -> Self {
        self.rate = rate;
        self
    }

    /// It ends after this, finished or not.
    pub fn deadline(mut self, deadline: Option<Duration>) -> Self {
        self.deadline = deadline;
        self
    }

    /// Which ports are told one by one.
    pub fn tell(mut self, tell: Tell) -> Self {
        self.tell = tell;
        self
    }

    /// From this address of this machine.
    pub fn source(mut self, source: Option<IpAddr>) -> Self {
        self.source = source;
        self
    }

    /// Open ports are listened to for a moment, and told with what they say.
    pub fn banners(mut self, banners: bool) -> Self {
        self.banners = banners;
        self
    }

    /// Checks it.
    pub fn build(self) -> Result<Scan, StartError> {
        let hosts = self.hosts.filter(|_| self.host_count > 0).ok_or(StartError::NoHosts)?;
        let mut ports: Vec<u16> = self.ports.unwrap_or_else(|| (1..=u16::MAX).collect());
        ports.sort_unstable();
        ports.dedup();
        ports.retain(|port| *port != 0);
        if ports.is_empty() {
            return Err(StartError::NoPorts);
        }
        let threads = self.threads.map(NonZero::get);
        match (self.rate, threads) {
            (Some(rate), _) if !(rate.is_finite() && rate > 0.0) => return Err(StartError::Rate(rate)),
            (_, Some(threads)) if threads > THREADS_MAX => return Err(StartError::Threads(threads)),
            _ => {}
        }
        // One port after another is one thread's work.
        let parallel = self.parallel.map(NonZero::get);
        let threads = match parallel {
            Some(parallel) => Some(threads.unwrap_or(1).min(parallel as usize)),
            None => threads,
        };
        Ok(Scan {
            hosts,
            host_count: self.host_count,
            ports: ports.into(),
            threads,
            parallel,
            window_max: self.window_max.map(NonZero::get),
            rate: self.rate,
            deadline: self.deadline,
            tell: self.tell,
            source: self.source,
            banners: self.banners,
        })
    }
}

fn spawn(driver: Driver, number: usize, tell: mpsc::Sender<News>) -> std::io::Result<()> {
    std::thread::Builder::new()
        .name(format!("throng-scan-{number}"))
        .spawn(move || driver.run(|share| tell.blocking_send(News::Found(share)).is_ok()))
        .map(drop)
}

/// To this machine a second thread helps, since the kernel's part is done on the thread that asks.
fn usual_threads(hosts: &[(u32, Arc<Host>)]) -> usize {
    let local = !hosts.is_empty() && hosts.iter().all(|(_, host)| driver::is_own(host.address));
    if local { std::thread::available_parallelism().map_or(1, |cores| cores.get().min(2)) } else { 1 }
}

/// The ports of one thread of several: every so many, some together.
fn share(ports: &[u16], thread: usize, threads: usize) -> Arc<[u16]> {
    ports.chunks(PORTS_TOGETHER).skip(thread).step_by(threads).flatten().copied().collect()
}

fn share_of(whole: u32, thread: usize, threads: usize) -> u32 {
    let (thread, threads) = (u32::try_from(thread).unwrap_or(0), u32::try_from(threads).unwrap_or(1));
    (whole / threads + u32::from(thread < whole % threads)).max(1)
}

/// How many more descriptors this process may have, as far as it can tell.
fn descriptors_left() -> u32 {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX);
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    limit.saturating_sub(DESCRIPTORS_SPARED).max(1)
}
