//! What it costs to make a thread, and to make a process: each is made, and its end is waited for, one after the other.

use std::process::{Command, Stdio};

use throng_client::echo::latencies::Latencies;

use super::super::round_trips::micros;
use crate::process::now;
use crate::{Outcome, interrupt, packages};
use throng_client::figures::sheet::{Sheet, number, tenths};

/// How many threads are made.
const THREADS: usize = 2000;

/// How many processes are made.
const PROCESSES: usize = 500;

/// Measures both, on the cores that this program is bound to.
pub fn measure() -> Outcome<Sheet> {
    let program = packages::find("true").ok_or("there is no program true, which does nothing")?;
    let thread = || Ok(std::thread::Builder::new().spawn(|| ())?.join().is_ok());
    let process = || Ok(Command::new(&program).stdin(Stdio::null()).status()?.success());
    let mut sheet = Sheet::new(&["what", "times", "median, µs", "nine of ten within, µs"]);
    sheet.add(row("spawn and join a thread", THREADS, thread)?);
    sheet.add(row("spawn and wait for a process (`true`)", PROCESSES, process)?);
    Ok(sheet)
}

fn row(what: &str, times: usize, make: impl FnMut() -> Outcome<bool>) -> Outcome<Vec<String>> {
    let took = repeat(times, make).map_err(|why| format!("{what}: {why}"))?;
    let micros = |share| tenths(micros(took.quantile(share)));
    Ok(vec![what.to_owned(), number(times as f64), micros(0.5), micros(0.9)])
}

fn repeat(times: usize, mut make: impl FnMut() -> Outcome<bool>) -> Outcome<Latencies> {
    let mut took = Latencies::default();
    for _ in 0..times {
        if interrupt::came() {
            return Err("interrupted".into());
        }
        let begun = now();
        if !make()? {
            return Err("it failed".into());
        }
        took.add(begun.elapsed());
    }
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_made_so_many_times_and_one_that_fails_is_told() {
        let mut made = 0;
        let make = |good: usize| {
            move |made: &mut usize| {
                *made += 1;
                Ok(*made <= good)
            }
        };
        let row = row("nothing", 5, || make(5)(&mut made)).unwrap();
        assert_eq!((made, &row[..2]), (5, &["nothing".to_owned(), "5".to_owned()][..]));
        made = 0;
        let why = super::row("nothing", 5, || make(2)(&mut made)).unwrap_err().to_string();
        assert_eq!((made, why.as_str()), (3, "nothing: it failed"));
    }
}
