//! A pipe to a server: every byte as it is, nothing else. The end of standard input ends what we say, and the server may go
//! on; the end of what the server says ends everything at once, also while standard input is still open.
//!
//! Where nobody looks at the bytes the kernel moves them ([`straight`]); else they pass through two short queues
//! ([`carry`]).

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use socket2::SockRef;
use tokio::io::AsyncReadExt;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::crlf::{Crlf, ended};
use super::end::End;
use super::flow::{self, OUTGOING_MAX, Outgoing, Stream};
use super::pump::{PumpError, pump};
use super::script::Script;
use super::transcript::Transcript;

/// So much is read at once.
const PIECE: usize = 128 * 1024;

/// How many pieces may wait for standard output.
const PIECES_MAX: usize = 4;

/// Why standard input could not be read to its end, if so. Written by the thread that reads it.
#[derive(Clone, Debug, Default)]
pub struct InputFault(Arc<Mutex<Option<std::io::Error>>>);

impl InputFault {
    /// What happened, once.
    pub fn take(&self) -> Option<std::io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn tell(&self, why: std::io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }
}

/// Connects these two with the socket until the server ends. The thread that reads `input` may still wait for it then, and
/// ends with the process.
pub fn straight<S>(socket: S, input: impl AsFd + Send + 'static, output: impl AsFd, fault: &InputFault) -> End
where
    S: AsFd + Send + Sync + 'static,
{
    // The kernel holds the pipe's lock while it waits for a socket that blocks, and whoever is at the other end of the pipe
    // with it: what came before would reach nobody. One that does not block is waited for by us.
    if let Err(why) = SockRef::from(&socket).set_nonblocking(true) {
        return End::Broken(format!("the socket cannot be used: {why}"));
    }
    let socket = Arc::new(socket);
    let (sends, told) = (Arc::clone(&socket), fault.clone());
    let sending = move || {
        if let Err(PumpError::Read(why)) = pump(input, &*sends) {
            // A connection that is gone shows in what is read from it.
            if !is_of_socket(&why) {
                told.tell(why);
            }
        }
        let _ = SockRef::from(&*sends).shutdown(Shutdown::Write);
    };
    if let Err(why) = std::thread::Builder::new().name("throng-input".to_owned()).spawn(sending) {
        return End::Broken(format!("no thread to read standard input: {why}"));
    }
    match pump(&*socket, output) {
        Ok(()) => End::Server,
        Err(PumpError::Read(why)) => End::of_read(&why),
        Err(PumpError::Write(why)) => End::Output(why),
    }
}

fn is_of_socket(why: &std::io::Error) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, NotConnected, TimedOut};
    matches!(why.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | NotConnected | TimedOut)
}

/// Reads `input` on a thread of its own into a queue.
pub fn read(mut input: impl Read + Send + 'static, crlf: bool, fault: &InputFault) -> Receiver<Outgoing> {
    let (pieces, outgoing) = channel(PIECES_MAX);
    let told = fault.clone();
    let reading = move || {
        let mut crlf = crlf.then(Crlf::default);
        let mut buffer = vec![0; PIECE];
        loop {
            let bytes = match input.read(&mut buffer) {
                Ok(0) => break,
                Ok(read) => &buffer[..read],
                Err(why) if why.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(why) => {
                    told.tell(why);
                    break;
                }
            };
            let bytes = crlf.as_mut().map_or_else(|| bytes.to_vec(), |crlf| crlf.apply(bytes));
            if pieces.blocking_send(Outgoing::Bytes(bytes)).is_err() {
                return;
            }
        }
        // Nobody waits for it any more when the server ended first.
        let _ = pieces.blocking_send(Outgoing::Finish);
    };
    // A process that just began may have one more thread; without it the queue is at its end at once.
    if let Err(why) = std::thread::Builder::new().name("throng-input".to_owned()).spawn(reading) {
        fault.tell(why);
    }
    outgoing
}

/// Writes to `output` on a thread of its own what comes into a queue. The thread's value says how that ended.
pub fn write(mut output: impl Write + Send + 'static) -> std::io::Result<(Sender<Vec<u8>>, Writing)> {
    let (pieces, mut coming) = channel::<Vec<u8>>(PIECES_MAX);
    let writing = move || {
        while let Some(bytes) = coming.blocking_recv() {
            output.write_all(&bytes)?;
            output.flush()?;
        }
        Ok(())
    };
    let thread = std::thread::Builder::new().name("throng-output".to_owned()).spawn(writing)?;
    Ok((pieces, thread))
}

/// The thread that writes, and how it ended.
pub type Writing = std::thread::JoinHandle<std::io::Result<()>>;

/// What is said by itself, and how long each answer may take.
pub struct Scripted<'a> {
    /// The steps.
    pub script: Script,
    /// How long each expectation is waited for.
    pub patience: Duration,
    /// What ends each line that is said.
    pub line_end: &'a str,
}

/// Carries what comes out of `outgoing` to the server, or what the script says, and what the server says into `output`.
pub async fn carry(
    stream: Stream,
    mut outgoing: Receiver<Outgoing>,
    output: &Sender<Vec<u8>>,
    scripted: Option<Scripted<'_>>,
    transcript: &Transcript,
) -> End {
    let (reads, writes) = tokio::io::split(stream);
    let mut due = None;
    let reading: std::pin::Pin<Box<dyn Future<Output = End>>> = match scripted {
        None => Box::pin(plain(reads, output, transcript)),
        Some(scripted) => {
            let (says, said) = channel(OUTGOING_MAX);
            due = Some(said);
            Box::pin(follow(reads, output, scripted, says, transcript))
        }
    };
    let outgoing = due.as_mut().unwrap_or(&mut outgoing);
    let writing = async {
        flow::send(writes, outgoing, transcript).await;
        std::future::pending::<End>().await
    };
    tokio::select! {
        end = reading => end,
        end = writing => end,
    }
}

type Reads = tokio::io::ReadHalf<Stream>;

async fn plain(mut reads: Reads, output: &Sender<Vec<u8>>, transcript: &Transcript) -> End {
    let mut buffer = vec![0; PIECE];
    loop {
        match hand_on(&mut reads, &mut buffer, output, transcript).await {
            Ok(_) => {}
            Err(end) => return end,
        }
    }
}

/// Reads once, and hands it on. Gives how much it was.
async fn hand_on(
    reads: &mut Reads,
    buffer: &mut [u8],
    output: &Sender<Vec<u8>>,
    transcript: &Transcript,
) -> Result<usize, End> {
    let read = reads.read(buffer).await.map_err(|why| End::of_read(&why))?;
    if read == 0 {
        return Err(End::Server);
    }
    transcript.received(&buffer[..read]);
    // The thread that writes says what happened to it.
    output
        .send(buffer[..read].to_vec())
        .await
        .map_err(|_| End::Output(std::io::ErrorKind::BrokenPipe.into()))?;
    Ok(read)
}

async fn follow(
    mut reads: Reads,
    output: &Sender<Vec<u8>>,
    scripted: Scripted<'_>,
    says: Sender<Outgoing>,
    transcript: &Transcript,
) -> End {
    let Scripted { mut script, patience, line_end } = scripted;
    let mut buffer = vec![0; PIECE];
    let mut left = None;
    let deadline = tokio::time::sleep(patience);
    tokio::pin!(deadline);
    loop {
        let lines = script.due();
        for line in lines {
            // The queue is emptied beside this; it waits while the server takes nothing.
            let _ = says.send(Outgoing::Bytes(ended(&line, line_end))).await;
        }
        if script.is_over() {
            if script.ends_heard() {
                return End::Ours;
            }
            let _ = says.send(Outgoing::Finish).await;
            return plain(reads, output, transcript).await;
        }
        if left.replace(script.left()) != Some(script.left()) {
            deadline.as_mut().reset(tokio::time::Instant::now() + patience);
        }
        let awaited = || script.awaited().unwrap_or_default().to_owned();
        tokio::select! {
            read = hand_on(&mut reads, &mut buffer, output, transcript) => match read {
                Ok(read) => script.hear(&buffer[..read]),
                Err(End::Server) => return End::Unanswered(awaited()),
                Err(end) => return end,
            },
            () = &mut deadline => return End::Unmet(awaited()),
        }
    }
}
