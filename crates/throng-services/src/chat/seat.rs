//! The loop of one client: read, let the door hear, ask the hub, and leave.
//!
//! The loop only takes; everything that the client is told goes through its outbox, from the worker. When the
//! hub's mailbox is full the loop waits there and stops reading, and that is the chat's one way of slowing down.

use std::rc::Rc;
use std::sync::Arc;

use throng_chat::pace::Pace;
use throng_chat::{Command, SessionId, Text};
use throng_server::{Conn, End, Outbox, Reader};
use throng_wire::sniff::{Speaks, Verdict, sniff};

use super::desk::{Bearer, Desk};
use super::door::irc::IrcDoor;
use super::door::web::{self, Entrance, PageDoor, WebDoor};
use super::door::{AccountAsk, Ask, Footing, Heard};
use super::seats::Started;
use super::worker::Core;

/// How long a client whose input ended waits for what it is still to be told.
const LEAVING_MAX: std::time::Duration = std::time::Duration::from_secs(5);

/// Serves one client to its end.
pub async fn serve(core: Rc<Core>, conn: Conn) -> throng_server::Result {
    // A seat is idle nearly always; it goes when the hub says farewell.
    conn.protect();
    let (id, from, entrance) = (conn.id(), conn.peer().address.clone(), Entrance::of(conn.peer()));
    let bearer = Bearer::of(conn.peer());
    let footing = bearer.footing(&from, core.identity.as_ref());
    let (reader, outbox) = conn.split();
    // It was let in before its address was banned, and not seated when those who were here were put out.
    if let Some(word) = core.bans.word_at(&from) {
        outbox.push(&word);
        outbox.finish(End::Kicked);
        return Ok(());
    }
    let session = core.seat(id, from, footing, outbox.clone());
    let mut seat = Taken { core, session, entrance, bearer, footing, desk: None, outbox, gone: false };
    let outcome = seat.converse(reader).await;
    seat.leave(outcome.as_ref().err()).await;
    Ok(outcome?)
}

/// A taken seat; however it ends, the hub hears of it and the place is free again.
struct Taken {
    core: Rc<Core>,
    session: SessionId,
    entrance: Entrance,
    bearer: Bearer,
    footing: Footing,
    /// Where its door asks about accounts, once it has asked.
    desk: Option<Box<Desk>>,
    outbox: Outbox,
    gone: bool,
}

impl Taken {
    async fn converse(&mut self, mut reader: Reader) -> std::io::Result<()> {
        let mut buffer = reader.buffer();
        if !self.open(&mut reader, &mut buffer).await? {
            return Ok(());
        }
        let mut pace = Pace::new(self.core.live.pace());
        loop {
            let asked = self.hear(&buffer).await;
            buffer.clear();
            let Some(asked) = asked else { return Ok(()) };
            pace.set(self.core.live.pace());
            let wait_ms = pace.take(reader.now_ms(), asked);
            if wait_ms > 0 {
                self.core.figures().paced.add(1);
                tokio::time::sleep(std::time::Duration::from_millis(wait_ms)).await;
            }
            if reader.read_into(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
    }

    /// Reads until the first bytes say how the client speaks. `false` when nothing more is to be served.
    async fn open(
        &mut self,
        reader: &mut Reader,
        buffer: &mut throng_server::Buffer,
    ) -> std::io::Result<bool> {
        loop {
            if reader.read_into(buffer).await? == 0 {
                return Ok(false);
            }
            match sniff(buffer) {
                Verdict::NeedMore => self.core.touch(self.session),
                Verdict::Sure(Speaks::Http) if self.core.started(self.session) == Started::Greeted => {
                    self.core.came_late(self.session);
                    self.outbox
                        .push(b"\r\nThis connection speaks plain lines by now; open the page anew.\r\n");
                    return Ok(false);
                }
                Verdict::Sure(Speaks::Http) => return Ok(self.serve_pages(reader, buffer).await),
                Verdict::Sure(Speaks::Tls) => {
                    self.outbox.finish(End::Failed("a protocol that is not served here".to_owned()));
                    return Ok(false);
                }
                Verdict::Sure(Speaks::Irc) => {
                    let door = IrcDoor::new(Arc::clone(&self.core.house), self.footing);
                    self.core.choose(self.session, Some(Box::new(door)));
                    return Ok(true);
                }
                Verdict::Sure(Speaks::Line) => {
                    self.core.choose(self.session, None);
                    return Ok(true);
                }
            }
        }
    }

    /// A browser loads the page, and opens a socket or goes.
    async fn serve_pages(&mut self, reader: &mut Reader, buffer: &mut throng_server::Buffer) -> bool {
        let house = Arc::clone(&self.core.house);
        self.core.choose(self.session, Some(Box::new(PageDoor)));
        reader.unread(buffer);
        // The storage goes back: the library reads into its own.
        *buffer = reader.buffer();
        let asked = || self.core.browser_asked(self.session);
        let visit = web::http::Visit { house: &house, health: &self.core.health, entrance: self.entrance };
        let served = web::http::serve(visit, reader, &self.outbox, asked);
        let Some(speech) = served.await else {
            return false;
        };
        self.core.enter_by(self.session, Box::new(WebDoor::new(IrcDoor::new(house, self.footing), speech)));
        true
    }

    /// Lets the door hear, and carries out what it asks; then what it kept for later, once it was answered.
    /// How much was asked, or nothing when the conversation is over.
    async fn hear(&mut self, bytes: &[u8]) -> Option<u32> {
        let mut heard = self.core.hear(self.session, bytes);
        let mut asked = 0;
        loop {
            // What the door kept for later comes when what it waits for is there, which may be so before one can look.
            let kept = heard.account.is_some() || self.core.is_waiting(self.session);
            asked += self.carry_out(heard).await?;
            if self.core.is_waiting(self.session) {
                if !self.core.answered(self.session).await {
                    return None;
                }
            } else if !kept {
                return Some(asked);
            }
            heard = self.core.hear(self.session, b"");
        }
    }

    async fn carry_out(&mut self, heard: Heard) -> Option<u32> {
        let asked = u32::try_from(heard.asks.len()).unwrap_or(u32::MAX);
        self.ask_all(heard.asks).await;
        if let Some(end) = heard.over {
            self.outbox.finish(end);
            return None;
        }
        match heard.account {
            None => Some(asked),
            // In a box: few seats ask, and all would carry the room for it.
            Some(ask) => Some(asked.saturating_add(Box::pin(self.settle(ask)).await?)),
        }
    }

    /// Asks about accounts, and carries out what the door asks for next.
    async fn settle(&mut self, mut ask: Box<AccountAsk>) -> Option<u32> {
        let mut asked = 0_u32;
        loop {
            let heard = self.ask_about_account(*ask).await;
            asked = asked.saturating_add(1 + u32::try_from(heard.asks.len()).unwrap_or(u32::MAX - 1));
            self.ask_all(heard.asks).await;
            if let Some(end) = heard.over {
                self.outbox.finish(end);
                return None;
            }
            match heard.account {
                None => return Some(asked),
                Some(next) => ask = next,
            }
        }
    }

    async fn ask_about_account(&mut self, ask: AccountAsk) -> Heard {
        let (core, session) = (&self.core, self.session);
        let Some(identity) = &core.identity else { return Heard::default() };
        if self.desk.is_none() {
            let Some(from) = core.address_of(session) else { return Heard::default() };
            let (hub, notes) = (core.hub.clone(), core.house.notes.clone());
            let shared = (identity, &core.bans);
            self.desk = Some(Box::new(Desk::new(shared, (&self.bearer, &from), session, hub, notes)));
        }
        let Some(desk) = &mut self.desk else { return Heard::default() };
        if core.was_signed_out(session) {
            desk.forget();
        }
        let answer = desk.ask(ask, |device| core.stand_on(session, device)).await;
        core.learn(session, answer)
    }

    async fn ask_all(&mut self, asks: Vec<Ask>) {
        for ask in asks {
            match ask {
                Ask::World(command) => {
                    self.gone |= command.is_farewell();
                    self.core.ask_hub(self.session, command).await;
                }
                Ask::History(errand) => self.core.run_errand(self.session, errand),
            }
        }
    }

    /// The hub hears that the session is over, and the client what it is still to be told.
    async fn leave(&mut self, fault: Option<&std::io::Error>) {
        if !self.gone {
            self.gone = true;
            self.core.hub.ask(self.session, Command::Gone(farewell_of(fault))).await;
        }
        if fault.is_none() {
            // Bounded, since a hub that waits for its disk may not answer for long.
            let _ = tokio::time::timeout(LEAVING_MAX, self.core.closed(self.session)).await;
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.core.leave(self.session);
        if !self.gone {
            // The loop was dropped or panicked. One ask per seat, so no more of these tasks than seats.
            let (core, session) = (Rc::clone(&self.core), self.session);
            tokio::task::spawn_local(async move {
                core.hub.ask(session, Command::Gone(farewell_of(None))).await;
            });
        }
    }
}

fn farewell_of(fault: Option<&std::io::Error>) -> Text {
    use std::io::ErrorKind::{ConnectionAborted, TimedOut};
    let words = match fault.map(|fault| (fault.kind(), End::of(fault))) {
        Some((_, Some(End::TooSlow))) => "too slow to read",
        Some((_, Some(End::TimedOut))) | Some((TimedOut, _)) => "timed out",
        Some((ConnectionAborted, _)) => "connection cut",
        Some(_) => "connection lost",
        None => "connection closed",
    };
    Text::new(words).expect("our own words are good text")
}
