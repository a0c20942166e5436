//! From what happens to the event log: the server's events and the chat's notes become lines that say who, from where,
//! which door, joined, said *that* something was said but never what, left and why.

use std::sync::Arc;

use throng_server::Event as Happened;
use throng_services::chat::{Note, Notes};
use throng_store::past::Trimmed;

use crate::directory::{Directory, door_name};
use crate::log::{Event, Log};

/// The sink of the chat's notes.
pub fn notes(log: Arc<Log>, directory: Arc<Directory>) -> Notes {
    Notes::to(move |note| {
        directory.learn(&note);
        log.tell(event_of(&note, &directory));
    })
}

/// The sink of a server's events, which say of which service they are where there are several.
pub fn events(
    log: Arc<Log>,
    directory: Arc<Directory>,
    service: Option<String>,
) -> impl Fn(&Happened) + Send + Sync {
    let tell = move |event: Event| log.tell(event.with_some("service", service.as_ref()));
    move |happened| match happened {
        Happened::Opened { id, peer, .. } => {
            tell(Event::info("client.connected").count("conn", id.0).with("from", &peer.address));
        }
        Happened::Closed { id, peer, end, bytes_in, bytes_out, lasted } => {
            let name = directory.client(*id).and_then(|client| client.name);
            directory.forget(*id);
            let event = Event::info("client.closed").count("conn", id.0).with_some("name", name);
            let event = event.with_some("tls", peer.tls().map(|secured| &secured.version));
            let event = event.with("end", end).count("bytes_in", *bytes_in).count("bytes_out", *bytes_out);
            tell(event.count("ms", lasted.as_millis()));
        }
        Happened::Rejected { peer, why } => {
            tell(Event::warn("client.rejected").with("from", &peer.address).with("why", why.name()));
        }
        Happened::Blocked { thread, id, lasted, over, .. } => {
            let kind = if *over { "worker.unblocked" } else { "worker.blocked" };
            let event = Event::warn(kind).with("thread", thread).with_some("conn", id.as_ref());
            tell(event.count("ms", lasted.as_millis()));
        }
        Happened::CertificateRead { certificate, failed } => tell(match failed {
            None => Event::info("tls.certificate_read").with("file", certificate),
            Some(why) => Event::error("tls.certificate_kept").with("file", certificate).with("why", why),
        }),
        Happened::WorkerEnded { worker, pid, how, restart_in } => {
            let event = Event::warn("worker.ended").count("worker", *worker as u64).with_some("pid", *pid);
            let restart_in_ms = restart_in.map(|time| time.as_millis());
            tell(event.with("how", how).with_some("restart_in_ms", restart_in_ms));
        }
        Happened::AcceptFailed { why } => tell(Event::error("server.accept_failed").with("why", why)),
        // Events that later versions of the library add are no secret, but not known here.
        _ => {}
    }
}

/// The sink of what goes because it is beyond what is kept.
pub fn trimmed(log: Arc<Log>) -> Trimmed {
    Box::new(move |trimmed| match trimmed {
        Ok(tally) => log.tell(
            Event::info("history.trimmed")
                .count("messages", tally.messages)
                .count("rooms", tally.rooms.len() as u64),
        ),
        Err(halted) => {
            log.tell(Event::error("history.not_trimmed").count("gone", halted.gone).with("why", &halted.why));
        }
    })
}

fn event_of(note: &Note, directory: &Directory) -> Event {
    let name = |session: u64| directory.name(session);
    match note {
        Note::Opened { conn, session, from, door } => {
            let event = Event::info("client.opened").count("conn", conn.0).count("session", session.0);
            event.with("from", from).with("door", door_name(*door))
        }
        Note::Named(session, name) => {
            Event::info("client.named").count("session", session.0).with("name", name.as_str())
        }
        Note::Joined(session, room) => {
            Event::info("client.joined").with("name", name(session.0)).with("room", room.as_str())
        }
        Note::Left(session, room) => {
            Event::info("client.left").with("name", name(session.0)).with("room", room.as_str())
        }
        Note::Said(session, room, kind) => {
            let form = format!("{kind:?}").to_lowercase();
            Event::info("client.said")
                .with("name", name(session.0))
                .with("room", room.as_str())
                .with("form", form)
        }
        Note::Whispered(session) => Event::info("client.whispered").with("name", name(session.0)),
        Note::Refused(session, why) => {
            Event::info("client.refused").with("name", name(session.0)).with("why", why)
        }
        Note::Registered(session, account) => {
            Event::info("account.registered").with("account", account.as_str()).with("name", name(session.0))
        }
        Note::SignedIn(session, account, by) => {
            let event = Event::info("account.signed_in").with("account", account.as_str());
            event.with("name", name(session.0)).with("by", by)
        }
        Note::SignedOut(session) => Event::info("account.signed_out").with("name", name(session.0)),
        Note::NotSignedIn { session, by, why } => {
            let event = Event::warn("account.refused").count("session", session.0);
            event.with("name", name(session.0)).with("by", by).with("why", why)
        }
        Note::Killed { name, by } => {
            Event::info("client.killed").with("name", name.as_str()).with("by", format!("account {by}"))
        }
        Note::Announced { by } => Event::info("server.wallops").with("by", format!("account {by}")),
        Note::Gone(session, why) => {
            Event::info("client.gone").with("name", name(session.0)).with("reason", why.as_str())
        }
        Note::Store(Ok(())) => Event::info("store.writable"),
        Note::Store(Err(why)) => Event::error("store.readonly").with("why", why),
    }
}
