//! What is said, and what comes back.

use std::io::Read;
use std::io::Write;

use throng_server::End;

use crate::place::{hear, hear_all, hear_out, numbered};
use crate::say;
use crate::stands::{FLOOD, on_every, usual};

#[test]
fn what_is_said_comes_back_in_whole_lines() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        for byte in "a byte at a time\n".bytes() {
            client.write_all(&[byte]).unwrap();
        }
        assert_eq!(hear(&mut client, 17), "a byte at a time\n");
        say(&mut client, "two\r\nin one\nand the last without an end");
        client.end_side();
        assert_eq!(hear_all(&mut client), b"two\nin one\nand the last without an end\n");
        stage.ends("peer_closed");
    });
}

#[test]
fn a_line_that_is_too_long_ends_the_connection_with_a_word() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        say(&mut client, &"x".repeat(100));
        hear_out(&mut client);
        drop(client);
        assert_eq!(stage.place.next_end(), End::Failed("a line of more than 64 bytes".to_owned()));
    });
}

#[test]
fn a_flood_arrives_whole_and_in_order() {
    on_every(&usual(), |stage| {
        let mut client = stage.served();
        say(&mut client, "flood\n");
        let mut heard = vec![0; FLOOD.len()];
        client.read_exact(&mut heard).unwrap();
        assert!(heard == *FLOOD, "{}", stage.name);
        assert_eq!(hear(&mut client, 6), "flood\n");
    });
}

#[test]
fn a_reply_is_heard_whole_though_nobody_read_the_question() {
    on_every(&usual(), |stage| {
        let mut client = stage.client();
        say(&mut client, &format!("deaf\n{}", "x".repeat(200_000)));
        assert!(hear_all(&mut client) == numbered(1 << 16), "{}", stage.name);
        drop(client);
        stage.ends("done");
    });
}

#[test]
fn threads_that_serve_are_named() {
    on_every(&usual(), |stage| {
        drop(stage.served());
        stage.ends("peer_closed");
        drop(stage.served());
        let names = stage.book.lock().unwrap().threads.clone();
        let expected: &[&str] = match stage.place.running.model() {
            "threads" => &["thread-1", "thread-2"],
            "sequential" => &["throng-worker-0", "throng-worker-0"],
            "pool" => &["throng-pool-", "throng-pool-"],
            _ => &["throng-worker-", "throng-worker-"],
        };
        let named = names.iter().zip(expected).all(|(name, begins)| name.starts_with(begins));
        assert!(names.len() == 2 && named, "{names:?}, {}", stage.name);
    });
}
