//! `throng account`: opens the data folder as a server would, does what is asked, and says what came of it.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use throng_services::chat::house::wall_clock;
use throng_services::identity::secret::random;
use throng_services::identity::{Identity, Secret, Settings};
use throng_store::{DataFolder, Durability, Opened};
use throng_wire::printable::printable;
use tokio::runtime::Runtime;

use super::asked::{Account, Verb};
use super::confirm::Confirm;
use super::office::Office;
use super::sheet::Sheet;
use super::shown::{self, By};
use super::wish::{Done, Wish};
use super::{export, given, machine, reading, told};
use crate::fault::Fault;
use crate::log::{Log, Sight, segments};
use crate::screen::{self, Screen};
use crate::{banner, config, data, question};

/// How long the last event may take to be written.
const LOG_PATIENCE: Duration = Duration::from_secs(2);

/// Does what is asked. Gives the exit code.
pub fn account(asked: &Account) -> Result<u8, Fault> {
    let path = asked.data.clone().map_or_else(config::data_folder, Ok)?;
    // Only what makes accounts may begin a folder.
    if !throng_store::is_in(&path) && !matches!(asked.verb, Verb::Create { .. } | Verb::Import { .. }) {
        return Err(Fault::failed(format!("there are no accounts in {}", banner::shown(&path)))
            .hint("give the folder that the server has: --data DIR")
            .hint("or make the first account: throng account create NAME"));
    }
    let folder =
        DataFolder::open(&path).map_err(|why| data::in_use(&path, &why, typed_there(&asked.verb)))?;
    let opened = throng_store::open(&folder, Durability::Strict).map_err(|why| data::refused(&path, &why))?;
    let store = Arc::clone(&opened.store);
    let outcome = Counter::open(asked, &path, opened).and_then(|counter| counter.serve());
    store.close();
    outcome
}

/// What one types at the server's own prompt instead.
fn typed_there(verb: &Verb) -> &'static str {
    match verb {
        Verb::List { .. } => "account list",
        Verb::Show { .. } => "account show NAME",
        Verb::Create { .. } => "account create NAME",
        Verb::Reset { .. } => "account reset NAME",
        Verb::Suspend { .. } => "account suspend NAME",
        Verb::Unsuspend { .. } => "account unsuspend NAME",
        Verb::Delete { .. } => "account delete NAME",
        Verb::Operator { .. } => "account operator NAME",
        Verb::Revoke { .. } => "account revoke NAME",
        Verb::Export { .. } => "account export FILE",
        Verb::Import { .. } => "account import FILE",
        Verb::Clear { .. } => "identities clear",
        Verb::Restore { .. } => "identities restore BACKUP",
    }
}

/// What one command works with.
struct Counter<'a> {
    verb: &'a Verb,
    by: By,
    office: Office,
    runtime: Runtime,
    path: &'a Path,
    zone: TimeZone,
}

impl<'a> Counter<'a> {
    fn open(asked: &'a Account, path: &'a Path, opened: Opened) -> Result<Counter<'a>, Fault> {
        let unable =
            |why: &dyn std::fmt::Display| Fault::failed(format!("cannot look after accounts: {why}"));
        let scram = match &asked.verb {
            Verb::Create { password, .. } | Verb::Reset { password, .. } => password.accounts_scram,
            _ => false,
        };
        // Nobody signs in here, so nothing is shown that should look the same another time.
        let secret = Secret::new(random().map_err(|_| unable(&"the system gives no random bytes"))?);
        let settings = Settings { scram, ..Settings::default() };
        let (kept, backups) = (Arc::clone(&opened.accounts), opened.backups);
        // Nobody hears the notices: there is no chat.
        let (identity, _) =
            Identity::start(opened.accounts, settings, wall_clock, secret).map_err(|why| unable(&why))?;
        let office =
            Office { operator: identity.operator(), kept, backups, folder: path.to_owned(), hub: None };
        let runtime = tokio::runtime::Builder::new_current_thread().build().map_err(|why| unable(&why))?;
        let (by, zone) = (By::Command(asked.data.clone()), TimeZone::system());
        Ok(Counter { verb: &asked.verb, by, office, runtime, path, zone })
    }

    fn serve(&self) -> Result<u8, Fault> {
        match self.verb {
            Verb::List { json } => return self.list(*json),
            Verb::Export { file: None } => return self.export(),
            _ => {}
        }
        let Some(wish) = self.wish()? else { return Ok(0) };
        let done = self.runtime.block_on(self.office.carry_out(wish))?;
        self.note(&done);
        match (&done, self.verb) {
            (Done::Shown(account, tokens), Verb::Show { json: true, .. }) => {
                screen::tell_stdout(&machine::line(account, Some(tokens)));
            }
            _ => screen::tell_stdout(&shown::text(&done, &self.by, &self.zone)),
        }
        Ok(0)
    }

    /// What is wished, when all is known and was agreed to; nothing when there is nothing to do.
    fn wish(&self) -> Result<Option<Wish>, Fault> {
        Ok(Some(match self.verb {
            Verb::List { .. } | Verb::Export { file: None } => unreachable!("they write page by page"),
            Verb::Show { name, .. } => Wish::Show(name.clone()),
            Verb::Create { name, operator, password } => {
                // Nobody types a password for what cannot be made.
                self.runtime.block_on(self.office.is_free(name))?;
                let password = given::password(password, name)?;
                Wish::Create { name: name.clone(), password, operator: *operator }
            }
            Verb::Reset { name, password } => {
                // Nobody types a password for somebody who is not there.
                let name = self.runtime.block_on(self.office.account(name))?.name;
                let password = given::password(password, &name)?;
                Wish::Reset(name, password)
            }
            Verb::Suspend { name } => Wish::Suspend(name.clone()),
            Verb::Unsuspend { name } => Wish::Unsuspend(name.clone()),
            Verb::Delete { name, yes } => {
                let name = self.runtime.block_on(self.office.account(name))?.name;
                agree(&Confirm::delete(&name), *yes)?;
                Wish::Delete(name)
            }
            Verb::Operator { name, remove } => Wish::SetOperator(name.clone(), !remove),
            Verb::Revoke { name } => Wish::Revoke(name.clone()),
            Verb::Export { file: Some(file) } => Wish::Export(file.clone()),
            Verb::Import { file, replace } => Wish::Import { from: file.clone(), replace: *replace },
            Verb::Clear { yes } => {
                let census = self.runtime.block_on(self.office.census())?;
                if census.accounts == 0 {
                    screen::tell_stdout("There are no accounts, so there is nothing to clear.");
                    return Ok(None);
                }
                agree(&Confirm::clear(&census), *yes)?;
                Wish::Clear
            }
            Verb::Restore { backup } => Wish::Restore(backup.clone()),
        }))
    }

    /// All accounts, page by page. Whoever reads no more ends it without a word.
    fn list(&self, json: bool) -> Result<u8, Fault> {
        let (mut after, mut sheet) = (None, Sheet::new(self.zone.clone()));
        let mut output = std::io::stdout().lock();
        loop {
            let page = self.runtime.block_on(self.office.page(after.clone()))?;
            let first = after.is_none();
            let Some(last) = page.last() else {
                if first && !json {
                    drop(output);
                    screen::tell_stdout(&shown::text(&Done::Listed(page, 0), &self.by, &self.zone));
                }
                return Ok(0);
            };
            after = Some(last.name.clone());
            let text = match json {
                true => page.iter().map(|account| machine::line(account, None) + "\n").collect(),
                false => sheet.page(&page),
            };
            if output.write_all(text.as_bytes()).and_then(|()| output.flush()).is_err() {
                return Ok(1);
            }
        }
    }

    /// To standard output.
    fn export(&self) -> Result<u8, Fault> {
        let accounts = self.runtime.block_on(export::write(&self.office, &mut std::io::stdout().lock()))?;
        self.note(&Done::Exported(PathBuf::from(reading::INPUT), accounts));
        Ok(0)
    }

    /// Puts what came of it into the log that the server keeps in its folder.
    fn note(&self, done: &Done) {
        let Some(event) = told::event(done, &self.by) else { return };
        let log =
            Log::open(Some(&self.path.join("events")), segments::BOUNDS, Sight::Prompt, Screen::start());
        log.tell(event);
        log.settle(LOG_PATIENCE);
    }
}

/// Asks for the word, unless that was said.
fn agree(confirm: &Confirm, yes: bool) -> Result<(), Fault> {
    if yes {
        return Ok(());
    }
    let word = printable(&confirm.word).into_owned();
    match question::typed(&format!("{}\n> ", confirm.question())) {
        Some(answer) if answer == confirm.word => Ok(()),
        Some(_) => Err(Fault::refused(format!("nothing was changed: the answer was not {word}"))),
        None => {
            let what = confirm.what.lines().next().unwrap_or_default();
            Err(Fault::usage(format!("this must be agreed to, and there is no terminal to ask. {what}"))
                .hint("if it is meant: --yes"))
        }
    }
}
