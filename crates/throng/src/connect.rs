//! `throng connect`: a conversation with any TCP service. This room asks, chooses between terminal and pipe, tells what
//! happens, and gives the exit code; the conversation itself is the client library's.

mod ask;
mod desk;
mod faults;
mod history;
mod summons;

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use throng_client::connect::backoff::Backoff;
use throng_client::connect::flow::Stream;
use throng_client::connect::pipe::{self, InputFault};
use throng_client::connect::script::Script;
use throng_client::connect::shown::Look;
use throng_client::connect::talk::{self, Manner, Typed};
use throng_client::connect::tls::{Tls, Wanted};
use throng_client::connect::{Dialled, End, Target, Transcript, dial};
use throng_wire::printable::printable;
use tokio::runtime::Runtime;

use crate::cli::Connect;
use crate::console::terminal::Terminal;
use crate::fault::Fault;
use crate::screen;
use desk::Front;
use summons::Summons;

/// What ends a line.
const LF: &str = "\n";
const CRLF: &str = "\r\n";

/// Talks until it ends. Gives the exit code.
pub fn connect(asked: &Connect) -> Result<u8, Fault> {
    let terminal = Terminal::find();
    let target = ask::target(asked, terminal.is_some())?;
    let tls = asked.tls.then(|| Tls::new(&wanted(asked), &target)).transpose();
    let tls = tls.map_err(|why| faults::of_tls(&target, &why))?;
    let transcript = match &asked.transcript {
        Some(path) => Transcript::open(path, clock).map_err(|why| faults::of_transcript(path, &why))?,
        None => Transcript::none(),
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|why| Fault::failed(format!("cannot wait for sockets: {why}")))?;
    let call = Call { asked, target, tls, transcript };
    let outcome = match terminal {
        Some(terminal) => call.in_terminal(&runtime, &terminal),
        None => call.in_pipe(&runtime).map(|code| (code, Summons::default())),
    };
    // A look-up that hangs must not hold us.
    runtime.shutdown_background();
    let (code, summons) = outcome?;
    if let (Some(why), Some(path)) = (call.transcript.failure(), &asked.transcript) {
        return Err(faults::of_transcript(path, &why));
    }
    summons.obey();
    Ok(code)
}

fn wanted(asked: &Connect) -> Wanted {
    Wanted {
        name: asked.servername.clone(),
        ca: asked.ca.clone(),
        identity: asked.cert.clone().zip(asked.key.clone()),
        insecure: asked.insecure,
    }
}

/// The time of the transcript: ISO 8601, in UTC.
fn clock() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// The time before each line.
fn short_clock() -> String {
    jiff::Zoned::now().strftime("%H:%M:%S").to_string()
}

/// Waits of our own: each process that begins has other keys for its maps, by the system's chance.
fn backoff() -> Backoff {
    Backoff::new(RandomState::new().hash_one(0))
}

/// One call, with all that is needed to make it again.
struct Call<'a> {
    asked: &'a Connect,
    target: Target,
    tls: Option<Tls>,
    transcript: Transcript,
}

/// Who answered.
struct Answered {
    to: Connected,
    /// As it is told: the address, and by what means.
    told: String,
}

/// The connection.
enum Connected {
    /// As the kernel has it.
    Plain(Dialled),
    /// With TLS upon it.
    Secret(Stream),
}

impl Connected {
    fn stream(self) -> Stream {
        match self {
            Connected::Plain(Dialled::Tcp(stream, _)) => Box::new(stream),
            Connected::Plain(Dialled::Unix(stream)) => Box::new(stream),
            Connected::Secret(stream) => stream,
        }
    }
}

impl Call<'_> {
    /// Calls once.
    async fn once(&self) -> Result<Answered, Fault> {
        let patience = self.asked.connect_timeout;
        let dialled =
            dial(&self.target, patience).await.map_err(|why| faults::of_dial(&self.target, &why))?;
        let mut told = match (&dialled, &self.target) {
            (Dialled::Tcp(_, address), Target::Tcp { host, .. }) if *host != address.ip().to_string() => {
                format!("{address} ({})", printable(host))
            }
            (Dialled::Tcp(_, address), _) => address.to_string(),
            (Dialled::Unix(_), target) => printable(&target.to_string()).into_owned(),
        };
        let to = match &self.tls {
            None => Connected::Plain(dialled),
            Some(tls) => {
                let wrapped = tls.wrap(Connected::Plain(dialled).stream(), patience).await;
                let (stream, agreed) = wrapped.map_err(|why| faults::of_tls(&self.target, &why))?;
                told = format!("{told}, {}", agreed.version);
                if self.asked.insecure {
                    told = format!("{told}, not verified: SHA-256 {}", agreed.fingerprint);
                }
                Connected::Secret(Box::new(stream))
            }
        };
        self.transcript.note("connected", Some(("to", &told)));
        Ok(Answered { to, told })
    }

    /// Calls until somebody answers, if that is asked for. What goes wrong meanwhile is told by `say`.
    async fn until_answered(
        &self,
        backoff: &mut Backoff,
        say: impl AsyncFn(String),
    ) -> Result<Answered, Fault> {
        loop {
            let fault = match self.once().await {
                Ok(answered) => return Ok(answered),
                Err(fault) => fault,
            };
            // Another try changes nothing about what is wrong here, or about who we are.
            match backoff.wait().filter(|_| self.asked.reconnect && fault.exit_code == 3) {
                Some(wait) => {
                    say(format!("({}; calling again in {wait:?})", fault.what)).await;
                    tokio::time::sleep(wait).await;
                }
                None => return Err(fault),
            }
        }
    }

    fn in_pipe(&self, runtime: &Runtime) -> Result<u8, Fault> {
        let say = async |line: String| screen::tell_stderr(&line);
        let answered = runtime.block_on(self.until_answered(&mut backoff(), say))?;
        // Whom one believes without knowing is told in any case.
        if self.asked.verbose || self.asked.insecure {
            screen::tell_stderr(&format!("connected to {}", answered.told));
        }
        let input_fault = InputFault::default();
        let end = self.carry(runtime, answered, &input_fault)?;
        self.transcript.note("closed", Some(("why", &end.to_string())));
        if let Some(why) = input_fault.take() {
            return Err(Fault::failed(format!("cannot read standard input: {why}")));
        }
        if self.asked.verbose && end.is_well() {
            screen::tell_stderr(&end.to_string());
        }
        faults::of_end(&end)
    }

    fn carry(&self, runtime: &Runtime, answered: Answered, input_fault: &InputFault) -> Result<End, Fault> {
        let failed =
            |why: std::io::Error| Fault::failed(format!("cannot use standard input and output: {why}"));
        let input = File::from(std::io::stdin().as_fd().try_clone_to_owned().map_err(failed)?);
        let output = File::from(std::io::stdout().as_fd().try_clone_to_owned().map_err(failed)?);
        let asked = self.asked;
        let is_plain = !asked.crlf && asked.steps.0.is_empty() && self.transcript.is_none();
        let _inside = runtime.enter();
        match answered.to {
            Connected::Plain(Dialled::Tcp(stream, _)) if is_plain => {
                Ok(pipe::straight(stream.into_std().map_err(failed)?, input, output, input_fault))
            }
            Connected::Plain(Dialled::Unix(stream)) if is_plain => {
                Ok(pipe::straight(stream.into_std().map_err(failed)?, input, output, input_fault))
            }
            to => {
                let (pieces, writing) = pipe::write(output).map_err(failed)?;
                let line_end = self.line_end();
                let (outgoing, scripted) = match asked.steps.0.is_empty() {
                    true => (pipe::read(input, asked.crlf, input_fault), None),
                    false => {
                        let script = Script::new(asked.steps.0.iter().cloned());
                        let scripted = pipe::Scripted { script, patience: asked.expect_timeout, line_end };
                        (tokio::sync::mpsc::channel(1).1, Some(scripted))
                    }
                };
                let carried = pipe::carry(to.stream(), outgoing, &pieces, scripted, &self.transcript);
                let end = runtime.block_on(carried);
                drop(pieces);
                match writing.join() {
                    Ok(Err(why)) => Ok(End::Output(why)),
                    _ => Ok(end),
                }
            }
        }
    }

    fn line_end(&self) -> &'static str {
        if self.asked.crlf { CRLF } else { LF }
    }

    /// Gives the exit code, and the signal that ended it instead, if one did.
    fn in_terminal(&self, runtime: &Runtime, terminal: &Terminal) -> Result<(u8, Summons), Fault> {
        let mut backoff = backoff();
        let say = async |line: String| screen::tell_stderr(&line);
        let answered = runtime.block_on(self.until_answered(&mut backoff, say))?;
        screen::tell_stderr(&format!("Connected to {}. Ctrl-D ends.", answered.told));
        terminal.clone().restore_on_panic();
        let history = history::History::open(self.asked.no_history);
        let _inside = runtime.enter();
        let (front, mut desk) = Front::open(history, terminal).map_err(|why| {
            terminal.restore();
            Fault::failed(format!("no line editor in this terminal: {why}"))
                .hint("do without one: cat | throng connect HOST PORT")
        })?;
        let outcome = runtime.block_on(self.converse(answered, &mut desk, &mut backoff));
        let summons = front.close(desk, terminal);
        let (end, told) = outcome?;
        match (&end, summons.name()) {
            (End::Interrupted, Some(name)) => {
                screen::tell_stderr(&format!("{told}: ended by {name}"));
                return Ok((faults::INTERRUPTED, summons));
            }
            (End::Interrupted, None) => screen::tell_stderr(&format!("{told}: {end}")),
            (end, _) if end.is_well() => screen::tell_stderr(&format!("{told}: {end}")),
            _ => {}
        }
        // What had ended already is not ended by a signal.
        faults::of_end(&end).map(|code| (code, Summons::default()))
    }

    /// Talks, and calls again when that is asked for. Gives how it ended, and with whom.
    async fn converse(
        &self,
        mut answered: Answered,
        desk: &mut talk::Desk,
        backoff: &mut Backoff,
    ) -> Result<(End, String), Fault> {
        let manner = Manner {
            line_end: self.line_end(),
            end_on_empty: self.asked.end_on_empty,
            look: Look {
                raw: self.asked.raw,
                before: self.asked.time.then_some(short_clock as fn() -> String),
            },
            patience: self.asked.expect_timeout,
        };
        loop {
            let begun = now();
            let script = Script::new(self.asked.steps.0.iter().cloned());
            let end = talk::talk(answered.to.stream(), desk, &manner, script, &self.transcript).await;
            self.transcript.note("closed", Some(("why", &end.to_string())));
            backoff.held(begun.elapsed());
            let told = answered.told;
            let Some(wait) = backoff.wait().filter(|_| self.asked.reconnect && end.is_lost()) else {
                return Ok((end, told));
            };
            let _ = desk.shown.send(format!("({told}: {end}; calling again in {wait:?})")).await;
            answered = match self.again(wait, desk, backoff).await? {
                Some(answered) => answered,
                None => return Ok((End::Interrupted, told)),
            };
            let _ = desk.shown.send(format!("Connected to {}.", answered.told)).await;
        }
    }

    /// Waits, and calls until somebody answers; nothing when whoever sits there has enough of it.
    async fn again(
        &self,
        wait: Duration,
        desk: &mut talk::Desk,
        backoff: &mut Backoff,
    ) -> Result<Option<Answered>, Fault> {
        let shown = desk.shown.clone();
        let calling = async {
            tokio::time::sleep(wait).await;
            let say = async |line: String| drop(shown.send(line).await);
            self.until_answered(backoff, say).await
        };
        tokio::pin!(calling);
        loop {
            tokio::select! {
                answered = &mut calling => return answered.map(Some),
                typed = desk.typed.recv() => match typed {
                    Some(Typed::Line(_)) => {
                        let _ = desk.shown.send("(not sent: there is no connection now)".to_owned()).await;
                    }
                    Some(Typed::Finish) | None => return Ok(None),
                },
                () = desk.interrupted.notified() => return Ok(None),
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "how long a connection held is the roof's to know")]
fn now() -> Instant {
    Instant::now()
}
