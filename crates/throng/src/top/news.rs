//! What comes from the server: one thread asks it once a second and carries commands to it, another follows its log. Each has a
//! conversation of its own, and calls again when that ends, since a restart brings the server back.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::time::Duration;

use serde::de::DeserializeOwned;
use throng_services::control::Done;

use super::seen::{Clients, Status};
use crate::control::client::{self, Client, Sought};
use crate::control::remote::told;
use crate::fault::Fault;

/// How often the server is asked, and called when it is not there.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// How long a server may take to answer before it is called anew.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// How much may wait to be shown. When it is full, who brings more waits.
const NEWS_MAX: usize = 256;

/// How many commands may wait for the server.
const COMMANDS_MAX: usize = 8;

/// Something new.
pub enum News {
    /// How the server is.
    Status(Box<Status>),
    /// Who is connected.
    Clients(Clients),
    /// A line of the log.
    Logged(String),
    /// What a command came to.
    Said(String),
    /// The server does not answer, and why.
    Gone(String),
}

/// Where news come in, and commands go out.
pub struct Newsroom {
    news: Receiver<News>,
    commands: SyncSender<Wanted>,
}

/// What is asked.
pub enum Wanted {
    /// This command, at once.
    Command(String),
    /// The list of clients in this order, from now on.
    Order(&'static str),
    /// The next one of several services, from now on.
    NextService,
}

impl Newsroom {
    /// Asks this server from now on.
    pub fn open(client: Client, sought: Sought) -> Result<Newsroom, Fault> {
        let (tell, news) = sync_channel(NEWS_MAX);
        let (commands, asked) = sync_channel(COMMANDS_MAX);
        let (log_tell, log_sought) = (tell.clone(), sought.clone());
        let begun = |why: std::io::Error| Fault::failed(format!("no more threads: {why}"));
        let thread = || std::thread::Builder::new();
        thread()
            .name("throng-top-log".to_owned())
            .spawn(move || follow(&log_sought, &log_tell))
            .map_err(begun)?;
        thread()
            .name("throng-top".to_owned())
            .spawn(move || {
                Reporter { client: Some(client), sought, tell, order: "queue", place: 0 }.report(&asked);
            })
            .map_err(begun)?;
        Ok(Newsroom { news, commands })
    }

    /// What has come.
    pub fn take(&self) -> Vec<News> {
        let mut all = Vec::new();
        while all.len() < NEWS_MAX {
            match self.news.try_recv() {
                Ok(news) => all.push(news),
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
            }
        }
        all
    }

    /// Asks the server for something. When it has not answered so many before, this one is forgotten.
    pub fn ask(&self, wanted: Wanted) {
        let _ = self.commands.try_send(wanted);
    }
}

/// The thread that asks.
struct Reporter {
    client: Option<Client>,
    sought: Sought,
    tell: SyncSender<News>,
    order: &'static str,
    /// Which one of several services, counted on and on.
    place: usize,
}

impl Reporter {
    fn report(mut self, commands: &Receiver<Wanted>) {
        loop {
            let news = self.look().unwrap_or_else(|why| vec![News::Gone(why.what)]);
            if news.into_iter().any(|news| self.tell.send(news).is_err()) {
                return;
            }
            match commands.recv_timeout(ASK_EVERY) {
                Ok(Wanted::Command(line)) => {
                    let said = self.ask(&line, true).map_or_else(|why| why.what, told);
                    let _ = self.tell.send(News::Said(said));
                }
                Ok(Wanted::Order(order)) => self.order = order,
                Ok(Wanted::NextService) => self.place = self.place.wrapping_add(1),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&mut self) -> Result<Vec<News>, Fault> {
        let status: Status = self.data::<Status>("status")?.choose(self.place);
        let of = status.place.map_or(String::new(), |_| format!(" --service {}", status.service));
        let clients: Clients = self.data(&format!("clients --sort {} --limit 200{of}", self.order))?;
        Ok(vec![News::Status(Box::new(status)), News::Clients(clients)])
    }

    fn data<T: DeserializeOwned + Default>(&mut self, line: &str) -> Result<T, Fault> {
        let done = client::outcome(self.ask(line, false)?)?;
        serde_json::from_value(done.data).map_err(|why| Fault::failed(format!("not understood: {why}")))
    }

    /// Asks; a conversation that breaks is forgotten.
    fn ask(&mut self, line: &str, yes: bool) -> Result<Done, Fault> {
        let mut client = match self.client.take() {
            Some(client) => client,
            None => client::find(&self.sought)?,
        };
        client.patience(Some(ANSWER_MAX)).map_err(client::cut)?;
        let done = client.carry_out(line, yes, |_| Ok(()))?;
        self.client = Some(client);
        Ok(done)
    }
}

/// Follows the log until nobody looks any more.
fn follow(sought: &Sought, tell: &SyncSender<News>) {
    let mut looked_at = true;
    while looked_at {
        let followed = client::find(sought).and_then(|mut client| {
            // At least once a second something is said, so a server that is gone is noticed.
            client.patience(Some(ANSWER_MAX)).map_err(client::cut)?;
            client.carry_out("logs follow", false, |line| {
                looked_at = tell.send(News::Logged(line.text)).is_ok();
                if looked_at { Ok(()) } else { Err(Fault::unheard()) }
            })
        });
        if looked_at {
            // The log ended, or the conversation did.
            drop(followed);
            wait();
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a server that is not there says nothing that could be waited for"
)]
fn wait() {
    std::thread::sleep(ASK_EVERY);
}
