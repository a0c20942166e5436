//! The hub's mailbox: what may come into it, and the handle by which it is put there. Bounded: seats wait for a place, operators are
//! told to come again.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use throng_chat::event::RoomLine;
use throng_chat::{Command, Name, OperatorCommand, Refusal, RoomName, SessionId, Text};
use tokio::sync::mpsc;

use crate::bans::{Deaf, Hears, News, Place};
use crate::identity::Which;

/// Commands that may wait for the hub. When it is full, seats stop reading their clients.
pub const MAILBOX_MAX: usize = 4096;

/// Is told once how an operator's command went; on the hub's own thread, so it must be short.
pub struct Operated(pub(super) Box<dyn FnOnce(Result<(), Refused>) + Send>);

impl std::fmt::Debug for Operated {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operated")
    }
}

/// What comes into the mailbox.
#[derive(Debug)]
pub enum Mail {
    /// A session asks; of what is said, since when it is on its way ([`super::figures`]).
    Ask(SessionId, Command, Option<Duration>),
    /// The operator asks; how it went is told to the one who waits.
    Operate(OperatorCommand, Operated),
    /// Something became of accounts that nobody can refuse.
    Fact(OperatorCommand),
    /// Somebody is banned, or no longer. Nobody can refuse that either.
    Bans(News),
    /// Devices of this account were signed out: the seats that stand on their tokens end, but for the one that asked for it.
    Revoked(Name, Which, Option<SessionId>),
    /// The operator looks.
    Look(SyncSender<Status>),
    /// Is anybody there?
    Knock(SyncSender<()>),
    /// Take no more commands, wait for the store, say goodbye to everybody; then the hub ends.
    Drain(Text, SyncSender<usize>),
}

/// The operator's command was refused; the names are near to what was asked for.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub why: Refusal,
    /// What could have been meant.
    pub nearest: Vec<Name>,
}

/// How the chat is.
#[derive(Clone, Debug)]
pub struct Status {
    /// How many people are here.
    pub people: usize,
    /// The rooms with somebody in them, the fullest first.
    pub rooms: Vec<RoomLine>,
    /// Everybody with their sessions and rooms, by name, at most `Limits::list_people_max`.
    pub who: Vec<PersonHere>,
    /// Messages stored since the start.
    pub stored: u64,
    /// `None` while everything can be stored, else why not.
    pub read_only: Option<Arc<str>>,
}

/// One person, for the operator.
#[derive(Clone, Debug)]
pub struct PersonHere {
    /// Who.
    pub name: Name,
    /// Their sessions.
    pub sessions: Vec<SessionId>,
    /// Where.
    pub rooms: Vec<RoomName>,
}

/// How others reach the hub. Cheap to clone.
#[derive(Clone, Debug)]
pub struct HubHandle {
    mailbox: mpsc::Sender<Mail>,
}

impl HubHandle {
    /// A mailbox: the handle, and where the hub takes what comes.
    pub(super) fn open() -> (HubHandle, mpsc::Receiver<Mail>) {
        let (mailbox, mail) = mpsc::channel(MAILBOX_MAX);
        (HubHandle { mailbox }, mail)
    }

    /// Asks; waits while the mailbox is full. After the hub ended, asks go nowhere.
    pub async fn ask(&self, session: SessionId, command: Command) {
        self.ask_at(session, command, None).await;
    }

    /// The same, of something that is on its way since then.
    pub async fn ask_at(&self, session: SessionId, command: Command, at: Option<Duration>) {
        // An error means that the server is over; the seat will hear that from its own connection.
        self.send(Mail::Ask(session, command, at)).await;
    }

    /// How many asks wait for the hub.
    pub fn waiting(&self) -> usize {
        MAILBOX_MAX - self.mailbox.capacity()
    }

    /// Knocks: whoever holds the receiver hears when the hub has come to it. `None` when the hub has ended, or when its
    /// mailbox is full, which it empties only while its store answers.
    pub fn knock(&self) -> Option<Receiver<()>> {
        let (answer, answered) = sync_channel(1);
        self.mailbox.try_send(Mail::Knock(answer)).ok()?;
        Some(answered)
    }

    /// Does what an operator asks. Blocks, so not for a seat.
    ///
    /// # Errors
    /// When the hub has ended, or waits for its store.
    pub fn operate(&self, command: OperatorCommand) -> Result<Result<(), Refused>, NoAnswer> {
        self.consult(|answer| {
            // An operator who no longer waits has no further wish.
            Mail::Operate(command, Operated(Box::new(move |outcome| drop(answer.send(outcome)))))
        })
    }

    /// Does what an operator asks who came as a client; `done` is told, unless the hub has ended.
    pub async fn operate_then(
        &self,
        command: OperatorCommand,
        done: impl FnOnce(Result<(), Refused>) + Send + 'static,
    ) {
        self.send(Mail::Operate(command, Operated(Box::new(done)))).await;
    }

    /// Puts something into the mailbox; waits while it is full. After the hub ended, it goes nowhere.
    pub(super) async fn send(&self, mail: Mail) {
        let _ = self.mailbox.send(mail).await;
    }

    /// How is the chat? Blocks, so not for a seat.
    ///
    /// # Errors
    /// When the hub has ended, or waits for its store.
    pub fn status(&self) -> Result<Status, NoAnswer> {
        self.consult(Mail::Look)
    }

    /// Ends the chat: no more commands, what is stored is told, everybody hears `farewell` once. The number of people
    /// who were here comes when that is done. Blocks while the mailbox is full, so not for a seat. `None` when the hub has
    /// ended already.
    pub fn drain(&self, farewell: Text) -> Option<Receiver<usize>> {
        let (answer, answered) = sync_channel(1);
        self.mailbox.blocking_send(Mail::Drain(farewell, answer)).ok()?;
        Some(answered)
    }

    fn consult<T>(&self, mail: impl FnOnce(SyncSender<T>) -> Mail) -> Result<T, NoAnswer> {
        let (answer, answered) = sync_channel(1);
        self.mailbox.try_send(mail(answer)).map_err(|why| match why {
            mpsc::error::TrySendError::Full(_) => NoAnswer::Busy,
            mpsc::error::TrySendError::Closed(_) => NoAnswer::Over,
        })?;
        answered.recv_timeout(ANSWER_MAX).map_err(|why| match why {
            std::sync::mpsc::RecvTimeoutError::Timeout => NoAnswer::Busy,
            std::sync::mpsc::RecvTimeoutError::Disconnected => NoAnswer::Over,
        })
    }
}

impl Hears for HubHandle {
    fn place(&self) -> Result<Place, Deaf> {
        let place = self.mailbox.clone().try_reserve_owned().map_err(|why| match why {
            mpsc::error::TrySendError::Full(_) => Deaf::Busy,
            mpsc::error::TrySendError::Closed(_) => Deaf::Over,
        })?;
        Ok(Box::new(move |news| drop(place.send(Mail::Bans(news)))))
    }
}

/// How long an operator waits for the hub.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// The hub did not answer an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoAnswer {
    /// It takes no more at this moment: most likely it waits for its store.
    Busy,
    /// It has ended.
    Over,
}
