//! A conversation without a terminal and without a network, by a clock that does not run: what is typed while a server is
//! slow, and how long each silence is waited for.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::time::Duration;

use throng_client::connect::script::{Script, Step};
use throng_client::connect::shown::Look;
use throng_client::connect::talk::{Desk, LINGER_MAX, Manner, Typed, talk};
use throng_client::connect::{End, Transcript};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Notify;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// Less than a line: who writes waits for whoever reads.
const WINDOW: usize = 8;

/// A conversation that goes on: the server's end, who types, what is shown, and how it ends.
struct Talking {
    server: DuplexStream,
    typing: Sender<Typed>,
    shown: Receiver<String>,
    interrupted: Arc<Notify>,
    ends: JoinHandle<End>,
}

fn begin(end_on_empty: bool, steps: &[Step]) -> Talking {
    let (ours, server) = duplex(WINDOW);
    let (typing, typed) = channel(1000);
    let (shows, shown) = channel(1000);
    let interrupted = Arc::new(Notify::new());
    let mut desk =
        Desk { typed, shown: shows, hidden: Arc::default(), interrupted: Arc::clone(&interrupted) };
    let script = Script::new(steps.to_vec());
    let manner =
        Manner { line_end: "\n", end_on_empty, look: Look::default(), patience: Duration::from_secs(5) };
    let ends = tokio::task::spawn_local(async move {
        talk(Box::new(ours), &mut desk, &manner, script, &Transcript::none()).await
    });
    Talking { server, typing, shown, interrupted, ends }
}

/// Runs it on one thread, as the program does.
async fn acted<T>(act: impl Future<Output = T>) -> T {
    tokio::task::LocalSet::new().run_until(act).await
}

fn line(text: &str) -> Typed {
    Typed::Line(text.to_owned())
}

#[tokio::test(start_paused = true)]
async fn a_pasted_text_waits_for_a_slow_server_and_nothing_of_it_is_lost() {
    acted(async {
        let Talking { mut server, typing, mut shown, ends, .. } = begin(false, &[]);
        for number in 0..900 {
            typing.try_send(line(&format!("line {number}"))).unwrap();
        }
        typing.try_send(Typed::Finish).unwrap();
        // All that can happen without the server has happened.
        tokio::time::sleep(Duration::from_secs(60)).await;
        let mut heard = String::new();
        server.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, (0..900).map(|number| format!("line {number}\n")).collect::<String>());
        drop(server);
        assert!(matches!(ends.await.unwrap(), End::Ours));
        assert_eq!(shown.recv().await, None);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn ctrl_c_is_heard_while_the_server_takes_nothing() {
    acted(async {
        let Talking { server: _server, typing, shown: _shown, interrupted, ends } = begin(false, &[]);
        for _ in 0..900 {
            typing.try_send(line("nobody takes this")).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
        interrupted.notify_one();
        assert!(matches!(ends.await.unwrap(), End::Interrupted));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn each_silence_has_its_time() {
    acted(async {
        // A server that never ends gets a while.
        let begun = Instant::now();
        let Talking { server: _server, typing, ends, .. } = begin(true, &[]);
        typing.try_send(line("")).unwrap();
        assert!(matches!(ends.await.unwrap(), End::Lingered));
        assert_eq!(begun.elapsed(), LINGER_MAX);

        // A question without an end is shown soon, and once.
        let begun = Instant::now();
        let Talking { mut server, mut shown, ends, typing: _typing, .. } = begin(false, &[]);
        server.write_all(b"name? ").await.unwrap();
        assert_eq!(shown.recv().await.as_deref(), Some("name? "));
        assert_eq!(begun.elapsed(), Duration::from_millis(200));
        drop(server);
        assert!(matches!(ends.await.unwrap(), End::Server));
        assert_eq!(shown.recv().await, None);

        // An expected text has its own time, counted from the one before.
        let begun = Instant::now();
        let steps = [Step::Expect("a".to_owned()), Step::Send("b".to_owned()), Step::Expect("c".to_owned())];
        let Talking { mut server, ends, typing: _typing, shown: _shown, .. } = begin(false, &steps);
        tokio::time::sleep(Duration::from_secs(4)).await;
        server.write_all(b"a\n").await.unwrap();
        let mut heard = [0; 2];
        server.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"b\n");
        // What comes meanwhile and is something else changes nothing.
        tokio::time::sleep(Duration::from_secs(4)).await;
        server.write_all(b"d\n").await.unwrap();
        assert!(matches!(ends.await.unwrap(), End::Unmet(text) if text == "c"));
        assert_eq!(begun.elapsed(), Duration::from_secs(9));
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_says_much_waits_for_the_terminal() {
    acted(async {
        let Talking { mut server, mut shown, ends, typing, .. } = begin(false, &[]);
        let flooding = tokio::task::spawn_local(async move {
            for number in 0..5000 {
                server.write_all(format!("{number}\n").as_bytes()).await.unwrap();
            }
        });
        // Nothing is shown yet, so the server cannot be done; and nothing is lost when it is.
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert!(!flooding.is_finished());
        let mut lines = Vec::new();
        while let Some(shown) = shown.recv().await {
            lines.extend(shown.lines().map(str::to_owned));
        }
        assert_eq!(lines, (0..5000).map(|number| number.to_string()).collect::<Vec<_>>());
        assert!(matches!(ends.await.unwrap(), End::Server));
        drop(typing);
    })
    .await;
}
