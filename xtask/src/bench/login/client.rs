//! Those who log in: each on a connection of its own, by SASL PLAIN, again and again, until they are told to end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use data_encoding::BASE64;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::accounts::{PASSWORD, name};
use crate::Outcome;
use crate::process::now;

/// No answer takes this long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What came of their attempts.
#[derive(Debug, Default)]
pub struct Tally {
    /// So many signed in.
    pub signed_in: u64,
    /// After how many milliseconds each was told that too many are signing in.
    pub busy: Vec<f64>,
    /// So many ended in another way.
    pub failed: u64,
}

impl Tally {
    /// And these.
    pub fn add(&mut self, other: Tally) {
        self.signed_in += other.signed_in;
        self.busy.extend(other.busy);
        self.failed += other.failed;
    }
}

/// Many who log in, on a thread of their own.
pub struct Storm {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Tally>,
}

impl Storm {
    /// Begins with so many.
    pub fn begin(address: SocketAddr, clients: usize, again: Duration) -> Outcome<Storm> {
        let over = Arc::new(AtomicBool::new(false));
        let ending = Arc::clone(&over);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("storm".to_owned()).spawn(move || {
            runtime.block_on(async {
                let all: Vec<_> = (0..clients)
                    .map(|client| tokio::spawn(log_in_until(address, client, again, Arc::clone(&ending))))
                    .collect();
                let mut tally = Tally::default();
                for one in all {
                    tally.add(one.await.unwrap_or_default());
                }
                tally
            })
        })?;
        Ok(Storm { over, thread })
    }

    /// Ends when everybody has their answer.
    pub fn end(self) -> Outcome<Tally> {
        self.over.store(true, Ordering::SeqCst);
        self.thread.join().map_err(|_| "those who log in panicked".into())
    }
}

async fn log_in_until(address: SocketAddr, client: usize, again: Duration, over: Arc<AtomicBool>) -> Tally {
    let mut tally = Tally::default();
    while !over.load(Ordering::SeqCst) {
        match tokio::time::timeout(PATIENCE, log_in(address, &name(client), PASSWORD)).await {
            Ok(Ok(Answer::SignedIn)) => tally.signed_in += 1,
            Ok(Ok(Answer::Busy(ms))) => {
                tally.busy.push(ms);
                tokio::time::sleep(again).await;
            }
            _ => {
                tally.failed += 1;
                tokio::time::sleep(again).await;
            }
        }
    }
    tally
}

/// What came of an attempt.
#[derive(Debug)]
enum Answer {
    SignedIn,
    /// After so many milliseconds.
    Busy(f64),
    Other,
}

async fn log_in(address: SocketAddr, name: &str, password: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let (reads, mut writes) = stream.split();
    let mut lines = BufReader::new(reads).lines();
    writes.write_all(b"CAP REQ :sasl\r\nAUTHENTICATE PLAIN\r\n").await?;
    while let Some(line) = lines.next_line().await? {
        if line.contains("AUTHENTICATE +") {
            break;
        }
    }
    let plain = BASE64.encode(format!("\0{name}\0{password}").as_bytes());
    let asked = now();
    writes.write_all(format!("AUTHENTICATE {plain}\r\n").as_bytes()).await?;
    while let Some(line) = lines.next_line().await? {
        if line.contains(" 903 ") {
            return Ok(Answer::SignedIn);
        }
        if line.contains(" 904 ") {
            let ms = asked.elapsed().as_secs_f64() * 1000.0;
            return Ok(if line.contains("too many are signing in") {
                Answer::Busy(ms)
            } else {
                Answer::Other
            });
        }
    }
    Ok(Answer::Other)
}
