//! `bench connect`: `throng connect` in a pipe beside ncat and socat. How fast bytes go through it both ways, how soon it ends
//! when the server has, and whether it waits for a late reply.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::table::{self, Better, Sample, median, sorted};
use crate::process::{Process, now, pause};
use crate::servers::build_throng;
use crate::{Outcome, interrupt, packages};

/// How much is written and read at once at the ends of a client.
const PIECE: usize = 256 * 1024;

/// How long a client may go on after its server ended.
const EXIT_MAX: Duration = Duration::from_secs(3);

/// How long nothing may come where something must.
const PATIENCE: Duration = Duration::from_secs(60);

/// How late a late reply is: more than the half second for which socat waits.
const LATE: Duration = Duration::from_secs(1);

/// How many wait for a late reply at the same time.
const TOGETHER: usize = 20;

/// `bench connect`.
#[derive(Debug, Args)]
pub struct Connect {
    /// The throng to measure, instead of one that is built now
    #[arg(long, value_name = "PROGRAM")]
    throng: Option<PathBuf>,
    /// Rounds over all clients
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// MiB that go through each way
    #[arg(long, default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..))]
    mib: u32,
    /// Late replies for each client
    #[arg(long, default_value_t = 100)]
    late: usize,
    /// Tell everything as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Client {
    Throng,
    Ncat,
    Socat,
}

const ALL: [Client; 3] = [Client::Throng, Client::Ncat, Client::Socat];
const PEERS: [Client; 2] = [Client::Ncat, Client::Socat];

impl Client {
    fn name(self) -> &'static str {
        match self {
            Client::Throng => "throng connect",
            Client::Ncat => "ncat",
            Client::Socat => "socat",
        }
    }
}

/// Where each client's program is.
struct Programs {
    throng: PathBuf,
    ncat: PathBuf,
    socat: PathBuf,
}

/// A client that runs, the ends of its pipes, and its server's end of the connection.
struct Called {
    process: Process,
    input: ChildStdin,
    output: ChildStdout,
    server: TcpStream,
}

impl Programs {
    fn call(&self, client: Client) -> Outcome<Called> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let mut command = self.command(client, listener.local_addr()?);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let process = Process::start(&mut command)?;
        let input = process.child().stdin.take();
        let output = process.child().stdout.take();
        let server = accepted(&listener, client, &process)?;
        server.set_read_timeout(Some(PATIENCE))?;
        server.set_write_timeout(Some(PATIENCE))?;
        let piped = "both are pipes, as was asked for";
        Ok(Called { process, input: input.expect(piped), output: output.expect(piped), server })
    }

    fn command(&self, client: Client, address: SocketAddr) -> Command {
        let (host, port) = (address.ip().to_string(), address.port().to_string());
        let mut command = match client {
            Client::Throng => Command::new(&self.throng),
            Client::Ncat => Command::new(&self.ncat),
            Client::Socat => Command::new(&self.socat),
        };
        match client {
            Client::Throng => command.args(["connect", &host, &port]),
            Client::Ncat => command.args([&host, &port]),
            // Its usual buffer of 8 KiB is slower; how long it waits for a late reply is as it usually is.
            Client::Socat => command.args(["-b", "262144", "-", &format!("TCP:{host}:{port}")]),
        };
        command
    }
}

/// The client's connection; one that ends instead of calling is an error.
fn accepted(listener: &TcpListener, client: Client, process: &Process) -> Outcome<TcpStream> {
    listener.set_nonblocking(true)?;
    let begun = now();
    while begun.elapsed() < PATIENCE {
        match listener.accept() {
            Ok((server, _)) => {
                server.set_nonblocking(false)?;
                return Ok(server);
            }
            Err(why) if why.kind() == ErrorKind::WouldBlock => {}
            Err(why) => return Err(why.into()),
        }
        if let Some(status) = process.child().try_wait()? {
            return Err(format!("{} ended before it called: {status}", client.name()).into());
        }
        pause(Duration::from_millis(1));
    }
    Err(format!("{} did not call within {PATIENCE:?}", client.name()).into())
}

/// Runs it.
pub fn run(asked: &Connect) -> Outcome {
    let throng = match &asked.throng {
        Some(program) => program.clone(),
        None => build_throng()?,
    };
    let programs =
        Programs { throng, ncat: packages::need("ncat", "ncat")?, socat: packages::need("socat", "socat")? };
    let (mut there, mut back, mut exits) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..asked.rounds as usize {
        for client in ALL.into_iter().cycle().skip(round % ALL.len()).take(ALL.len()) {
            if interrupt::came() {
                return Err("interrupted".into());
            }
            let value = upload(programs.call(client)?, asked.mib)?;
            there.push(Sample { kind: client, value });
            let value = download(programs.call(client)?, asked.mib)?;
            back.push(Sample { kind: client, value });
            let value = exit(programs.call(client)?)?;
            exits.push(Sample { kind: client, value });
            eprintln!("round {} of {}: {}", round + 1, asked.rounds, client.name());
        }
    }
    tell(asked, "MB/s from standard input to the server", &there, Better::More);
    tell(asked, "MB/s from the server to standard output", &back, Better::More);
    tell(
        asked,
        "ms from the server's end to the client's, standard input open (3000: not at all)",
        &exits,
        Better::Less,
    );
    for client in ALL {
        let heard = late(&programs, client, asked.late)?;
        match asked.json {
            true => println!(
                "{}",
                json!({"bench": "connect", "client": client.name(), "late": asked.late, "heard": heard})
            ),
            false => println!(
                "  {:<16} heard {heard} of {} replies that came {LATE:?} late",
                client.name(),
                asked.late
            ),
        }
    }
    Ok(())
}

fn tell(asked: &Connect, title: &str, samples: &[Sample<Client>], better: Better) {
    if !asked.json {
        println!("{title} (rounds: {})", asked.rounds);
    }
    for client in ALL {
        let values = sorted(table::of(samples, client).collect());
        let (least, most, middle) = (values[0], values[values.len() - 1], median(&values));
        let ratio = table::ratio(samples, client, &PEERS, better).unwrap_or(f64::NAN);
        match asked.json {
            true => println!(
                "{}",
                json!({"bench": "connect", "what": title, "client": client.name(), "median": middle, "least": least,
                       "most": most, "to_better_peer": ratio})
            ),
            false => println!(
                "  {:<16} median {middle:>8.1}   {least:>8.1} to {most:>8.1}   {ratio:>5.2} x the better peer",
                client.name()
            ),
        }
    }
}

/// MB/s from standard input to the server.
fn upload(mut called: Called, mib: u32) -> Outcome<f64> {
    let begun = now();
    let mut input = called.input;
    let feeding = std::thread::spawn(move || feed(&mut input, mib));
    let read = drain(&mut called.server)?;
    judged(begun, read, mib, feeding.join().is_ok_and(|fed| fed.is_ok()))
}

/// MB/s from the server to standard output. Standard input stays open.
fn download(mut called: Called, mib: u32) -> Outcome<f64> {
    let begun = now();
    let mut server = called.server;
    let feeding =
        std::thread::spawn(move || feed(&mut server, mib).and_then(|()| server.shutdown(Shutdown::Both)));
    let mut piece = vec![0; PIECE];
    let mut read = 0;
    // Not to its end: ncat has none while its standard input is open.
    while read < u64::from(mib) << 20 {
        match called.output.read(&mut piece)? {
            0 => break,
            some => read += some as u64,
        }
    }
    judged(begun, read, mib, feeding.join().is_ok_and(|fed| fed.is_ok()))
}

fn judged(begun: Instant, read: u64, mib: u32, fed: bool) -> Outcome<f64> {
    let took = begun.elapsed();
    if !fed || read != u64::from(mib) << 20 {
        return Err(format!("{read} bytes arrived of {mib} MiB").into());
    }
    Ok(read as f64 / 1e6 / took.as_secs_f64())
}

fn feed(to: &mut impl Write, mib: u32) -> std::io::Result<()> {
    let piece = vec![b'x'; PIECE];
    (0..(u64::from(mib) << 20) / PIECE as u64).try_for_each(|_| to.write_all(&piece))
}

fn drain(from: &mut impl Read) -> std::io::Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut read = 0;
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(read),
            some => read += some as u64,
        }
    }
}

/// Milliseconds from the server's end to the client's.
fn exit(mut called: Called) -> Outcome<f64> {
    called.server.write_all(b"x")?;
    called.output.read_exact(&mut [0])?;
    let begun = now();
    drop(called.server);
    while begun.elapsed() < EXIT_MAX {
        if called.process.child().try_wait()?.is_some() {
            break;
        }
        pause(Duration::from_micros(200));
    }
    drop(called.input);
    Ok(begun.elapsed().min(EXIT_MAX).as_secs_f64() * 1e3)
}

/// How many late replies a client handed on.
fn late(programs: &Programs, client: Client, asked: usize) -> Outcome<usize> {
    let mut heard = 0;
    let mut left = asked;
    while left > 0 {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        let together = left.min(TOGETHER);
        left -= together;
        let waiting: Vec<_> = (0..together)
            .map(|_| {
                let mut called = programs.call(client)?;
                called.input.write_all(b"question")?;
                Ok(std::thread::spawn(move || answered_late(called)))
            })
            .collect::<Outcome<_>>()?;
        heard += waiting.into_iter().map(|one| one.join().unwrap_or(false)).filter(|heard| *heard).count();
    }
    Ok(heard)
}

/// Does this client hand the answer on that comes a while after its own end?
fn answered_late(called: Called) -> bool {
    let Called { process, input, mut output, mut server } = called;
    drop(input);
    let Ok(b"question") = read_all(&mut server).as_deref() else { return false };
    pause(LATE);
    // Nobody may be there any more.
    let _ = server.write_all(b"answer");
    drop(server);
    let heard = read_all(&mut output).is_ok_and(|heard| heard == b"answer");
    drop(process);
    heard
}

fn read_all(from: &mut impl Read) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.read_to_end(&mut bytes).map(|_| bytes)
}
