//! The chat: people with names, and a folder in which what they say is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use throng_server::{Events, Running, Server, Workers};
use throng_services::chat::house::Changeable;
use throng_services::chat::{Chat, House, Notes, Settings as ChatSettings, house};
use throng_services::identity::{Identity, Operator};
use throng_store::{Accounts, Backups, Opened, Store};

use super::first_operator::FirstOperator;
use super::{Ground, Part, accounts};
use crate::accounts::Office;
use crate::fault::Fault;
use crate::settings::choices::Guests;
use crate::settings::{Settings, live};
use crate::{data, reporting, sharing};

/// The chat with its store, open; nobody comes in yet.
pub(super) struct OpenChat {
    pub chat: Arc<Chat>,
    pub identity: Identity,
    pub store: Arc<dyn Store>,
    pub backups: Arc<dyn Backups>,
    /// What is kept, for people.
    pub kept: String,
    pub first_operator: FirstOperator,
    operator: Operator,
    accounts: Arc<dyn Accounts>,
    folder: PathBuf,
    workers: usize,
}

impl OpenChat {
    /// On this store.
    pub(super) fn open(
        settings: &Settings,
        opened: Opened,
        folder: &Path,
        ground: &Ground,
        has_terminal: bool,
    ) -> Result<OpenChat, Fault> {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let workers = settings.workers.map_or_else(cores, usize::from);
        let notes = reporting::notes(Arc::clone(&ground.log), Arc::clone(&ground.directory));
        let (identity, notices) = accounts::start(settings, &opened, folder)?;
        let first_operator = FirstOperator::find(&identity, folder, has_terminal)?;
        let (store, backups) = (Arc::clone(&opened.store), Arc::clone(&opened.backups));
        let (operator, accounts) = (identity.operator(), Arc::clone(&opened.accounts));
        let kept = data::kept(&opened, settings.durability);
        let known = Some((identity.clone(), notices));
        let chat = Chat::open(house(settings, notes), opened, settings.durability, workers, known)
            .map_err(|why| Fault::failed(format!("cannot start the chat: {why}")))?;
        let folder = folder.to_owned();
        Ok(OpenChat {
            chat,
            identity,
            store,
            backups,
            kept,
            first_operator,
            operator,
            accounts,
            folder,
            workers,
        })
    }

    /// Lets people in.
    pub(super) fn start(&self, part: Part<'_>, ground: &Ground) -> Result<Running, Fault> {
        let (factory, keep) = (Arc::clone(&self.chat), part.config.settings.history_keep);
        let server = Server::local(move |worker| factory.worker(worker))
            .model(Events { workers: Workers::Count(self.workers) })
            .denied(self.chat.bans().denied());
        let running = part.start(server, ground)?;
        self.chat.past().on_trimmed(reporting::trimmed(Arc::clone(&ground.log)));
        self.chat.past().keep(keep);
        Ok(running)
    }

    /// Where it is kept.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Who looks after accounts.
    pub(super) fn office(&self) -> Office {
        Office {
            operator: self.operator.clone(),
            kept: Arc::clone(&self.accounts),
            backups: Arc::clone(&self.backups),
            folder: self.folder.clone(),
            hub: Some(self.chat.hub().clone()),
        }
    }
}

/// What others are told of it.
pub(super) fn sharing(settings: &Settings, in_file: bool) -> sharing::House {
    let (tls, plaintext) = (settings.tls_cert.is_some(), settings.accounts_allow_plaintext);
    sharing::House { tls, plaintext, guests: settings.accounts_guests != Guests::No, in_file }
}

fn house(settings: &Settings, notes: Notes) -> House {
    let chat = ChatSettings {
        name: settings.name.clone(),
        pace: live::pace(settings),
        guests: Changeable::of(live::guests(settings)),
        nameless_max: settings.timeouts_nameless,
        probe_after: settings.timeouts_probe,
        history_on_entry: Changeable::of(settings.chat_history_on_entry.into()),
        motd: Changeable::of(settings.chat_motd.clone()),
        hosts: Changeable::of(settings.chat_hosts.clone()),
        ..ChatSettings::default()
    };
    House { settings: chat, since: house::wall_clock(), now: house::wall_clock, notes }
}
