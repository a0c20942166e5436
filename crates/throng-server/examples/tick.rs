//! Five waits one after the other, and then five threads that wait at once. Each tick is a line with the time since the
//! start: the first half takes five seconds, the second one.
//!
//! ```sh
//! cargo run -p throng-server --example tick
//! ```

#![expect(clippy::print_stdout, reason = "what is printed is the lesson")]
#![expect(clippy::disallowed_methods, reason = "the example is about waiting, and shows the time")]

use std::thread;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(1);

fn tick(since: Instant) {
    thread::sleep(WAIT);
    let thread = thread::current();
    println!(
        "{:>6.3} s  {}",
        since.elapsed().as_secs_f64(),
        thread.name().unwrap_or("a thread without a name")
    );
}

fn main() -> std::io::Result<()> {
    println!("one after the other:");
    let since = Instant::now();
    (0..5).for_each(|_| tick(since));

    println!("five at once:");
    let since = Instant::now();
    thread::scope(|scope| {
        for number in 1..=5 {
            let thread = thread::Builder::new().name(format!("ticker-{number}"));
            thread.spawn_scoped(scope, move || tick(since))?;
        }
        // The scope ends when all its threads have: nobody has to remember to join them.
        Ok(())
    })
}
