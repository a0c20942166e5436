//! `bench load --faults`: is one byte in a thousand million found that an echo flips, drops or repeats? For real, over loopback,
//! with the generator's own checks; each time at another place.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use throng_client::load::diagnosis::Damage;
use throng_client::load::outcome::{Nobody, Outcome as Loaded};
use throng_client::load::plan::{Echo, Framing, Messages, Pace, Plan, Task, Until};
use throng_client::load::run::run as load;

use crate::process::now;
use crate::{Outcome, interrupt};

/// Connections over which the bytes are spread. The one with the fault ends with it, the others go on.
const CLIENTS: usize = 4;

/// Bytes of a message, and how many each connection has under way.
const MESSAGE: u64 = 64 << 10;
const DEPTH: usize = 4;

/// How long one waits for a byte that never comes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How much the echo reads at once.
const READ_BYTES: usize = 256 << 10;

/// A byte that is like the ones behind it is missed, or met again, that much later at most: by chance once in 256⁴ times.
const ALIKE_MAX: u64 = 4;

/// What the echo does to one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Flip,
    Drop,
    Repeat,
}

const FAULTS: [(Fault, &str, Damage); 3] = [
    (Fault::Flip, "flipped", Damage::Changed(1)),
    (Fault::Drop, "dropped", Damage::Missing(1)),
    (Fault::Repeat, "repeated", Damage::Repeated(1)),
];

/// How it is asked for.
pub struct Faults {
    /// How often each.
    pub times: u32,
    /// Bytes that all connections of one run send together.
    pub bytes: u64,
    /// Other seeds, other places.
    pub seed: u64,
}

/// Runs it: a line for each fault, and an error where one was not found.
pub fn run(asked: &Faults) -> Outcome {
    let Faults { times, bytes, seed } = *asked;
    println!("one byte of {bytes}, over {CLIENTS} connections of loopback; seed {seed}");
    let mut found = [0; FAULTS.len()];
    let (begun, mut pushed) = (now(), 0);
    for round in 0..times {
        for (index, (fault, name, damage)) in FAULTS.into_iter().enumerate() {
            if interrupt::came() {
                return Err("interrupted".into());
            }
            let at = place(seed, u64::from(round) * FAULTS.len() as u64 + index as u64, bytes);
            let (loaded, done) = against(fault, at, bytes)?;
            pushed += loaded.counts.bytes_heard;
            let is_found = done.is_some_and(|done| is_told(&loaded, done, damage));
            found[index] += u32::from(is_found);
            let told: Vec<_> = loaded.faults.iter().map(ToString::to_string).collect();
            eprintln!("round {} of {times}: byte {at} {name}: {}", round + 1, told.join("; "));
        }
        // After each round, so that whoever ends it early has what is known.
        let told =
            FAULTS.iter().zip(found).map(|((_, name, _), found)| format!("{name} {found} of {}", round + 1));
        println!(
            "found: {}; {:.1} GB in {:.0} s",
            told.collect::<Vec<_>>().join(", "),
            pushed as f64 / 1e9,
            begun.elapsed().as_secs_f64()
        );
    }
    if found.iter().any(|found| *found < times) { Err("a fault was not found".into()) } else { Ok(()) }
}

/// A place that looks like chance (the step of SplitMix64).
fn place(seed: u64, case: u64, bytes: u64) -> u64 {
    let mut mixed =
        seed.wrapping_mul(0x2545_f491_4f6c_dd1d).wrapping_add(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % bytes
}

/// One stream is wrong, at its place and in its way, and nothing else is.
fn is_told(loaded: &Loaded, offset: u64, damage: Damage) -> bool {
    let is_it = loaded
        .faults
        .first()
        .is_some_and(|fault| (offset..offset + ALIKE_MAX).contains(&fault.offset) && fault.damage == damage);
    is_it && loaded.damaged.streams == 1 && loaded.counts.lost.sum() == 1
}

/// What comes of it, and the offset of the byte in its own stream; nothing when that byte never came.
fn against(fault: Fault, at: u64, bytes: u64) -> Outcome<(Loaded, Option<u64>)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let plan = plan(listener.local_addr()?, bytes.div_ceil(MESSAGE));
    let (tell, told) = sync_channel(1);
    let serving = std::thread::spawn(move || serve(&listener, fault, at, &tell));
    let loaded = load(&plan, &mut Nobody)?;
    if loaded.counts.reached < CLIENTS as u64 {
        return Err(format!("only {} of {CLIENTS} could connect: {loaded:?}", loaded.counts.reached).into());
    }
    serving.join().map_err(|_| "the echo panicked")?;
    Ok((loaded, done_at(&told)))
}

fn done_at(told: &Receiver<u64>) -> Option<u64> {
    told.try_recv().ok()
}

fn plan(target: SocketAddr, messages: u64) -> Plan {
    let form = Messages { framing: Framing::Raw, bytes: MESSAGE as usize, seed: 1, verify: true };
    let pace = Pace::Closed { think: Duration::ZERO };
    Plan {
        target,
        sources: Vec::new(),
        clients: CLIENTS,
        task: Task::Echo(Echo { messages: form, pace, depth: DEPTH }),
        until: Until { duration: None, messages: Some(messages) },
        ramp: Duration::ZERO,
        warm_up: Duration::ZERO,
        connect_timeout: PATIENCE,
        answer_timeout: PATIENCE,
    }
}

/// Echoes until all clients are gone. The byte that all have sent as this one is the wrong one.
fn serve(listener: &TcpListener, fault: Fault, at: u64, tell: &SyncSender<u64>) {
    let heard = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for stream in listener.incoming().take(CLIENTS).flatten() {
            let heard = &heard;
            // Whoever found something leaves at once, which is an error here and nowhere else.
            scope.spawn(move || echo(stream, fault, at, heard, tell));
        }
    });
}

fn echo(
    mut stream: TcpStream,
    fault: Fault,
    at: u64,
    heard: &AtomicU64,
    tell: &SyncSender<u64>,
) -> std::io::Result<()> {
    let (mut buffer, mut offset) = (vec![0; READ_BYTES], 0_u64);
    loop {
        let read = match stream.read(&mut buffer) {
            Ok(0) => return stream.shutdown(Shutdown::Both),
            Ok(read) => read,
            Err(why) if why.kind() == ErrorKind::Interrupted => continue,
            Err(why) => return Err(why),
        };
        let bytes = &mut buffer[..read];
        let before = heard.fetch_add(read as u64, Ordering::Relaxed);
        if (before..before + read as u64).contains(&at) {
            let place = (at - before) as usize;
            // It is done once, so there is always room to tell it.
            let _ = tell.try_send(offset + place as u64 + u64::from(fault == Fault::Repeat));
            match fault {
                Fault::Flip => bytes[place] ^= 1,
                Fault::Drop | Fault::Repeat => {
                    stream.write_all(&bytes[..place + usize::from(fault == Fault::Repeat)])?;
                    stream.write_all(&bytes[place + usize::from(fault == Fault::Drop)..])?;
                    offset += read as u64;
                    continue;
                }
            }
        }
        stream.write_all(bytes)?;
        offset += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Enough for some messages on each connection.
    const BYTES: u64 = 40 * MESSAGE;

    #[test]
    fn each_fault_is_done_to_one_byte_and_found() {
        for (index, (fault, name, damage)) in FAULTS.into_iter().enumerate() {
            // The first byte, any, and the last one: what is missing there is noticed only when nothing more comes.
            for at in [0, place(7, index as u64, BYTES), BYTES - 1] {
                if fault == Fault::Drop && at == BYTES - 1 {
                    continue;
                }
                let (loaded, done) = against(fault, at, BYTES).unwrap();
                let offset = done.unwrap_or_else(|| panic!("byte {at} never came: {loaded:?}"));
                assert!(is_told(&loaded, offset, damage), "{name} at {at}: {loaded:?}");
                let (wrong, _, other) = FAULTS[(index + 1) % FAULTS.len()];
                assert!(!is_told(&loaded, offset, other), "{wrong:?} is another one");
                assert!(!is_told(&loaded, offset + ALIKE_MAX + 1, damage), "that is another place");
            }
        }
    }

    #[test]
    fn places_are_anywhere_and_the_same_for_one_seed() {
        let places: std::collections::BTreeSet<_> =
            (0..300).map(|case| place(1, case, 1_000_000_000)).collect();
        assert_eq!(places.len(), 300);
        assert!(places.iter().all(|place| *place < 1_000_000_000));
        assert!(places.first() < Some(&50_000_000) && places.last() > Some(&950_000_000));
        assert_eq!(place(1, 5, 1000), place(1, 5, 1000));
        assert_ne!(place(1, 5, 1_000_000_000), place(2, 5, 1_000_000_000));
    }
}
