//! Two threads greet on one terminal. First each writes a letter at a time, and the greetings tear each other; then a lock
//! keeps them whole, and then one owner to whom both send. At the end two threads count to the same number, safely.
//!
//! ```sh
//! cargo run -p throng-server --example interleave
//! ```

#![expect(clippy::print_stdout, reason = "what is printed is the lesson")]
#![expect(clippy::disallowed_methods, reason = "a slow terminal shows what a fast one hides")]

use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

/// A terminal of 1970 printed ten letters a second; this is a hundred times as fast.
const LETTER: Duration = Duration::from_millis(1);

const GREETINGS: [&str; 2] =
    ["Good morning, says the first thread\n", "HELLO THERE, SAYS THE SECOND THREAD\n"];

/// A letter at a time, and others may come in between, as they may between any two writes.
fn write_slowly(greeting: &str) {
    for letter in greeting.chars() {
        print!("{letter}");
        // Nobody reads any more when this fails.
        let _ = std::io::stdout().flush();
        thread::sleep(LETTER);
    }
}

fn main() {
    println!("--- nothing protects the terminal:");
    thread::scope(|scope| GREETINGS.iter().for_each(|greeting| drop(scope.spawn(|| write_slowly(greeting)))));

    println!("--- a lock keeps each greeting whole:");
    let terminal = Mutex::new(());
    thread::scope(|scope| {
        for greeting in GREETINGS {
            let terminal = &terminal;
            scope.spawn(move || {
                let _mine = terminal.lock();
                write_slowly(greeting);
            });
        }
    });

    println!("--- one owner writes what both send:");
    let (send, received) = sync_channel(GREETINGS.len());
    thread::scope(|scope| {
        for greeting in GREETINGS {
            let send = send.clone();
            scope.spawn(move || send.send(greeting));
        }
        drop(send);
        received.iter().for_each(write_slowly);
    });

    // With a plain `let mut count = 0` this does not compile: "cannot borrow as mutable more than once".
    let count = AtomicU32::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                for _ in 0..100_000 {
                    count.fetch_add(1, Relaxed);
                }
            });
        }
    });
    println!("--- two threads counted to {}", count.into_inner());
}
