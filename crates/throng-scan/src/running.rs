//! A scan that goes on: what its threads find out, put in order.

use std::collections::{BTreeMap, VecDeque};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_core::Stream;
use tokio::sync::mpsc;

use crate::core::{Found, Gauges, VisitEnd};
use crate::driver::Share;
use crate::event::{
    Counts, End, Ended, Event, Host, HostEnd, HostReport, Port, Progress, Reason, Started, Tell, Verdict,
};
use crate::order::Watermark;

/// How often people are told how far it is.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);
/// The rate of late: a look counts so much against all before.
const RATE_SHARE: f64 = 0.2;

/// The events of a scan: a [`Stream`], or by [`Running::blocking`] an iterator. Dropped, the scan ends; taking an event is
/// cancel-safe: what was not taken is there the next time.
pub struct Running {
    news: mpsc::Receiver<News>,
    stopper: Stopper,
    merged: Merged,
    over: bool,
}

/// What the threads of a scan have to say.
pub(crate) enum News {
    /// What became known.
    Found(Share),
    /// An open port, and what it said.
    Said(Found, Option<Arc<[u8]>>),
}

/// Ends a scan from elsewhere. It still tells what it knows.
#[derive(Clone)]
pub struct Stopper {
    stopped: Arc<AtomicBool>,
    wakers: Arc<[Arc<mio::Waker>]>,
}

impl Stopper {
    pub(crate) fn new(stopped: Arc<AtomicBool>, wakers: Vec<Arc<mio::Waker>>) -> Self {
        Self { stopped, wakers: wakers.into() }
    }

    /// Nothing more is asked.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        for waker in self.wakers.iter() {
            // Without it the thread would see the word at its next look, half a second later at most.
            let _ = waker.wake();
        }
    }

    /// Has somebody stopped it?
    pub fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// What the events are put together from.
pub(crate) struct Sum {
    pub hosts: u64,
    pub ports: Arc<[u16]>,
    /// How many threads share the ports of a host.
    pub shares: u32,
    pub threads: usize,
    pub tell: Tell,
    pub clock: Instant,
    pub deadline: Option<Duration>,
}

impl Running {
    pub(crate) fn new(news: mpsc::Receiver<News>, stopper: Stopper, sum: Sum) -> Self {
        let merged = Merged::new(sum);
        Self { news, stopper, merged, over: false }
    }

    /// With this it can be ended from elsewhere: another task, a thread, Ctrl-C.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// The events one after another, for a thread that may wait for them.
    pub fn blocking(mut self) -> impl Iterator<Item = Event> {
        std::iter::from_fn(move || {
            loop {
                if let Some(event) = self.merged.events.pop_front() {
                    return Some(event);
                }
                if self.over {
                    return None;
                }
                let news = self.news.blocking_recv();
                self.take(news);
            }
        })
    }

    fn take(&mut self, news: Option<News>) {
        match news {
            Some(news) => self.merged.take(news),
            None => {
                self.over = true;
                self.merged.finish(self.stopper.is_stopped());
            }
        }
    }
}

impl Stream for Running {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        loop {
            if let Some(event) = self.merged.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if self.over {
                return Poll::Ready(None);
            }
            match self.news.poll_recv(context) {
                Poll::Ready(news) => self.take(news),
                Poll::Pending => return Poll::Pending,
            }
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
    }
}

/// The news of all threads as one story.
struct Merged {
    sum: Sum,
    events: VecDeque<Event>,
    hosts: BTreeMap<u32, Visited>,
    /// What ports said whose hosts have not been heard of.
    early: Vec<(Found, Option<Arc<[u8]>>)>,
    begun: u64,
    answered: u64,
    counts: Counts,
    /// By thread; those that are over keep their last.
    gauges: Vec<Gauges>,
    pace: Pace,
}

/// The rate of late.
#[derive(Default)]
struct Pace {
    at: Duration,
    probes: u64,
    rate: Option<f64>,
}

/// A host under way.
struct Visited {
    host: Arc<Host>,
    order: Watermark<Port>,
    began: Duration,
    shares_left: u32,
    /// Ports that are still being listened to; less than none, if they were heard of before they were promised.
    promised: i64,
    end: HostEnd,
    answered: bool,
    round_trip: Option<Duration>,
    resets_limited: bool,
}

impl Merged {
    fn new(sum: Sum) -> Self {
        let started = Event::Started(Started {
            hosts: sum.hosts,
            ports: u32::try_from(sum.ports.len()).unwrap_or(u32::MAX),
        });
        Self {
            gauges: vec![Gauges::default(); sum.threads],
            sum,
            events: VecDeque::from([started]),
            hosts: BTreeMap::new(),
            early: Vec::new(),
            begun: 0,
            answered: 0,
            counts: Counts::default(),
            pace: Pace::default(),
        }
    }

    fn take(&mut self, news: News) {
        let now = self.sum.clock.elapsed();
        match news {
            News::Found(share) => self.found(share, now),
            News::Said(found, said) => self.said(&found, said, now),
        }
        self.progress(now);
    }

    fn found(&mut self, share: Share, now: Duration) {
        for (visit, host, began) in share.begun {
            self.begin(visit, host, began);
        }
        for (found, said) in std::mem::take(&mut self.early) {
            self.said(&found, said, now);
        }
        for found in share.found {
            self.settle(&found, None);
        }
        self.release();
        for (end, promised) in share.ended {
            self.share_ended(&end, promised, now);
        }
        self.gauges[share.thread] = share.gauges;
    }

    /// A port that was listened to. It may be heard of before its host: the threads do not wait for each other.
    fn said(&mut self, found: &Found, said: Option<Arc<[u8]>>, now: Duration) {
        if !self.hosts.contains_key(&found.visit) {
            self.early.push((*found, said));
            return;
        }
        self.settle(found, said);
        if let Some(visited) = self.hosts.get_mut(&found.visit) {
            visited.promised -= 1;
        }
        self.release();
        self.close_if_over(found.visit, now);
    }

    fn begin(&mut self, visit: u32, host: Arc<Host>, began: Duration) {
        let begun = &mut self.begun;
        let sum = &self.sum;
        self.hosts.entry(visit).or_insert_with(|| {
            *begun += 1;
            Visited {
                host,
                promised: 0,
                order: Watermark::new(Arc::clone(&sum.ports)),
                began,
                shares_left: sum.shares,
                end: HostEnd::Complete,
                answered: false,
                round_trip: None,
                resets_limited: false,
            }
        });
    }

    fn settle(&mut self, found: &Found, banner: Option<Arc<[u8]>>) {
        let Some(visited) = self.hosts.get_mut(&found.visit) else { return };
        let told = self.sum.tell == Tell::All || found.verdict == Verdict::Open;
        let port = told.then(|| Port {
            host: Arc::clone(&visited.host),
            number: found.port,
            verdict: found.verdict,
            reason: found.reason,
            round_trip: found.round_trip,
            tries: found.tries,
            banner,
        });
        if visited.order.settle(found.port, found.verdict, port) {
            self.counts.count(found.verdict);
        }
    }

    fn release(&mut self) {
        for visited in self.hosts.values_mut() {
            self.events.extend(visited.order.release().into_iter().map(Event::Port));
        }
    }

    /// One thread is done with a host; the last one tells.
    fn share_ended(&mut self, end: &VisitEnd, promised: u32, now: Duration) {
        let Some(visited) = self.hosts.get_mut(&end.visit) else { return };
        if visited.end == HostEnd::Complete {
            visited.end = end.end;
        }
        visited.answered |= end.answered;
        visited.round_trip = visited.round_trip.max(end.round_trip);
        visited.resets_limited |= end.resets_limited;
        visited.shares_left = visited.shares_left.saturating_sub(1);
        visited.promised += i64::from(promised);
        self.close_if_over(end.visit, now);
    }

    fn close_if_over(&mut self, visit: u32, now: Duration) {
        if self.hosts.get(&visit).is_some_and(|visited| visited.shares_left == 0 && visited.promised <= 0) {
            self.close(visit, now);
        }
    }

    fn close(&mut self, visit: u32, now: Duration) {
        let Some(mut visited) = self.hosts.remove(&visit) else { return };
        let (verdict, reason) = match visited.end {
            HostEnd::Unreachable => (Verdict::Unreachable, Reason::HostUnreachable),
            HostEnd::Local(trouble) => (Verdict::Unknown, Reason::Local(trouble)),
            _ => (Verdict::Unknown, Reason::NotAsked),
        };
        let before = visited.order.counts();
        let (host, all) = (&visited.host, self.sum.tell == Tell::All);
        let told = |number| {
            let host = Arc::clone(host);
            all.then_some(Port { host, number, verdict, reason, round_trip: None, tries: 0, banner: None })
        };
        visited.order.close(verdict, told);
        let counts = visited.order.counts();
        self.counts.unreachable += counts.unreachable - before.unreachable;
        self.counts.unknown += counts.unknown - before.unknown;
        self.answered += u64::from(visited.answered);
        self.events.extend(visited.order.release().into_iter().map(Event::Port));
        self.events.push_back(Event::Host(HostReport {
            host: visited.host,
            counts,
            end: visited.end,
            round_trip: visited.round_trip,
            elapsed: now.saturating_sub(visited.began),
            resets_limited: visited.resets_limited,
        }));
    }

    fn progress(&mut self, now: Duration) {
        let since = now.saturating_sub(self.pace.at);
        if since < PROGRESS_EVERY {
            return;
        }
        let probes: u64 = self.gauges.iter().map(|gauges| gauges.probes).sum();
        let rate = (probes - self.pace.probes.min(probes)) as f64 / since.as_secs_f64();
        let rate = self.pace.rate.map_or(rate, |before| before + (rate - before) * RATE_SHARE);
        self.pace = Pace { at: now, probes, rate: Some(rate) };
        let tentative: u64 = self.gauges.iter().map(|gauges| u64::from(gauges.tentative)).sum();
        // Not all of it before the end: what is tentative may be asked again.
        let (done, of) = ((self.counts.total() + tentative).min(self.all()), self.all());
        self.events.push_back(Event::Progress(Progress {
            done,
            of,
            open: self.counts.open,
            rate,
            in_flight: self.gauges.iter().map(|gauges| gauges.in_flight).sum(),
            window: self.gauges.iter().map(|gauges| gauges.window).sum(),
            loss: self.gauges.iter().map(|gauges| gauges.loss).fold(0.0, f64::max),
            round_trip: self.gauges.iter().filter_map(|gauges| gauges.round_trip).max(),
            elapsed: now,
            left: left(done, of, probes, rate),
        }));
    }

    fn all(&self) -> u64 {
        self.sum.hosts * self.sum.ports.len() as u64
    }

    /// No thread is left.
    fn finish(&mut self, stopped: bool) {
        let now = self.sum.clock.elapsed();
        while let Some(&visit) = self.hosts.keys().next() {
            // A thread that ended without a word, or the ports of one: nothing is claimed of them.
            if let Some(visited) =
                self.hosts.get_mut(&visit).filter(|visited| visited.end == HostEnd::Complete)
            {
                visited.end = HostEnd::Stopped;
            }
            self.close(visit, now);
        }
        self.counts.unknown += self.all().saturating_sub(self.counts.total());
        let late = self.sum.deadline.is_some_and(|deadline| now >= deadline);
        let end = match (self.counts.unknown, stopped) {
            (0, _) => End::Complete,
            (_, true) => End::Stopped,
            (_, false) if late => End::Deadline,
            (_, false) => End::Complete,
        };
        self.events.push_back(Event::Ended(Ended {
            hosts: self.begun,
            answered: self.answered,
            counts: self.counts,
            elapsed: now,
            probes: self.gauges.iter().map(|gauges| gauges.probes).sum(),
            troubles: self.gauges.iter().map(|gauges| gauges.troubles).sum(),
            end,
        }));
    }
}

/// How long the rest will take, if each port costs what those before did.
fn left(done: u64, of: u64, probes: u64, rate: f64) -> Option<Duration> {
    if done == 0 || rate < 1.0 {
        return None;
    }
    let each = (probes as f64 / done as f64).clamp(1.0, 4.0);
    let to_send = (of as f64 * each - probes as f64).max(of.saturating_sub(done) as f64 * 0.5);
    Some(Duration::from_secs_f64((to_send / rate).min(1e9)))
}
