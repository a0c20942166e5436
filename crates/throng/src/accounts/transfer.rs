//! Accounts out of the store into a file, and out of a file into the store: all of a file or nothing of it.
//!
//! A file is read and looked at to its end before anything is changed, and a mistake is told with the number of its line. Then
//! everything is copied; should a change fail after all, what was before is put back from that copy.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use throng_services::chat::OperatorCommand;
use throng_store::accounts::{Account, Change};
use throng_wire::printable::printable;

use super::office::{Office, refused};
use super::wish::Done;
use super::{clearing, record};
use crate::banner::shown;
use crate::fault::Fault;

/// How many accounts one file may have: they are all in memory while they are looked at, some 60 MiB of them.
const ACCOUNTS_MAX: usize = 100_000;

/// How many mistakes are told at a time.
const MISTAKES_MAX: usize = 20;

/// What stands for standard input.
pub(super) const INPUT: &str = "-";

/// Writes all accounts into a new file, for its owner only.
pub(super) async fn export_to(office: &Office, to: PathBuf) -> Result<Done, Fault> {
    let failed = |why: &std::io::Error| match why.kind() {
        std::io::ErrorKind::AlreadyExists => {
            Fault::failed(format!("{} is there already", shown(&to))).hint("give a file that is not there")
        }
        _ => Fault::failed(format!("cannot write {}: {why}", shown(&to))),
    };
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&to).map_err(|why| failed(&why))?;
    let written = match write(office, &mut file).await {
        Ok(accounts) => file.sync_all().map(|()| accounts).map_err(|why| failed(&why)),
        Err(why) => Err(why),
    };
    match written {
        Ok(accounts) => Ok(Done::Exported(to, accounts)),
        Err(why) => {
            // Half an export is none. Where it stays, it lacks accounts, and nothing else is wrong with it.
            let _ = std::fs::remove_file(&to);
            Err(why)
        }
    }
}

/// Writes all accounts, a page at a time; how many.
pub(super) async fn write(office: &Office, to: &mut dyn Write) -> Result<u64, Fault> {
    let failed = |why| Fault::incomplete(format!("not all accounts were written: {why}"));
    let (mut accounts, mut after) = (0, None);
    let mut lines = format!("{}\n", record::head());
    loop {
        to.write_all(lines.as_bytes()).map_err(failed)?;
        let page = office.page(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        accounts += page.len() as u64;
        lines = page.iter().map(|account| record::line(account) + "\n").collect();
    }
    to.flush().map_err(failed)?;
    Ok(accounts)
}

/// An account and the line where it stands.
type Lined = (usize, Account);

/// Makes the accounts of a file.
pub(super) async fn import(office: &Office, from: PathBuf, replace: bool) -> Result<Done, Fault> {
    let read = read(&from)?;
    let replaced = compare(office, &from, &read, replace).await?;
    let backup = clearing::backup(office).await?;
    let accounts = read.len();
    match make(office, read, &replaced).await {
        Ok(()) => Ok(Done::Imported { from, accounts, replaced: replaced.len(), backup }),
        Err(why) => {
            match clearing::put_back(office, &backup).await {
                Ok(_) => Err(why.hint("nothing was changed")),
                Err(_) => Err(why
                    .hint(format!("and what was before could not be put back: it is in {}", shown(&backup)))),
            }
        }
    }
}

/// All accounts of a file, when there is no mistake in it.
fn read(from: &Path) -> Result<Vec<Lined>, Fault> {
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

fn mistaken(from: &Path, mut mistakes: Vec<String>) -> Fault {
    let more = mistakes.len() > MISTAKES_MAX;
    mistakes.truncate(MISTAKES_MAX);
    let fault = Fault::failed(format!("nothing was imported, since {} has mistakes", shown(from)));
    let fault = mistakes.into_iter().fold(fault, Fault::hint);
    if more { fault.hint("… and more") } else { fault }
}

/// What the lines before have, by where it stands.
#[derive(Default)]
struct Known {
    folded: BTreeMap<String, usize>,
    skeletons: BTreeMap<String, usize>,
    certificates: BTreeMap<[u8; 32], usize>,
}

impl Known {
    fn of(read: &[Lined]) -> Known {
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

/// Which of them are there already, by folded name; or why they may not be made.
async fn compare(
    office: &Office,
    from: &Path,
    read: &[Lined],
    replace: bool,
) -> Result<BTreeSet<String>, Fault> {
    let known = Known::of(read);
    let (mut replaced, mut mistakes) = (BTreeSet::new(), Vec::new());
    let mut after = None;
    loop {
        let page = office.page(after).await?;
        let Some(last) = page.last() else { break };
        after = Some(last.name.clone());
        for there in page {
            match against(&known, &there, replace) {
                Against::Nothing => {}
                Against::Replaces => drop(replaced.insert(there.name.folded().to_owned())),
                Against::Mistake(line, why) => mistakes.push((line, why)),
            }
        }
        if mistakes.len() > MISTAKES_MAX {
            break;
        }
    }
    if mistakes.is_empty() {
        return Ok(replaced);
    }
    mistakes.sort();
    let told = mistakes.into_iter().map(|(line, why)| format!("line {line}: {why}")).collect();
    Err(mistaken(from, told))
}

/// What an account that is there means for the file.
enum Against {
    Nothing,
    Replaces,
    Mistake(usize, String),
}

fn against(known: &Known, there: &Account, replace: bool) -> Against {
    let shown = printable(there.name.as_str());
    if let Some(line) = known.folded.get(there.name.folded()) {
        return match replace {
            true => Against::Replaces,
            false => {
                Against::Mistake(*line, format!("there is an account {shown} already; --replace replaces it"))
            }
        };
    }
    if let Some(line) = known.skeletons.get(there.name.skeleton()) {
        return Against::Mistake(*line, format!("its name looks like {shown}, which is an account"));
    }
    match there.certificates.iter().find_map(|print| known.certificates.get(print)) {
        Some(line) => {
            Against::Mistake(*line, format!("it has a certificate of {shown}, which is an account"))
        }
        None => Against::Nothing,
    }
}

/// First all that are replaced go, so that a certificate may have moved from one to another.
async fn make(office: &Office, read: Vec<Lined>, replaced: &BTreeSet<String>) -> Result<(), Fault> {
    for (_, account) in &read {
        let name = &account.name;
        if replaced.contains(name.folded()) {
            office.change(Change::Delete(name.clone())).await.map_err(|why| refused(name, &why))?;
            office.tell(OperatorCommand::Release(name.clone())).await;
        }
    }
    for (_, account) in read {
        let name = account.name.clone();
        office.change(Change::Create(account)).await.map_err(|why| refused(&name, &why))?;
        office.tell(OperatorCommand::Reserve(name, None)).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use throng_services::chat::house::wall_clock;
    use throng_services::chat::{Name, Names};
    use throng_services::identity::{Identity, Secret, Settings};
    use throng_store::accounts::{Accounts, Census, Changed, Found, Token};
    use throng_store::{DataFolder, Durability, Fault as StoreFault};

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

    /// A store in which nobody can be called bo.
    struct WithoutBo(Arc<dyn Accounts>);

    impl Accounts for WithoutBo {
        fn change(&self, change: Change, done: Changed) {
            match &change {
                Change::Create(account) if account.name.as_str() == "bo" => done(Err(StoreFault::Full)),
                _ => self.0.change(change, done),
            }
        }

        fn account(&self, name: Name, done: Found<Option<Account>>) {
            self.0.account(name, done);
        }

        fn by_certificate(&self, fingerprint: [u8; 32], done: Found<Option<Account>>) {
            self.0.by_certificate(fingerprint, done);
        }

        fn by_token(&self, hash: [u8; 32], done: Found<Option<(Account, Token)>>) {
            self.0.by_token(hash, done);
        }

        fn tokens(&self, name: Name, done: Found<Vec<Token>>) {
            self.0.tokens(name, done);
        }

        fn page(&self, after: Option<Name>, done: Found<Vec<Account>>) {
            self.0.page(after, done);
        }

        fn by_address(&self, address: Arc<str>, done: Found<Option<Name>>) {
            self.0.by_address(address, done);
        }

        fn census(&self, done: Found<Census>) {
            self.0.census(done);
        }
    }

    #[test]
    fn an_import_that_fails_half_way_leaves_all_as_it_was() {
        let place = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(place.path()).unwrap();
        let opened = throng_store::open(&folder, Durability::Strict).unwrap();
        let (kept, backups) = (opened.accounts, opened.backups);
        let settings = Settings::default();
        let (identity, _) =
            Identity::start(Arc::clone(&kept), settings, wall_clock, Secret::new([0; 32])).unwrap();
        let kept: Arc<dyn Accounts> = Arc::new(WithoutBo(kept));
        let operator = identity.operator();
        let office = Office { operator, kept, backups, folder: place.path().to_owned(), hub: None };
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let name = |typed: &str| Name::new(typed, Names::Unicode).unwrap();
        runtime.block_on(office.operator.create(&name("ana"), None)).unwrap();
        let before = runtime.block_on(office.account(&name("ana"))).unwrap();

        let file = place.path().join("in");
        let lines =
            ["ana", "cy", "bo"].map(|name| format!(r#"{{"name":"{name}","created":1,"operator":true}}"#));
        std::fs::write(&file, format!("{HEAD}\n{}", lines.join("\n"))).unwrap();
        let fault = runtime.block_on(import(&office, file, true)).unwrap_err();
        assert!(fault.what.contains("the disk is full"), "{fault}");
        assert_eq!(fault.hints, ["nothing was changed"]);
        assert_eq!(runtime.block_on(office.page(None)).unwrap(), [before]);
        opened.store.close();
    }
}
