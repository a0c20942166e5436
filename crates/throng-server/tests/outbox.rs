//! What is pushed arrives, whole and in order; nobody waits for one who does not read.

#![allow(clippy::unwrap_used)]

mod place;

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use place::{PATIENCE, Place, hear, hear_all, hear_out, local, numbered, open, talk, until, workers};
use throng_server::{Conn, End, Event, Limits, LocalHandler, Outbox, Server, Timeouts, Worker};
use tokio::sync::Semaphore;

/// More than the kernel takes for a client that does not read.
const FLOOD: usize = 24 << 20;

fn limit(queue: usize) -> Limits {
    Limits { queue, ..Limits::default() }
}

/// Lets the flusher have its turn, and the kernel.
async fn turns() {
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
}

#[test]
fn what_one_turn_pushes_waits_for_its_end_and_arrives_whole_and_in_order() {
    let place = open(local(|conn: Conn| async move {
        let (_reader, outbox) = conn.split();
        let other = outbox.clone();
        for number in 0u64..1000 {
            let (word, from) = (number.to_be_bytes(), if number % 2 == 0 { &outbox } else { &other });
            match number % 3 {
                0 => from.push_shared(&Bytes::copy_from_slice(&word)),
                _ => from.push(&word),
            }
        }
        // Nothing was written while the turn lasted, so all of it goes in one write.
        assert_eq!(other.queued(), 8000);
        outbox.flushed().await;
        assert_eq!(other.queued(), 0);
        Ok(())
    }));
    assert!(hear_all(&mut place.client()) == numbered(8000));
    assert_eq!(place.next_end(), End::Done);
    assert_eq!(place.running.stats().bytes_out, 8000);
}

#[test]
fn a_push_above_the_limit_is_no_fault_of_a_client_that_reads() {
    let place = open(
        local(|conn: Conn| async move {
            let (_reader, outbox) = conn.split();
            outbox.push(&numbered(100_000));
            assert!(!outbox.is_over());
            Ok(())
        })
        .limits(limit(1000)),
    );
    assert!(hear_all(&mut place.client()) == numbered(100_000));
    assert_eq!(place.next_end(), End::Done);
}

/// Fills what the kernel holds for a client. How much it has taken, and what waits.
async fn fill(outbox: &Outbox) -> usize {
    let mut pushed = 0;
    while outbox.queued() == 0 {
        outbox.push(&[b'x'; 1 << 16]);
        pushed += 1 << 16;
        turns().await;
    }
    pushed - outbox.queued()
}

/// Says how much a client has to read, keeps its worker from finding out that it has, and then pushes more.
async fn fill_and_push(
    conn: Conn,
    (full, emptied): (SyncSender<usize>, Arc<Mutex<Receiver<()>>>),
    queue: usize,
) -> throng_server::Result {
    let (_reader, outbox) = conn.split();
    full.send(fill(&outbox).await)?;
    emptied.lock().unwrap().recv_timeout(PATIENCE)?;
    outbox.push(&vec![b'y'; queue]);
    assert!(!outbox.is_over(), "a client was judged before a write was tried");
    Ok(())
}

#[test]
fn a_client_is_judged_by_a_write_and_not_by_what_was_known_of_it() {
    let queue = 1 << 20;
    let (full, filled) = sync_channel(1);
    let (empty, emptied) = sync_channel(1);
    let channels = (full, Arc::new(Mutex::new(emptied)));
    let server = local(move |conn| fill_and_push(conn, channels.clone(), queue));
    let place = open(server.limits(limit(queue)).model(workers(1)));
    let mut client = place.client();
    hear(&mut client, filled.recv_timeout(PATIENCE).unwrap());
    empty.send(()).unwrap();
    assert!(hear_all(&mut client).ends_with(&[b'y'; 1 << 10]));
    assert_eq!(place.next_end(), End::Done);
}

/// Tells everybody a block whenever somebody says anything.
struct Crowd {
    outboxes: RefCell<Vec<Outbox>>,
}

const BLOCK: usize = 1 << 18;

impl LocalHandler for Crowd {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        let id = conn.id();
        let (mut reader, outbox) = conn.split();
        self.outboxes.borrow_mut().push(outbox);
        let mut buffer = reader.buffer();
        let block = Bytes::from(numbered(BLOCK));
        while reader.read_into(&mut buffer).await.is_ok_and(|read| read > 0) {
            buffer.clear();
            self.outboxes.borrow().iter().for_each(|outbox| outbox.push_shared(&block));
        }
        self.outboxes.borrow_mut().retain(|outbox| outbox.id() != id);
        Ok(())
    }
}

#[test]
fn a_reader_that_stops_is_too_slow_and_the_others_talk_on() {
    let crowd = |_: &Worker| Crowd { outboxes: RefCell::default() };
    let place = open(Server::local(crowd).limits(limit(4 << 20)).model(workers(1)));
    let _silent = place.client();
    until("the silent one is in", || place.open_count() == 1);
    let mut talker = place.client();
    let mut block = vec![0; BLOCK];
    let is_over = |place: &Place| {
        place.told().iter().any(|event| matches!(event, Event::Closed { end: End::TooSlow, .. }))
    };
    let mut rounds = 0;
    while !is_over(&place) {
        rounds += 1;
        assert!(rounds < 1000, "a reader that stops is never too slow");
        talker.write_all(b"!").unwrap();
        talker.read_exact(&mut block).unwrap();
        assert!(block == numbered(BLOCK));
    }
    assert!(rounds > (4 << 20) / BLOCK, "it was given less than its limit");
    talker.write_all(b"!").unwrap();
    talker.read_exact(&mut block).unwrap();
    assert_eq!(place.running.stats().ended.get("too_slow"), Some(&1));
}

/// A client whose server pushes much, as `say` does it, and that then reads what it gets.
fn check_last_words(
    timeouts: Timeouts,
    say: fn(&Outbox),
    read: impl FnOnce(&Place, TcpStream),
    expected: &End,
) {
    let server = local(move |conn: Conn| async move {
        let (mut reader, outbox) = conn.split();
        say(&outbox);
        let mut buffer = reader.buffer();
        let heard = reader.read_into(&mut buffer).await;
        if outbox.queued() > 0 && outbox.is_over() && heard.is_ok_and(|read| read == 0) {
            // The reader hears of the end while there is still something to tell.
            outbox.push(b"a word behind the last");
        }
        Ok(())
    });
    let place = open(server.timeouts(timeouts).limits(limit(2 * FLOOD)).model(workers(1)));
    let client = place.client();
    read(&place, client);
    assert_eq!(place.next_end(), *expected);
}

fn finish(outbox: &Outbox) {
    outbox.push(&numbered(FLOOD));
    outbox.finish(End::Kicked);
    outbox.push(b"a word behind the last");
}

#[test]
fn who_is_finished_hears_all_that_was_said_and_then_the_end() {
    let read = |_: &Place, mut client: TcpStream| assert!(hear_all(&mut client) == numbered(FLOOD));
    check_last_words(Timeouts::default(), finish, read, &End::Kicked);
}

#[test]
fn who_does_not_take_its_last_words_is_not_waited_for() {
    let farewell = Timeouts { farewell: Duration::from_millis(1), ..Timeouts::default() };
    let wait = |place: &Place, _: TcpStream| until("it has left", || place.open_count() == 0);
    check_last_words(farewell.clone(), finish, |place, client| wait(place, client), &End::Kicked);
    // The same holds when the handler is done and says nothing of an end.
    let server = local(|conn: Conn| async move {
        let (_reader, outbox) = conn.split();
        outbox.push(&numbered(FLOOD));
        Ok(())
    });
    let place = open(server.timeouts(farewell).limits(limit(2 * FLOOD)));
    let _silent = place.client();
    assert_eq!(place.next_end(), End::Done);
}

#[test]
fn who_is_cut_hears_no_more() {
    let cut = |outbox: &Outbox| {
        outbox.push(&numbered(FLOOD));
        outbox.cut(End::Kicked);
        outbox.push(b"a word behind the end");
    };
    let read = |_: &Place, mut client: TcpStream| assert!(hear_out(&mut client).0.len() < FLOOD);
    check_last_words(Timeouts::default(), cut, read, &End::Kicked);
    let cut_and_finish = |outbox: &Outbox| {
        outbox.push(&numbered(FLOOD));
        outbox.cut(End::TooSlow);
        outbox.finish(End::Kicked);
    };
    let read = |_: &Place, mut client: TcpStream| assert!(hear_out(&mut client).0.len() < FLOOD);
    check_last_words(Timeouts::default(), cut_and_finish, read, &End::TooSlow);
}

#[test]
fn a_stalled_client_is_cut_at_once_even_behind_its_last_words() {
    let stall = |conn: Conn| async move {
        let (_reader, outbox) = conn.split();
        fill(&outbox).await;
        outbox.finish(End::Done);
        turns().await;
        outbox.cut(End::Kicked);
        outbox.flushed().await;
        turns().await;
        assert_eq!(outbox.queued(), 0);
        Ok(())
    };
    let place = open(local(stall).model(workers(1)));
    let _silent = place.client();
    assert_eq!(place.next_end(), End::Done);
}

/// What a reader that waits is told when its connection ends, as another task on its worker ends it.
fn check_parked(end: fn(&Outbox), expected: Result<usize, Option<End>>) {
    let server = local(move |conn: Conn| {
        let expected = expected.clone();
        async move {
            let (mut reader, outbox) = conn.split();
            let heard: Rc<RefCell<Option<_>>> = Rc::default();
            let hears = Rc::clone(&heard);
            let parked = tokio::task::spawn_local(async move {
                let read = reader.read_into(&mut reader.buffer()).await;
                *hears.borrow_mut() = Some(read.map_err(|error| End::of(&error)));
            });
            turns().await;
            end(&outbox);
            parked.await?;
            assert_eq!(*heard.borrow(), Some(expected));
            Ok(())
        }
    });
    let place = open(server);
    let mut client = place.client();
    hear_out(&mut client);
    assert_eq!(place.next_end(), End::TooSlow);
}

#[test]
fn a_parked_reader_hears_that_its_connection_ended() {
    check_parked(|outbox| outbox.cut(End::TooSlow), Err(Some(End::TooSlow)));
    check_parked(|outbox| outbox.finish(End::TooSlow), Ok(0));
}

#[test]
fn who_is_finished_hears_the_end_while_somebody_still_holds_the_connection() {
    let heard = Arc::new(Semaphore::new(0));
    let hears = Arc::clone(&heard);
    let place = open(local(move |conn: Conn| {
        let hears = Arc::clone(&hears);
        async move {
            let (_reader, outbox) = conn.split();
            outbox.push(b"last words");
            outbox.finish(End::Done);
            let _ = hears.acquire().await?;
            Ok(())
        }
    }));
    assert_eq!(hear_all(&mut place.client()), b"last words");
    heard.add_permits(1);
    assert_eq!(place.next_end(), End::Done);
}

/// Keeps the outbox of who says "stay", tells it what others say, and lets go of it when that is "free".
struct Keeps {
    outboxes: RefCell<Vec<Outbox>>,
}

impl LocalHandler for Keeps {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        let (mut reader, outbox) = conn.split();
        let mut buffer = reader.buffer();
        while reader.read_into(&mut buffer).await? > 0 {
            self.outboxes.borrow().iter().for_each(|kept| kept.push(&buffer));
            outbox.push(&buffer);
            match &buffer[..] {
                b"stay" => {
                    self.outboxes.borrow_mut().push(outbox);
                    return Ok(());
                }
                b"flood" => {
                    outbox.push(&numbered(FLOOD));
                    return Ok(());
                }
                b"free" => self.outboxes.borrow_mut().clear(),
                _ => {}
            }
            buffer.clear();
        }
        Ok(())
    }
}

#[test]
fn a_connection_lasts_as_long_as_somebody_can_tell_it_something() {
    let keeps = |_: &Worker| Keeps { outboxes: RefCell::default() };
    let farewell = Timeouts { farewell: Duration::from_millis(1), ..Timeouts::default() };
    let server = Server::local(keeps).timeouts(farewell).limits(limit(2 * FLOOD));
    let place = open(server.model(workers(1)));
    let mut left = place.client();
    talk(&mut left, "stay");
    // When the later one was cut, the deadline of the earlier one is over too; but that one took what it was told.
    let mut later = place.client();
    later.write_all(b"flood").unwrap();
    assert_eq!(place.next_end(), End::Done);
    assert_eq!(hear(&mut left, 5), "flood");
    let mut other = place.client();
    talk(&mut other, "told");
    assert_eq!(hear(&mut left, 4), "told");
    talk(&mut other, "free");
    assert_eq!(hear_all(&mut left), b"free");
    drop(left);
    assert_eq!(place.next_end(), End::Done);
}

#[test]
fn what_was_read_too_far_is_read_again_first() {
    let place = open(local(|conn: Conn| async move {
        let (mut reader, outbox) = conn.split();
        let mut buffer = reader.buffer();
        while buffer.len() < 6 {
            reader.read_into(&mut buffer).await?;
        }
        reader.unread(&buffer[3..6]);
        reader.unread(&buffer[..3]);
        buffer.clear();
        reader.read_into(&mut buffer).await?;
        outbox.push(&buffer);
        Ok(())
    }));
    let mut client = place.client();
    client.write_all(b"onetwo").unwrap();
    assert_eq!(hear_all(&mut client), b"onetwo");
}

#[test]
fn what_a_reader_is_behind_is_seen_until_it_has_read_it() {
    const BYTES: usize = 64 << 10;
    let sent = Arc::new(AtomicUsize::new(0));
    let told = Arc::clone(&sent);
    let place = open(local(move |conn: Conn| {
        let told = Arc::clone(&told);
        async move {
            let (mut reader, outbox) = conn.split();
            let pushed = fill(&outbox).await + outbox.queued();
            told.store(pushed + BYTES, SeqCst);
            // From here on the kernel takes nothing, and what is pushed, at once, is seen to wait.
            outbox.push(&numbered(BYTES));
            outbox.flushed().await;
            reader.read_into(&mut reader.buffer()).await?;
            Ok(())
        }
    }));
    let mut slow = place.client();
    until("something waits", || place.running.queued().bytes >= BYTES);
    let queued = place.running.queued();
    assert_eq!((queued.conns, queued.bytes), (1, queued.largest));
    assert_eq!(place.running.conns()[0].queued, queued.bytes);
    // Only for who reads: all of it comes, and nothing waits any more.
    let sent = sent.load(SeqCst);
    slow.read_exact(&mut vec![0; sent]).unwrap();
    until("nothing waits", || place.running.queued().conns == 0);
    assert_eq!(place.running.conns()[0].queued, 0);
    until("all is counted while it is connected", || place.running.stats().bytes_out == sent as u64);
}
