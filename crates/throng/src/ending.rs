//! The end of a server: drained at the first wish, cut at the second.
//!
//! The hub takes no more commands and waits for its store; one farewell goes out per worker; the seats flush and close.
//! Whoever asked again, or asked for it at once, does not wait: what is confirmed is stored, the rest was not confirmed.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use throng_server::{Drain, Pause, Report, Running};
use throng_services::chat::Chat;

use crate::signals::{Asked, Asker, Wish};

/// What everybody hears who is in the chat when it closes.
pub const FAREWELL: &str = "the server is closing, see you";

/// How long clients have to take their last words when the end must come at once.
const CUT_MAX: Duration = Duration::ZERO;

/// What the end waits for.
enum Happened {
    Wished(Wish),
    Told(usize),
    Drained(Report),
}

/// Who was told goodbye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Goodbye {
    /// So many people.
    Told(usize),
    /// Nobody, since the store did not answer in time.
    Late,
    /// Nobody, since the service has no words for it.
    None,
}

/// How a server ended.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Who was told goodbye.
    pub told: Goodbye,
    /// What became of the connections.
    pub report: Report,
    /// Who did not want to wait for a drain that was under way.
    pub cut_by: Option<Asker>,
    /// How long it took.
    pub lasted: Duration,
}

impl Ended {
    /// The exit code of the process: 0 unless a drain was cut short.
    pub fn exit_code(&self) -> u8 {
        self.cut_by.map_or(0, Asker::exit_code_of_cut)
    }

    /// The last line.
    pub fn text(&self) -> String {
        let told = match self.told {
            Goodbye::Told(1) => "1 person told goodbye, ".to_owned(),
            Goodbye::Told(people) => format!("{people} people told goodbye, "),
            Goodbye::Late => "nobody told goodbye, since the store did not answer, ".to_owned(),
            Goodbye::None => String::new(),
        };
        let word = if self.cut_by.is_some() { "cut short" } else { "drained" };
        let (finished, cut) = (self.report.finished, self.report.cut);
        let millis = self.lasted.as_millis();
        let closed =
            if finished == 1 { "1 connection".to_owned() } else { format!("{finished} connections") };
        format!("{word}: {told}{closed} closed, {cut} cut, in {millis} ms")
    }
}

/// Ends all servers of the process; it may take so long. Everybody in the chat, if one of them has one, hears these words.
pub fn end(
    servers: &[Running],
    chat: Option<(&Arc<Chat>, &'static str)>,
    (first, wishes): (Wish, Receiver<Asked>),
    drain_max: Duration,
) -> Ended {
    let Some((chat, words)) = chat else {
        let patience = if first.now { CUT_MAX } else { drain_max };
        return End::new(servers, wishes, patience).drain(patience, Goodbye::None);
    };
    let patience = if first.now { Duration::from_millis(500) } else { drain_max };
    let mut end = End::new(servers, wishes, patience);
    // Whatever goes wrong here, the drain refuses new clients as well. Sockets that were let go are not refused at.
    servers.iter().for_each(|server| drop(server.pause(Pause::Refuse)));
    let words = throng_services::chat::text(words).expect("plain words");
    let (chat, happened) = (Arc::clone(chat), end.tell.clone());
    spawn("throng-farewell", move || {
        if let Ok(told) = chat.farewell(words).recv() {
            let _ = happened.send(Happened::Told(told));
        }
    });
    let told = end.wait_for_farewell();
    let left = if first.now || end.cut_by.is_some() { CUT_MAX } else { end.left() };
    // Those who were told leave by themselves; a moment is enough for them even when the end comes at once.
    end.drain(left.max(Duration::from_millis(200)), told)
}

struct End<'a> {
    servers: &'a [Running],
    begun: Instant,
    /// Connections that were open when the end began.
    open: usize,
    patience: Duration,
    tell: SyncSender<Happened>,
    happened: Receiver<Happened>,
    cut_by: Option<Asker>,
}

impl End<'_> {
    fn new(servers: &[Running], wishes: Receiver<Asked>, patience: Duration) -> End<'_> {
        let (tell, happened) = sync_channel(8);
        let forward = tell.clone();
        spawn("throng-wishes", move || {
            for asked in wishes {
                // Whatever else is asked comes too late.
                let Asked::End(wish) = asked else { continue };
                if forward.send(Happened::Wished(wish)).is_err() {
                    return;
                }
            }
        });
        let open: u64 = servers.iter().map(|server| server.stats().open).sum();
        let open = usize::try_from(open).unwrap_or(usize::MAX);
        End { servers, begun: now(), open, patience, tell, happened, cut_by: None }
    }

    fn left(&self) -> Duration {
        self.patience.saturating_sub(self.begun.elapsed())
    }

    /// How many were told, unless the patience ends before or somebody wishes again.
    fn wait_for_farewell(&mut self) -> Goodbye {
        loop {
            match self.happened.recv_timeout(self.left()) {
                Ok(Happened::Told(people)) => return Goodbye::Told(people),
                Ok(Happened::Wished(wish)) => {
                    self.cut_by = Some(wish.by);
                    return Goodbye::Late;
                }
                Ok(Happened::Drained(_)) => {}
                Err(_) => return Goodbye::Late,
            }
        }
    }

    fn drain(mut self, patience: Duration, told: Goodbye) -> Ended {
        let drains: Vec<_> = self.servers.iter().map(|server| server.drain(patience)).collect();
        let tell = self.tell.clone();
        spawn("throng-drained", move || {
            let _ = tell.send(Happened::Drained(drains.iter().map(Drain::wait).fold(Report::default(), sum)));
        });
        let mut report = loop {
            match self.happened.recv() {
                Ok(Happened::Drained(report)) => break report,
                Ok(Happened::Wished(wish)) => {
                    self.cut_by.get_or_insert(wish.by);
                    self.servers.iter().for_each(|server| drop(server.drain(CUT_MAX)));
                }
                Ok(Happened::Told(_)) => {}
                // Not before `tell` is dropped, which this holds itself.
                Err(_) => break Report::default(),
            }
        };
        // Most of them close at the farewell, before the server library's own drain begins to count.
        report.finished = self.open.saturating_sub(report.cut);
        Ended { told, report, cut_by: self.cut_by, lasted: self.begun.elapsed() }
    }
}

fn sum(one: Report, other: Report) -> Report {
    let lasted = one.lasted.max(other.lasted);
    Report { finished: one.finished + other.finished, cut: one.cut + other.cut, lasted }
}

/// One of the few threads that only wait for one thing. The process is about to end; it needs no joining.
fn spawn(name: &str, body: impl FnOnce() + Send + 'static) {
    let spawned = std::thread::Builder::new().name(name.to_owned()).spawn(body);
    spawned.expect("a server that ran until now may have one more thread");
}

/// Now.
#[expect(clippy::disallowed_methods, reason = "how long the end takes is the roof's to know")]
pub fn now() -> Instant {
    Instant::now()
}
