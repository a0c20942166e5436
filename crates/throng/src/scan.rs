//! `throng scan`: which TCP ports are open? Puts together what was asked, lets the scanner do it, and tells what comes of it:
//! results to standard output and files, how far it is to standard error.

pub mod asked;
mod bar;
mod board;
mod permit;
mod rehearsal;
mod sink;
mod verdict;
mod whom;

use std::io::{IsTerminal, Write};
use std::net::UdpSocket;
use std::num::NonZero;
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::time::{Duration, SystemTime};

use throng_scan::event::{Ended, Event};
use throng_scan::output::About;
use throng_scan::ports::PortSet;
use throng_scan::targets::Targets;
use throng_scan::{Running, Tell};
use throng_wire::printable::printable_bytes;

use crate::console::terminal;
use crate::fault::Fault;
use crate::interrupt;
use crate::question::question;
use crate::screen;
use asked::Scan;
use board::Board;
use permit::Permit;
use sink::{Sink, SinkFault, Sinks};
use whom::Whom;

/// Events that wait to be told; then the scan waits.
const WAITING_MAX: usize = 1024;

/// How often somebody looks whether the terminal has another size, when nothing happens.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long the terminal may take to wipe the bar when the program ends at once.
const WIPE_MAX: Duration = Duration::from_millis(100);

/// How many lines are said about single hosts.
const NOTES_MAX: usize = 20;

/// Does it. Gives the exit code.
pub fn scan(asked: &Scan) -> Result<u8, Fault> {
    let ports = ports(asked)?;
    let sinks = sink::all(&asked.output, asked.json)?;
    let (typed, whom) = whom(asked)?;
    is_possible_source(asked, &whom.targets)?;
    whom.notes.iter().for_each(|note| screen::tell_stderr(note));
    if asked.dry_run {
        screen::tell_stdout(&rehearsal::tell(asked, &whom, &ports, &sinks)?);
        return Ok(0);
    }
    let permit = permit::permit(asked, &whom.targets, ports.len())?;
    raise_descriptors();
    let mut sinks = open(asked, &sinks, &ports, &permit)?;
    let running = start(asked, &whom.targets, &ports, &permit)?;
    let mut board = Board::new(asked.progress);
    let stopper = running.stopper();
    let (first, has_bar) = (stopper.clone(), board.has_bar());
    interrupt::hear(move || first.stop(), move || leave(has_bar));
    let told = tell(running, &mut sinks, &mut board);
    stopper.stop();
    board.wipe();
    let finished = sinks.finish();
    let ended = match told.and_then(|ended| finished.map(|()| ended)) {
        Ok(ended) => ended,
        Err(SinkFault::NobodyReads) => return Ok(1),
        Err(SinkFault::Failed(fault)) => return Err(fault),
    };
    screen::tell_stderr(&verdict::line(&verdict::whom(&typed, whom.targets.len()), ended.as_ref()));
    Ok(verdict::exit_code(ended.as_ref(), whom.lost))
}

fn ports(asked: &Scan) -> Result<PortSet, Fault> {
    let mut ports = asked.ports.clone().unwrap_or_else(PortSet::all);
    ports.remove_all(asked.exclude_ports.as_ref().unwrap_or(&PortSet::empty()));
    if ports.is_empty() {
        return Err(Fault::usage("no port is left to ask: every one that is named is excluded too"));
    }
    Ok(ports)
}

/// What was typed, and who that is; asked for on a terminal where nothing was.
fn whom(asked: &Scan) -> Result<(Vec<String>, Whom), Fault> {
    if !asked.hosts.is_empty() {
        return Ok((asked.hosts.clone(), whom::find(asked, &asked.hosts)?));
    }
    if !(terminal::is_ours() && std::io::stderr().is_terminal()) {
        return Err(Fault::usage("no host was given, and there is no terminal to ask")
            .hint("try: throng scan 127.0.0.1"));
    }
    question("Host", None, |answer| {
        if answer.is_empty() {
            return Err("a name or an address, such as localhost or 127.0.0.1; Ctrl-C ends".to_owned());
        }
        let typed: Vec<_> = answer.split_whitespace().map(str::to_owned).collect();
        let whom = whom::find(asked, &typed).map_err(|fault| fault.what)?;
        Ok((typed, whom))
    })
}

/// Can these be asked from that address?
fn is_possible_source(asked: &Scan, targets: &Targets) -> Result<(), Fault> {
    let Some(source) = asked.source else { return Ok(()) };
    if let Some(span) = targets.spans().find(|span| span.first().is_ipv4() != source.is_ipv4()) {
        return Err(Fault::usage(format!("nobody can ask {} from {source}", span.first()))
            .hint("both must be IPv4, or both IPv6"));
    }
    match UdpSocket::bind((source, 0)) {
        Ok(_) => Ok(()),
        Err(why) => {
            Err(Fault::usage(format!("cannot ask from {source}: {why}"))
                .hint("ip address lists this machine's"))
        }
    }
}

/// As many descriptors as the system lets us have; the scanner makes do with what there is.
fn raise_descriptors() {
    // What cannot be raised stays as it is.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
}

fn open(asked: &Scan, sinks: &[Sink], ports: &PortSet, permit: &Permit) -> Result<Sinks, Fault> {
    let about = About {
        program: "throng scan".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        command: command(),
        began: since_1970(),
        ports: ports.clone(),
        authorized: permit.authorized.clone(),
        names: asked.banner,
        printable: |bytes| printable_bytes(bytes).into_owned(),
    };
    Sinks::open(sinks, &about)
}

/// What was typed; a word that a shell would take apart is in quotes.
fn command() -> String {
    let is_plain = |word: &str| {
        !word.is_empty()
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./:,@%+=".contains(&byte))
    };
    let quoted =
        |word: String| if is_plain(&word) { word } else { format!("'{}'", word.replace('\'', "'\\''")) };
    let words = std::env::args_os().skip(1).map(|word| quoted(word.to_string_lossy().into_owned()));
    std::iter::once("throng".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

fn since_1970() -> Duration {
    #[expect(clippy::disallowed_methods, reason = "when a scan began is the roof's to know")]
    let now = SystemTime::now();
    now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

fn start(asked: &Scan, targets: &Targets, ports: &PortSet, permit: &Permit) -> Result<Running, Fault> {
    let scan = throng_scan::Scan::builder()
        .hosts(targets.len(), targets.iter())
        .ports(ports)
        .threads(asked.threads)
        .parallel(asked.parallel.and_then(NonZero::new))
        .window_max(permit.window_max)
        .rate(permit.rate)
        .deadline(asked.deadline)
        .tell(if asked.all { Tell::All } else { Tell::Open })
        .source(asked.source)
        .banners(asked.banner);
    let running = scan.build().and_then(throng_scan::Scan::run);
    running.map_err(|why| Fault::failed(why.to_string()))
}

/// Somebody does not want to wait for the end: the bar, where there is one, is not left behind, if the terminal takes that now.
fn leave(has_bar: bool) {
    if !has_bar {
        return;
    }
    let (done, wiped) = sync_channel(1);
    let wipes = move || {
        let mut stderr = std::io::stderr().lock();
        let _ = stderr.write_all(board::WIPE.as_bytes());
        let _ = done.send(());
        // It is held until the program ends, or the bar could be drawn once more behind that.
        loop {
            std::thread::park();
        }
    };
    if std::thread::Builder::new().spawn(wipes).is_ok() {
        // A terminal that is stopped (Ctrl-S) takes nothing, and must not hold us.
        let _ = wiped.recv_timeout(WIPE_MAX);
    }
}

/// Tells everything until it is over; how it ended, if that was told.
fn tell(running: Running, sinks: &mut Sinks, board: &mut Board) -> Result<Option<Ended>, SinkFault> {
    let events = taken(running)?;
    let (mut ended, mut notes) = (None, 0);
    loop {
        let event = match events.try_recv() {
            Ok(event) => event,
            Err(TryRecvError::Disconnected) => break,
            // Nothing more is at hand: now it is time to show what there is.
            Err(TryRecvError::Empty) => {
                sinks.flush()?;
                board.draw();
                match events.recv_timeout(LOOK_EVERY) {
                    Ok(event) => event,
                    Err(RecvTimeoutError::Timeout) => continue,
                    Err(RecvTimeoutError::Disconnected) => break,
                }
            }
        };
        match &event {
            Event::Progress(progress) => {
                board.progress(*progress);
                continue;
            }
            Event::Ended(told) => ended = Some(*told),
            Event::Host(report) => {
                if let Some(note) = verdict::note(report) {
                    notes += 1;
                    match notes {
                        1..=NOTES_MAX => board.say(&note),
                        _ if notes == NOTES_MAX + 1 => board.say("and more such hosts"),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        board.make_room();
        sinks.tell(&event)?;
    }
    Ok(ended)
}

/// The events, taken on a thread of their own, so that whoever tells them knows when no more is at hand.
fn taken(running: Running) -> Result<Receiver<Event>, SinkFault> {
    let (give, events) = sync_channel(WAITING_MAX);
    let takes = std::thread::Builder::new().name("throng-scan-events".to_owned());
    // Who listens no more wants no more.
    let taking = takes.spawn(move || running.blocking().try_for_each(|event| give.send(event)));
    match taking {
        Ok(_) => Ok(events),
        Err(why) => Err(SinkFault::Failed(Fault::failed(format!("cannot start a thread: {why}")))),
    }
}
