//! A handler and its tests, without a socket and without waiting: `cargo test -p throng-server --example tested`.

#![expect(clippy::print_stdout, reason = "whoever starts it must know where it listens")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

use std::time::Duration;

use throng_server::{Conn, Server};

/// Asks for a name, and says good night to who does not tell it within a minute.
async fn greeter(mut conn: Conn) -> throng_server::Result {
    conn.write_all(b"Who are you?\r\n").await?;
    let mut lines = conn.lines(64);
    let heard = tokio::time::timeout(Duration::from_secs(60), conn.read_line(&mut lines)).await;
    let answer = match heard {
        Ok(line) => format!("Hello, {}!\r\n", String::from_utf8_lossy(line?.unwrap_or(b"stranger"))),
        Err(_) => "Good night.\r\n".to_owned(),
    };
    conn.write_all(answer.as_bytes()).await?;
    Ok(())
}

fn main() -> throng_server::Result {
    let running = Server::new(greeter).listen("127.0.0.1:0").start()?;
    println!("at {}; Ctrl-C ends it", running.addresses()[0]);
    running.until_signal()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use throng_server::End;
    use throng_server::testing::drive;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::greeter;

    async fn check(said: &[u8], expected: &str) {
        let (mut client, driven) = drive(greeter);
        client.write_all(said).await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert_eq!(heard, format!("Who are you?\r\n{expected}\r\n"));
        assert_eq!(driven.end().await, End::Done);
    }

    #[tokio::test(start_paused = true)]
    async fn a_name_is_greeted() {
        check(b"ana\n", "Hello, ana!").await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_nothing_is_told_good_night_when_a_minute_is_over() {
        // That minute takes no time.
        check(b"an", "Good night.").await;
    }
}
