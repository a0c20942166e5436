//! `bench start`: from the start of the program to its first accept, with many messages stored.
//!
//! A connection is made as soon as the program says that it is ready. The kernel completes it before the program accepts
//! it, so a second time is told: until a first client has registered, which takes an accept and an answer.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use clap::Args;
use serde_json::json;
use tempfile::TempDir;
use throng_chat::{Kind, Name, Names, Record, RoomName, Text};
use throng_client::crowd::Crowd;
use throng_store::{DataFolder, Durability, Store};

use super::table::{median, sorted};
use super::{Common, PATIENCE};
use crate::process::now;
use crate::servers::start_throng;
use crate::{Outcome, interrupt};

/// Messages that are stored at once.
const BATCH: usize = 5_000;

/// `bench start`.
#[derive(Debug, Args)]
pub struct Start {
    /// How many messages are stored before
    #[arg(long, default_value_t = 1_000_000)]
    messages: usize,
    /// How often it is started
    #[arg(long, default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    #[command(flatten)]
    common: Common,
}

/// Runs it.
pub fn run(asked: &Start) -> Outcome {
    let throng = asked.common.prepare(1)?;
    let folder = TempDir::new()?;
    fill(folder.path(), asked.messages)?;
    let mut connected = Vec::new();
    let mut answered = Vec::new();
    for round in 0..asked.rounds {
        let again = copy(folder.path())?;
        let begun = now();
        let server = start_throng(&throng, again, "strict")?;
        let connection = std::net::TcpStream::connect(server.address)?;
        connected.push(begun.elapsed().as_secs_f64() * 1000.0);
        drop(connection);
        Crowd::come(server.address, 1, PATIENCE)?;
        answered.push(begun.elapsed().as_secs_f64() * 1000.0);
        if asked.common.json {
            let (connected, answered) = (connected.last(), answered.last());
            println!(
                "{}",
                json!({"bench": "start", "messages": asked.messages, "round": round,
                       "connected_ms": connected, "answered_ms": answered})
            );
        }
    }
    if !asked.common.json {
        println!("start with {} messages stored, in ms", asked.messages);
        tell("to the first connection", connected);
        tell("to the first client registered", answered);
    }
    Ok(())
}

fn tell(what: &str, took: Vec<f64>) {
    let took = sorted(took);
    println!(
        "  {what:<32} median {:>7.1}   {:>7.1} to {:>7.1}",
        median(&took),
        took[0],
        took[took.len() - 1]
    );
}

/// Each start has the same folder before it, whatever the last one left.
fn copy(folder: &Path) -> Outcome<TempDir> {
    let again = TempDir::new()?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), again.path().join(entry.file_name()))?;
        }
    }
    Ok(again)
}

/// Stores so many messages in the lobby.
fn fill(folder: &Path, messages: usize) -> Outcome {
    let opened = throng_store::open(&DataFolder::open(folder)?, Durability::Relaxed)?;
    let mut left = messages;
    while left > 0 {
        if interrupt::came() {
            return Err("interrupted while messages were stored".into());
        }
        let batch = BATCH.min(left);
        append(&*opened.store, vec![record(); batch])?;
        left -= batch;
    }
    opened.store.close();
    Ok(())
}

fn append(store: &dyn Store, batch: Vec<Record>) -> Outcome {
    // One answer comes to each batch, and it is waited for before the next one: nobody ever waits to send.
    let (stored, hears) = sync_channel(1);
    store.append(batch, Box::new(move |outcome| drop(stored.send(outcome.map(|_| ())))));
    hears.recv()?.map_err(|why| why.to_string().into())
}

fn record() -> Record {
    Record {
        room: RoomName::lobby(),
        author: Name::new("ana", Names::Ascii).expect("a plain name"),
        kind: Kind::Message,
        text: Some(Text::new(&"hello ".repeat(16)).expect("plain words")),
    }
}
