//! A file of accounts, read and looked at to its end before anything is changed: what is wrong in it is told with the number of
//! its line. What may be wrong with it beside the accounts that there are is for [`super::import`] to say.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use throng_store::accounts::Account;
use throng_wire::printable::printable;

use super::record;
use crate::banner::shown;
use crate::fault::Fault;

/// How many accounts one file may have: they are all in memory while they are looked at, some 60 MiB of them.
const ACCOUNTS_MAX: usize = 100_000;

/// How many mistakes are told at a time.
pub(super) const MISTAKES_MAX: usize = 20;

/// What stands for standard input.
pub(super) const INPUT: &str = "-";

/// An account and the line where it stands.
pub(super) type Lined = (usize, Account);

/// All accounts of a file, when there is no mistake in it.
pub(super) fn read(from: &Path) -> Result<Vec<Lined>, Fault> {
    let failed = |why: std::io::Error| Fault::failed(format!("cannot read {}: {why}", shown(from)));
    let input: Box<dyn Read> = if from == Path::new(INPUT) {
        Box::new(std::io::stdin().lock())
    } else {
        let looks = std::fs::metadata(from).map_err(failed)?;
        if !looks.is_file() {
            return Err(Fault::usage(format!("{} is not a file", shown(from))));
        }
        Box::new(std::fs::File::open(from).map_err(failed)?)
    };
    parse(BufReader::new(input)).map_err(failed)?.map_err(|mistakes| mistaken(from, mistakes))
}

/// Reads line by line; the outer fault is the file's.
fn parse(mut input: impl BufRead) -> std::io::Result<Result<Vec<Lined>, Vec<String>>> {
    let (mut read, mut mistakes) = (Vec::new(), Vec::new());
    let mut known = Known::default();
    for number in 1.. {
        let mut line = Vec::new();
        // One byte for the end of the line, and one more by which a line is too long.
        input.by_ref().take(record::LINE_BYTES_MAX as u64 + 2).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            break;
        }
        line.pop_if(|byte| *byte == b'\n');
        let mut wrong = |why: String| mistakes.push(format!("line {number}: {why}"));
        if line.len() > record::LINE_BYTES_MAX {
            wrong(format!("it is longer than {} bytes", record::LINE_BYTES_MAX));
            break;
        }
        let Ok(text) = std::str::from_utf8(&line) else {
            wrong("it is not UTF-8".to_owned());
            continue;
        };
        match text.trim() {
            head if number == 1 => match record::check_head(head) {
                Ok(()) => {}
                Err(why) => {
                    wrong(why);
                    break;
                }
            },
            "" => {}
            line => match record::account(line)
                .and_then(|account| known.add(number, &account).map(|()| account))
            {
                Ok(account) => read.push((number, account)),
                Err(why) => wrong(why),
            },
        }
        if read.len() > ACCOUNTS_MAX {
            mistakes.push(format!(
                "line {number}: a file has at most {ACCOUNTS_MAX} accounts: make several of it"
            ));
        }
        if mistakes.len() > MISTAKES_MAX || read.len() > ACCOUNTS_MAX {
            break;
        }
    }
    if read.is_empty() && mistakes.is_empty() {
        mistakes.push("line 1: there is no account in it".to_owned());
    }
    Ok(if mistakes.is_empty() { Ok(read) } else { Err(mistakes) })
}

/// Nothing is imported, and these are the reasons, of which only so many are told.
pub(super) fn mistaken(from: &Path, mut mistakes: Vec<String>) -> Fault {
    let more = mistakes.len() > MISTAKES_MAX;
    mistakes.truncate(MISTAKES_MAX);
    let fault = Fault::failed(format!("nothing was imported, since {} has mistakes", shown(from)));
    let fault = mistakes.into_iter().fold(fault, Fault::hint);
    if more { fault.hint("… and more") } else { fault }
}

/// What the lines before have, by where it stands.
#[derive(Default)]
pub(super) struct Known {
    pub(super) folded: BTreeMap<String, usize>,
    pub(super) skeletons: BTreeMap<String, usize>,
    pub(super) certificates: BTreeMap<[u8; 32], usize>,
}

impl Known {
    /// What a whole file has.
    pub(super) fn of(read: &[Lined]) -> Known {
        let mut known = Known::default();
        for (number, account) in read {
            known.note(*number, account);
        }
        known
    }

    fn note(&mut self, number: usize, account: &Account) {
        self.folded.insert(account.name.folded().to_owned(), number);
        self.skeletons.insert(account.name.skeleton().to_owned(), number);
        self.certificates.extend(account.certificates.iter().map(|print| (*print, number)));
    }

    /// No two accounts have one name, look alike or have one certificate.
    fn add(&mut self, number: usize, account: &Account) -> Result<(), String> {
        let shown = printable(account.name.as_str());
        if let Some(line) = self.folded.get(account.name.folded()) {
            return Err(format!("{shown} stands in line {line} already"));
        }
        if let Some(line) = self.skeletons.get(account.name.skeleton()) {
            return Err(format!("{shown} looks like the name in line {line}"));
        }
        if let Some(line) = account.certificates.iter().find_map(|print| self.certificates.get(print)) {
            return Err(format!("{shown} has a certificate of line {line}"));
        }
        self.note(number, account);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const HEAD: &str = r#"{"throng":"accounts","version":1}"#;

    fn check(lines: &[&str], expected: Result<usize, &str>) {
        let found = parse(lines.join("\n").as_bytes()).unwrap();
        let found = found.map(|read| read.len()).map_err(|mistakes| mistakes.join("\n"));
        assert_eq!(found, expected.map_err(str::to_owned));
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let of = |name: &str| format!(r#"{{"name":"{name}","created":1}}"#);
        let (ana, bo) = (of("ana"), of("bo"));
        check(&[HEAD, &ana, "", &bo, ""], Ok(2));
        check(&[], Err("line 1: there is no account in it"));
        check(&[HEAD], Err("line 1: there is no account in it"));
        check(&[&ana], Err("line 1: a file of accounts begins with {\"throng\":\"accounts\",\"version\":1}"));
        check(
            &[HEAD, &ana, &of("ANA"), "{", &bo],
            Err("line 3: ANA stands in line 2 already\n\
                                                       line 4: no account: EOF while parsing an object"),
        );
        check(&[HEAD, &of("cyc"), &of("сус")], Err("line 3: сус looks like the name in line 2"));
        let print = format!(r#","certificates":["{}"]}}"#, "ab".repeat(32));
        let (ana, bo) = (ana.replace('}', &print), bo.replace('}', &print));
        check(&[HEAD, &ana, &bo], Err("line 3: bo has a certificate of line 2"));
        let long = "x".repeat(record::LINE_BYTES_MAX + 1);
        check(&[HEAD, &long, &ana], Err("line 2: it is longer than 4096 bytes"));
        assert_eq!(parse(&b"\xff\n"[..]).unwrap().unwrap_err(), ["line 1: it is not UTF-8"]);
    }

    #[test]
    fn mistakes_and_accounts_have_a_limit() {
        let wrong = std::iter::once(HEAD).chain(std::iter::repeat_n("{", 3 * MISTAKES_MAX));
        let wrong = wrong.collect::<Vec<_>>().join("\n");
        let mistakes = parse(wrong.as_bytes()).unwrap().unwrap_err();
        assert_eq!(mistakes.len(), MISTAKES_MAX + 1);
        let fault = mistaken(Path::new("a"), mistakes);
        assert_eq!(
            (fault.hints.len(), fault.hints.last().unwrap().as_str()),
            (MISTAKES_MAX + 1, "… and more")
        );
    }
}
