//! kill -9 during a storm, again and again: what a sender saw confirmed is in the history, once.

#![allow(clippy::unwrap_used)]

mod kept;
mod real;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Barrier};

use real::{Person, Server};

/// How often the plug is pulled.
const CRASHES: usize = 50;
const WRITERS: usize = 4;
/// Messages that one writer has under way.
const WINDOW: usize = 4;

#[test]
fn what_was_confirmed_before_a_crash_is_in_the_history_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut confirmed: Vec<String> = Vec::new();
    for round in 0..CRASHES {
        let server = Server::start(folder.path(), &["--pace", "off"]);
        // Between 0 and 60 confirmations, differing from round to round; no clock and no luck in it.
        let enough = round * 7 % 61;
        confirmed.extend(storm_until(server, round, enough));
    }
    let stored = kept::lobby(folder.path());
    let mut times: HashMap<&str, usize> = HashMap::new();
    for entry in &stored {
        *times.entry(entry.record.text.as_ref().unwrap().as_str()).or_default() += 1;
    }
    for text in &confirmed {
        assert_eq!(times.get(text.as_str()), Some(&1), "{text:?} was confirmed");
    }
    assert!(times.values().all(|count| *count == 1), "something was stored twice");
    let seqs: Vec<u64> = stored.iter().map(|entry| entry.stamp.seq).collect();
    assert_eq!(seqs, (1..=stored.len() as u64).collect::<Vec<_>>(), "the numbers of the room have no gap");
    assert!(stored.windows(2).all(|pair| pair[0].stamp.msgid < pair[1].stamp.msgid));
    println!("{CRASHES} crashes: {} confirmed, {} stored", confirmed.len(), stored.len());
    assert!(confirmed.len() > CRASHES);
}

/// Lets writers write until so many messages are confirmed, kills the server, and gives all that was confirmed.
fn storm_until(server: Server, round: usize, enough: usize) -> Vec<String> {
    let (count, all_in) = (Arc::new(AtomicUsize::new(0)), Arc::new(Barrier::new(WRITERS)));
    let (reached, waits) = sync_channel(1);
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (address, reached) = (server.address, reached.clone());
            let (count, all_in) = (Arc::clone(&count), Arc::clone(&all_in));
            std::thread::spawn(move || write(address, round, writer, &count, enough, &all_in, &reached))
        })
        .collect();
    waits.recv_timeout(real::PATIENCE).expect("the storm began");
    server.kill();
    writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
}

fn write(
    address: std::net::SocketAddr,
    round: usize,
    writer: usize,
    count: &AtomicUsize,
    enough: usize,
    all_in: &Barrier,
    reached: &std::sync::mpsc::SyncSender<()>,
) -> Vec<String> {
    let name = ["ana", "bob", "cyd", "dee"][writer];
    let mut person = Person::enter(address, name);
    // The server may be killed as soon as somebody writes, and everybody must be in before.
    all_in.wait();
    let mut confirmed = Vec::new();
    let text = |number: usize| format!("round {round} writer {writer} message {number}");
    let mut next = 0;
    loop {
        while next < confirmed.len() + WINDOW {
            if person.send(format!("{}\n", text(next)).as_bytes()).is_err() {
                return confirmed;
            }
            next += 1;
        }
        let Some(line) = person.read_line() else { return confirmed };
        if let Some((_, said)) = line.split_once(&format!("<{name}> ")) {
            // Only whole lines count; the last one may be torn by the crash.
            if said == text(confirmed.len()) {
                confirmed.push(said.to_owned());
                if count.fetch_add(1, Ordering::Relaxed) >= enough {
                    let _ = reached.try_send(());
                }
            }
        }
    }
}
