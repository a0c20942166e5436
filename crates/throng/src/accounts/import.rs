//! The accounts of a file, made: all of them or none. When the file has no mistake, everything is copied; should a change fail
//! after all, what was before is put back from that copy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use throng_services::chat::OperatorCommand;
use throng_store::accounts::{Account, Change};
use throng_wire::printable::printable;

use super::clearing;
use super::office::{Office, refused};
use super::reading::{Known, Lined, MISTAKES_MAX, mistaken, read};
use super::wish::Done;
use crate::banner::shown;
use crate::fault::Fault;

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
    use throng_store::{DataFolder, Durability, Fault as StoreFault, Time};

    use super::*;

    const HEAD: &str = r#"{"throng":"accounts","version":1}"#;

    fn account(name: &str, certificates: &[[u8; 32]]) -> Account {
        Account {
            name: Name::new(name, Names::Unicode).unwrap(),
            created: Time(1),
            seen: None,
            verifier: None,
            suspended: false,
            operator: false,
            recognised: false,
            certificates: certificates.to_vec(),
        }
    }

    #[test]
    fn what_is_there_may_stand_in_the_way() {
        let known = Known::of(&[(2, account("ana", &[[1; 32]])), (3, account("cyc", &[]))]);
        let check = |there: Account, replace, expected: Result<bool, &str>| {
            let found = match against(&known, &there, replace) {
                Against::Nothing => Ok(false),
                Against::Replaces => Ok(true),
                Against::Mistake(line, why) => Err(format!("line {line}: {why}")),
            };
            assert_eq!(found, expected.map_err(str::to_owned), "{}", there.name.as_str());
        };
        check(account("bo", &[[2; 32]]), false, Ok(false));
        let there = "line 2: there is an account ANA already; --replace replaces it";
        check(account("ANA", &[]), false, Err(there));
        check(account("ANA", &[[1; 32]]), true, Ok(true));
        for replace in [false, true] {
            check(account("сус", &[]), replace, Err("line 3: its name looks like сус, which is an account"));
            let taken = "line 2: it has a certificate of bo, which is an account";
            check(account("bo", &[[1; 32]]), replace, Err(taken));
        }
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
