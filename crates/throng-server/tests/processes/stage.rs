//! What the workers of these behaviours do when they are asked, and those who ask them.

use std::cell::Cell;
use std::fs;
use std::fs::OpenOptions;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::process::exit;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use throng_server::model::{BlockingPerWorker, PerWorker};
use throng_server::{
    BlockingConn, BlockingHandler, BlockingWorker, Conn, ConnInfo, End, Event, LocalHandler, Peer, Processes,
    Rejected, Server, Worker, Workers, worker_number,
};

use crate::harness::{BEHAVE, WHAT_IT_IS};
use crate::place::{Place, numbered, until};

/// A folder that a behaviour and its workers share.
pub(crate) const FOLDER: &str = "THRONG_TEST_FOLDER";

pub(crate) const FLOOD_BYTES: usize = 32 << 20;

pub(crate) static FLOOD: LazyLock<Vec<u8>> = LazyLock::new(|| numbered(FLOOD_BYTES));

/// What one worker has. Nobody else can reach it.
pub(crate) struct Obeys {
    visitors: Cell<u64>,
    number: usize,
}

pub(crate) fn obeys(worker: &Worker) -> Obeys {
    Obeys { visitors: Cell::new(0), number: worker.index() }
}

/// The same in blocking code, which the threads of one worker share.
pub(crate) struct Blocks {
    visitors: AtomicU64,
    number: usize,
}

pub(crate) fn blocks(worker: &BlockingWorker) -> Blocks {
    assert_eq!(worker_number(), Some(worker.index()));
    Blocks { visitors: AtomicU64::new(0), number: worker.index() }
}

impl Obeys {
    fn enter(&self) {
        self.visitors.set(self.visitors.get() + 1);
    }

    fn visitors(&self) -> u64 {
        self.visitors.get()
    }
}

impl Blocks {
    fn enter(&self) {
        self.visitors.fetch_add(1, SeqCst);
    }

    fn visitors(&self) -> u64 {
        self.visitors.load(SeqCst)
    }
}

/// The same handler, once for waiting and once for blocking code.
macro_rules! obeys {
    ($own:ident, $handler:ident, $conn:ident $(, $async:ident, $await:ident)?) => {
        impl $handler for $own {
            $($async)? fn setup(&self, _conn: &mut $conn) -> throng_server::Result {
                self.enter();
                Ok(())
            }

            $($async)? fn serve(&self, mut conn: $conn) -> throng_server::Result {
                let mut lines = conn.lines(1 << 16);
                while let Some(line) = conn.read_line(&mut lines)$(.$await)?? {
                    let answer = match line {
                        b"who serves" => std::process::id().to_string().into_bytes(),
                        b"who am I" => {
                            format!("{} {:?}", conn.peer().address, conn.peer().proxy.as_ref().map(|proxy| &proxy.by)).into_bytes()
                        }
                        b"how many" => {
                            format!("{} of worker {}", self.visitors(), self.number).into_bytes()
                        }
                        b"which thread" => format!("{:?}", std::thread::current().name()).into_bytes(),
                        b"done" => return Ok(()),
                        b"fail" => return Err("no such page".into()),
                        b"panic" => panic!("a handler panics, as this test wants it to"),
                        b"abort" => std::process::abort(),
                        b"exit" => exit(7),
                        b"begin another" => begin_another(),
                        b"flood" => {
                            conn.write_all(&FLOOD)$(.$await)??;
                            continue;
                        }
                        b"deaf" => {
                            conn.write_all(&numbered(1 << 16))$(.$await)??;
                            return Ok(());
                        }
                        b"hold all up" => {
                            conn.write_all(b"held\n")$(.$await)??;
                            until("it is let go", || folder().join("go").exists());
                            b"gone".to_vec()
                        }
                        b"protect" => {
                            conn.protect();
                            line.to_vec()
                        }
                        _ => line.to_vec(),
                    };
                    conn.write_all(&[&answer[..], b"\n"].concat())$(.$await)??;
                }
                match conn.is_draining() {
                    true => conn.write_all(b"closing\n")$(.$await)??,
                    false => {}
                }
                Ok(())
            }

            fn finish(&self, _conn: &ConnInfo, end: &End) {
                note_finished(end);
            }

            fn rejected(&self, _peer: &Peer, _why: Rejected) -> &[u8] {
                b"too many\n"
            }
        }
    };
}

obeys!(Obeys, LocalHandler, Conn, async, await);
obeys!(Blocks, BlockingHandler, BlockingConn);

fn note_finished(end: &End) {
    let mut book = OpenOptions::new().create(true).append(true).open(folder().join("finished")).unwrap();
    book.write_all(format!("{}\n", end.name()).as_bytes()).unwrap();
}

/// This program, begun by a worker as any other would be: with its environment, and not with its standard input.
pub(crate) fn begin_another() -> Vec<u8> {
    let mut another = Command::new(std::env::current_exe().unwrap());
    another.args([BEHAVE, WHAT_IT_IS]).output().unwrap().stdout
}

pub(crate) fn folder() -> PathBuf {
    std::env::var_os(FOLDER).unwrap().into()
}

/// How handlers were finished, in all workers.
pub(crate) fn finished() -> Vec<String> {
    let book = fs::read_to_string(folder().join("finished")).unwrap_or_default();
    book.lines().map(str::to_owned).collect()
}

/// Makes a server of so many workers.
pub(crate) type Makes<K> = fn(usize) -> Server<K>;

pub(crate) fn server(workers: usize) -> Server<PerWorker<Obeys>> {
    Server::local(obeys).model(Processes { workers: Workers::Count(workers) })
}

pub(crate) fn blocking(workers: usize) -> Server<BlockingPerWorker<Blocks>> {
    Server::blocking_local(blocks).model(Processes { workers: Workers::Count(workers) })
}

/// Asks, and hears a line.
#[track_caller]
pub(crate) fn ask(client: &mut TcpStream, question: &str) -> String {
    say(client, question);
    let mut answer = Vec::new();
    let mut byte = [0];
    while client.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).unwrap()
}

pub(crate) fn say(client: &mut TcpStream, line: &str) {
    client.write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// A client that is served: it was answered.
#[track_caller]
pub(crate) fn served(place: &Place) -> TcpStream {
    let mut client = place.client();
    assert_eq!(ask(&mut client, "here"), "here");
    client
}

/// The process that serves it.
#[track_caller]
pub(crate) fn pid_of(client: &mut TcpStream) -> u32 {
    ask(client, "who serves").parse().unwrap()
}

/// The next worker that ends: its process, how, and when it comes back.
#[track_caller]
pub(crate) fn next_worker_ended(place: &Place) -> (Option<u32>, String, Option<Duration>) {
    loop {
        if let Event::WorkerEnded { pid, how, restart_in, .. } = place.next_event() {
            return (pid, how, restart_in);
        }
    }
}

/// So many workers serve.
pub(crate) fn until_up(place: &Place, count: usize) {
    until("all workers are up", || place.running.processes().len() == count);
}

/// A number of a process in the kernel's table (proc(5), /proc/pid/stat), counted from what follows its name: 1 is its
/// parent, 2 its group.
pub(crate) fn number_of(pid: u32, at: usize) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(") ")?.1.split(' ').nth(at)?.parse().ok()
}

/// The processes that this one has begun and that are not waited for: zombies as well.
pub(crate) fn children() -> Vec<u32> {
    let me = std::process::id();
    let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let pid: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        (number_of(pid, 1)? == me).then_some(pid)
    });
    processes.collect()
}

pub(crate) fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}
