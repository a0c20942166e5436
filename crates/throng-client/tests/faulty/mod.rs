//! An echo that does one thing wrong: to one byte of one connection, or to all at one moment.

#![allow(clippy::unwrap_used)]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// What it does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// The byte at this place of the stream comes back as another one.
    Flip(u64),
    /// So many from there on do not come back.
    Drop(u64, u64),
    /// The so many before there come a second time.
    Repeat(u64, u64),
    /// So many others come before it.
    Extra(u64, u64),
    /// One more comes when the client has said that nothing more comes.
    Surplus,
    /// The connection is closed before it.
    Close(u64),
    /// The connection is reset before it.
    Reset(u64),
    /// Nothing comes back from there on.
    Mute(u64),
    /// When all have sent so many bytes together, everybody waits for this time, once.
    Stall(u64, Duration),
}

/// The server. It serves so many connections, a thread for each, and the victim is the second.
pub struct Faulty {
    pub address: SocketAddr,
    ended: Receiver<()>,
    thread: JoinHandle<()>,
}

/// What all connections share.
struct Stalling {
    heard: AtomicU64,
    has_stalled: AtomicBool,
    gate: Mutex<()>,
}

impl Faulty {
    pub fn start(connections: usize, fault: Fault) -> Faulty {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (end, ended) = sync_channel(1);
        let thread = std::thread::spawn(move || {
            let stalling = Stalling {
                heard: AtomicU64::new(0),
                has_stalled: AtomicBool::new(false),
                gate: Mutex::new(()),
            };
            std::thread::scope(|scope| {
                for (index, stream) in listener.incoming().take(connections).enumerate() {
                    let is_victim = index == 1 || matches!(fault, Fault::Stall(..));
                    let (stream, stalling) = (stream.unwrap(), &stalling);
                    scope.spawn(move || serve(stream, if is_victim { fault } else { Fault::None }, stalling));
                }
            });
            let _ = end.send(());
        });
        Faulty { address, ended, thread }
    }

    /// Waits until all its threads have ended, which they do when the clients are gone.
    pub fn end(self) {
        self.ended.recv_timeout(Duration::from_secs(30)).expect("its clients are gone");
        self.thread.join().unwrap();
    }
}

fn serve(mut stream: TcpStream, fault: Fault, stalling: &Stalling) {
    stream.set_nodelay(true).unwrap();
    let (mut place, mut buffer, mut before) = (0_u64, vec![0; 64 << 10], Vec::new());
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            // Clients who found something leave at once, which is their good right.
            Err(_) => return,
        };
        let bytes = &buffer[..read];
        stall(fault, read as u64, stalling);
        let here = |at: u64| (place..place + read as u64).contains(&at).then(|| (at - place) as usize);
        let mut back = Vec::with_capacity(read + 16);
        match fault {
            Fault::Flip(at) if here(at).is_some() => {
                back.extend_from_slice(bytes);
                back[here(at).unwrap()] ^= 1;
            }
            Fault::Drop(at, count) if here(at).is_some() => {
                let cut = here(at).unwrap();
                back.extend_from_slice(&bytes[..cut]);
                back.extend_from_slice(&bytes[(cut + count as usize).min(read)..]);
            }
            Fault::Repeat(at, count) if here(at).is_some() => {
                let cut = here(at).unwrap();
                before.extend_from_slice(&bytes[..cut]);
                back.extend_from_slice(&bytes[..cut]);
                back.extend_from_slice(&before[before.len() - count as usize..]);
                back.extend_from_slice(&bytes[cut..]);
            }
            Fault::Extra(at, count) if here(at).is_some() => {
                let cut = here(at).unwrap();
                back.extend_from_slice(&bytes[..cut]);
                for byte in bytes.iter().cycle().skip(cut).take(count as usize) {
                    // Neither the byte that is due, nor the one before a second time.
                    let other = byte ^ 0x55;
                    back.push(if back.last() == Some(&other) { byte ^ 0xaa } else { other });
                }
                back.extend_from_slice(&bytes[cut..]);
            }
            Fault::Close(at) | Fault::Reset(at) if here(at).is_some() => {
                let _ = stream.write_all(&bytes[..here(at).unwrap()]);
                end(&stream, matches!(fault, Fault::Reset(_)));
                return;
            }
            Fault::Mute(at) => {
                let heard = at.saturating_sub(place).min(read as u64) as usize;
                back.extend_from_slice(&bytes[..heard]);
            }
            _ => back.extend_from_slice(bytes),
        }
        if read == 0 && fault == Fault::Surplus {
            back.push(0xaa);
        }
        before.extend_from_slice(bytes);
        place += read as u64;
        if stream.write_all(&back).is_err() || read == 0 {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

fn stall(fault: Fault, read: u64, stalling: &Stalling) {
    let heard = stalling.heard.fetch_add(read, Ordering::SeqCst) + read;
    let _gate = stalling.gate.lock().unwrap();
    if let Fault::Stall(at, time) = fault
        && heard >= at
        && !stalling.has_stalled.swap(true, Ordering::SeqCst)
    {
        let until = Instant::now() + time;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            std::thread::park_timeout(left);
        }
    }
}

fn end(stream: &TcpStream, with_reset: bool) {
    if with_reset {
        socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO)).unwrap();
    } else {
        let _ = stream.shutdown(Shutdown::Both);
    }
}
