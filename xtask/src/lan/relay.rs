//! The cable between two namespaces: a thread that reads the frames of each end's device, holds them back, loses some, and
//! writes them to the other end's.
//!
//! The kernel's own way, netem, is a module that many kernels do not have. One thread and no lock: it reads and writes in
//! batches while there is anything to do, and waits only when there is not.

use std::fmt;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::setpriority_process;
use tappers::{Interface, Tap};

use super::delayed::{Counts, Delayed};
use super::namespace::Namespace;
use crate::Outcome;
use crate::process::now;

/// What the device is called in each namespace.
const DEVICE: &str = "lan";

/// How many frames a device holds back until they are read: a scanner sends tens of thousands at once.
const DEVICE_QUEUE: &str = "100000";

/// How many frames are read, and how many written, before the other end has its turn.
const BATCH: usize = 64;

/// The longest frame: Ethernet's 1500 bytes and its header, with room for a tag.
const FRAME_MAX: usize = 1518;

/// A cable does not wait for a core: its thread comes before whatever is measured (sched(7)).
const NICE: i32 = -15;

/// While frames are on their way they are looked after so often: to be woken for each would cost more than to carry it.
const GRAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 200_000 };

/// How late the end may be noticed.
const IDLE_MAX: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };

/// What the cable is like.
#[derive(Clone, Copy, Debug)]
pub struct Cable {
    /// There and back.
    pub rtt: Duration,
    /// Of one frame, each way, 0 to 1.
    pub loss: f64,
    /// Which frames are lost.
    pub seed: u64,
}

/// A cable that is plugged in. It is pulled with this value.
pub struct Relay {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Carried>>,
}

/// What a cable carried.
#[derive(Clone, Copy, Debug, Default)]
pub struct Carried {
    /// From the near end to the far one.
    pub there: Counts,
    /// From the far end to the near one.
    pub back: Counts,
    /// Frames that a device did not take: it was not up.
    pub refused: u64,
}

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Carried { there, back, refused } = self;
        write!(
            f,
            "the cable carried {} frames there and {} back, lost {} and {}; ",
            there.carried, back.carried, there.lost, back.lost
        )?;
        write!(f, "it had no room for {}, a device refused {refused}", there.overflowed + back.overflowed)
    }
}

impl Relay {
    /// Makes a device in each namespace, with these addresses, and joins them.
    pub fn join(near: (&Namespace, &[&str]), far: (&Namespace, &[&str]), cable: Cable) -> Outcome<Relay> {
        let (near, far) = (device(near.0, near.1)?, device(far.0, far.1)?);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let carry = move || {
            // Of this thread alone; a container that does not allow it has a slower cable.
            let _ = setpriority_process(None, NICE);
            carry(&near, &far, cable, &stopped)
        };
        let thread = std::thread::Builder::new().name("lan-relay".to_owned()).spawn(carry)?;
        Ok(Relay { stop, thread: Some(thread) })
    }

    /// Pulls the cable, and tells what it carried.
    pub fn pull(mut self) -> Carried {
        self.end()
    }

    fn end(&mut self) -> Carried {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.end();
    }
}

/// A device in this namespace, up and with these addresses. It is gone when it is closed.
fn device(namespace: &Namespace, addresses: &[&str]) -> Outcome<Tap> {
    let open = || {
        let mut tap = Tap::new_named(Interface::new(DEVICE)?)?;
        tap.set_nonblocking(true)?;
        Ok(tap)
    };
    let tap = namespace.within(|| {
        open().map_err(|why: std::io::Error| format!("cannot make a TAP device (/dev/net/tun): {why}"))
    })?;
    namespace.ip(&["link", "set", DEVICE, "txqueuelen", DEVICE_QUEUE, "up"])?;
    for address in addresses {
        let mut arguments = vec!["address", "add", *address, "dev", DEVICE];
        // Nobody else is there to have the same address; looking for one would take a second.
        arguments.extend(address.contains(':').then_some("nodad"));
        namespace.ip(&arguments)?;
    }
    Ok(tap)
}

fn carry(near: &Tap, far: &Tap, cable: Cable, stop: &AtomicBool) -> Carried {
    let Cable { rtt, loss, seed } = cable;
    let mut there = Delayed::new(rtt / 2, loss, seed);
    let mut back = Delayed::new(rtt / 2, loss, !seed);
    let (mut buffer, mut frame, mut refused) = (vec![0; FRAME_MAX], Vec::with_capacity(FRAME_MAX), 0);
    while !stop.load(Ordering::Relaxed) {
        let moment = now();
        let mut moved = 0;
        for (from, to, way) in [(near, far, &mut there), (far, near, &mut back)] {
            moved += read(from, way, moment, &mut buffer);
            moved += write(to, way, moment, &mut frame, &mut refused);
        }
        if moved == 0 {
            wait(near, far, there.is_empty() && back.is_empty());
        }
    }
    Carried { there: there.counts(), back: back.counts(), refused }
}

/// Reads what this end sends, up to a batch.
fn read(from: &Tap, way: &mut Delayed, moment: Instant, buffer: &mut [u8]) -> usize {
    for count in 0..BATCH {
        match from.recv(buffer) {
            Ok(length) => way.push(moment, &buffer[..length]),
            // Nothing more now; a device that is down has nothing either.
            Err(_) => return count,
        }
    }
    BATCH
}

/// Writes what is due to this end, up to a batch.
fn write(to: &Tap, way: &mut Delayed, moment: Instant, frame: &mut Vec<u8>, refused: &mut u64) -> usize {
    for count in 0..BATCH {
        if !way.pop(moment, frame) {
            return count;
        }
        match to.send(frame) {
            Err(why) if why.kind() != ErrorKind::Interrupted => *refused += 1,
            _ => {}
        }
    }
    BATCH
}

/// For a moment; where nothing is on its way, until one of the devices has a frame. An interrupted wait is a short one.
fn wait(near: &Tap, far: &Tap, is_idle: bool) {
    let mut devices = [PollFd::new(near, PollFlags::IN), PollFd::new(far, PollFlags::IN)];
    let _ = if is_idle { poll(&mut devices, Some(&IDLE_MAX)) } else { poll(&mut [], Some(&GRAIN)) };
}
