//! Handlers without sockets: what they are promised holds there as well, by the clock of the test.

#![allow(clippy::unwrap_used)]

mod place;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use place::{echo, local, open, talk, until};
use throng_server::testing::{PIPE_BYTES, drive, drive_with};
use throng_server::{Conn, End, Server, Timeouts};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Says something and hears the same.
async fn say(client: &mut DuplexStream, text: &[u8]) {
    client.write_all(text).await.unwrap();
    let mut heard = vec![0; text.len()];
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, text);
}

#[tokio::test(start_paused = true)]
async fn more_than_the_pipe_holds_comes_back_whole() {
    let (client, driven) = drive(echo);
    let sent = place::numbered(5 * PIPE_BYTES + 3);
    let (mut hears, mut says) = tokio::io::split(client);
    let says = async {
        says.write_all(&sent).await.unwrap();
        says.shutdown().await.unwrap();
    };
    let mut heard = Vec::new();
    let (_, read) = tokio::join!(says, hears.read_to_end(&mut heard));
    read.unwrap();
    assert!(heard == sent);
    assert_eq!(driven.end().await, End::PeerClosed);
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_for_its_own_reason() {
    type Ends = fn(&throng_server::testing::Driven);
    let kick: Ends = |driven| driven.kill();
    let drain: Ends = |driven| driven.drain();
    for (act, end) in [(kick, End::Kicked), (drain, End::Drained)] {
        let (mut client, driven) = drive(echo);
        say(&mut client, b"here").await;
        assert_eq!(driven.info().unwrap().bytes_in, 4);
        act(&driven);
        assert_eq!(client.read(&mut [0]).await.unwrap(), 0);
        assert_eq!(driven.end().await, end);
    }
    let (client, driven) = drive(|_conn: Conn| async { Err("no such page".into()) });
    drop(client);
    assert_eq!(driven.end().await, End::Failed("no such page".to_owned()));
}

/// Answers two lines together, after the second.
async fn pairs(mut conn: Conn) -> throng_server::Result {
    let mut lines = conn.lines(80);
    while conn.read_line(&mut lines).await?.is_some() && conn.read_line(&mut lines).await?.is_some() {
        conn.write_all(b"both\n").await?;
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn half_a_question_that_was_read_with_the_one_before_is_waited_for() {
    let (mut client, driven) = drive(pairs);
    client.write_all(b"one\ntwo\nthree\n").await.unwrap();
    let mut heard = [0; 5];
    client.read_exact(&mut heard).await.unwrap();
    driven.drain();
    // By the clock of the test, everything that could end the connection has had its turn by then.
    tokio::time::sleep(Duration::from_secs(1)).await;
    client.write_all(b"four\n").await.unwrap();
    client.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"both\n");
    assert_eq!(driven.end().await, End::Drained);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_came_before_the_drain_is_answered() {
    let (mut client, driven) = drive(echo);
    say(&mut client, b"here").await;
    client.write_all(b"and this").await.unwrap();
    driven.drain();
    let mut heard = Vec::new();
    client.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"and this");
    assert_eq!(driven.end().await, End::Drained);
}

#[tokio::test(start_paused = true)]
async fn an_hour_of_silence_takes_no_time() {
    let idle = Timeouts { idle: Some(Duration::from_secs(3600)), ..Timeouts::default() };
    let begun = tokio::time::Instant::now();
    let (mut client, driven) = drive_with(echo, idle);
    say(&mut client, b"here").await;
    assert_eq!(driven.end().await, End::TimedOut);
    assert!(begun.elapsed() >= Duration::from_secs(3600));
}

/// Counts itself for as long as it lives.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn one_more(count: &Arc<AtomicUsize>) -> Counted {
        count.fetch_add(1, SeqCst);
        Counted(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn tasks_beside_a_handler_are_bounded_and_end_with_it() {
    let count = Arc::<AtomicUsize>::default();
    for how in ["done", "panic", "kick"] {
        let counted = Arc::clone(&count);
        let (mut client, driven) = drive(move |mut conn: Conn| {
            let counted = Arc::clone(&counted);
            async move {
                for _ in 0..64 {
                    let one = Counted::one_more(&counted);
                    conn.spawn(async move {
                        std::future::pending::<()>().await;
                        drop(one);
                    })?;
                }
                assert!(conn.spawn(async {}).is_err());
                conn.write_all(b"all").await?;
                let mut lines = conn.lines(9);
                if conn.read_line(&mut lines).await? == Some(b"panic") {
                    panic!("a handler panics, as this test wants it to");
                }
                Ok(())
            }
        });
        client.read_exact(&mut [0; 3]).await.unwrap();
        assert_eq!(count.load(SeqCst), 64, "{how}");
        match how {
            "kick" => driven.kill(),
            word => client.write_all(format!("{word}\n").as_bytes()).await.unwrap(),
        }
        driven.end().await;
        tokio::task::yield_now().await;
        assert_eq!(count.load(SeqCst), 0, "{how}");
    }
}

#[test]
fn a_task_that_pushes_to_an_outbox_ends_with_the_reader() {
    let count = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&count);
    let place = open(local(move |conn: Conn| {
        let one = Counted::one_more(&counted);
        async move {
            let (mut reader, outbox) = conn.split();
            let mut buffer = reader.buffer();
            let told = outbox.clone();
            reader.spawn_local(async move {
                loop {
                    let (_one, told) = (&one, &told);
                    told.push(b"t");
                    told.flushed().await;
                    tokio::time::sleep(Duration::from_secs(3600)).await;
                }
            })?;
            while reader.read_into(&mut buffer).await? > 0 {
                outbox.push(&buffer);
                buffer.clear();
            }
            Ok(())
        }
    }));
    let mut client = place.client();
    assert_eq!(place::hear(&mut client, 1), "t");
    talk(&mut client, "hello");
    assert_eq!(count.load(SeqCst), 1);
    drop(client);
    assert_eq!(place.next_end(), End::PeerClosed);
    until("its task is gone", || count.load(SeqCst) == 0);
    place.end();
}

#[test]
fn a_task_beside_a_handler_runs_on_the_models_threads() {
    let server = || {
        Server::new(|mut conn: Conn| async move {
            let (tell, told) = tokio::sync::oneshot::channel();
            conn.spawn(async move {
                let _ = tell.send(());
            })?;
            told.await?;
            conn.write_all(b"told").await?;
            Ok(())
        })
    };
    let check = |place: place::Place| assert_eq!(place::hear_all(&mut place.client()), b"told");
    check(open(server()));
    check(open(server().model(throng_server::Sequential)));
    check(open(server().model(throng_server::Threads::default())));
    check(open(server().model(throng_server::Pool { workers: throng_server::Workers::Count(2) })));
}
