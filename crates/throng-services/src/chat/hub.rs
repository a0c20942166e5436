//! The hub: it owns the world, and is the only one that changes it. No lock, one total order.
//!
//! It takes commands in turns from its bounded mailbox, applies each, holds back what must be stored first
//! ([`super::held`]), and at the end of the turn sends each worker one list of deliveries. Seats wait for the
//! mailbox; the hub waits for the store (by not taking commands) and for a worker's list to be taken; a worker
//! waits for nobody.
//!
//! When a commit fails, what was held becomes refusals and the world goes back to where it was before the first
//! of them: nobody was told anything of it, so for everybody it was never asked.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use throng_chat::{
    Ban, Command, Event, Limits, Name, OperatorCommand, Output, Refusal, RoomName, SessionId, Stamp, Target,
    Text, Time, World,
};
use throng_store::{Durability, Fault, Health, KeptRoom, Store};
use tokio::sync::{mpsc, watch};

use super::delivery::Delivery;
use super::figures::Figures;
use super::held::{Again, Held, Queue};
use super::mailbox::{HubHandle, Mail, PersonHere, Refused, Status};
use super::notes::{Note, Notes};
use super::routes::Routes;
use crate::bans::News;

/// Commands that one turn takes at most, so that what they cause leaves soon.
const TURN_MAX: usize = 512;

/// Who asks where the server itself does: nobody has this session, so there is nobody to refuse anything to.
const SERVER: SessionId = SessionId(u64::MAX);

/// What the hub is made from.
pub struct Parts {
    /// What may be how many.
    pub limits: Limits,
    /// Which names are good.
    pub names: throng_chat::Names,
    /// What people may be called who have no account.
    pub guests: throng_chat::Guests,
    /// Where records go.
    pub store: Arc<dyn Store>,
    /// The rooms that the store knows.
    pub rooms: Vec<KeptRoom>,
    /// The accounts that there are.
    pub accounts: Vec<Name>,
    /// Who is not wanted, but for addresses.
    pub bans: Vec<Ban>,
    /// What the store promises.
    pub durability: Durability,
    /// The way to each worker.
    pub workers: Vec<mpsc::Sender<Vec<Delivery>>>,
    /// What time it is.
    pub now: fn() -> Time,
    /// Where it is noted what happens.
    pub notes: Notes,
    /// Where it is counted.
    pub figures: Arc<Figures>,
}

/// The hub itself: one value, run by one task.
pub struct Hub {
    world: World,
    queue: Queue,
    routes: Routes,
    /// The last released sequence of each room that has one.
    last_seqs: HashMap<RoomName, u64>,
    store: Arc<dyn Store>,
    workers: Vec<mpsc::Sender<Vec<Delivery>>>,
    now: fn() -> Time,
    notes: Notes,
    figures: Arc<Figures>,
    /// When the commit that is under way began.
    committing: Duration,
    mailbox: mpsc::Receiver<Mail>,
    /// The store's answers: one commit is under way at a time, so one place is enough.
    answers: mpsc::Receiver<Result<Vec<Stamp>, Fault>>,
    answer: mpsc::Sender<Result<Vec<Stamp>, Fault>>,
    health: watch::Receiver<Health>,
    draining: Option<(Text, SyncSender<usize>)>,
}

impl Hub {
    /// Makes the hub and the handle to it.
    pub fn new(parts: Parts) -> (Hub, HubHandle) {
        let (handle, mail) = HubHandle::open();
        let (answer, answers) = mpsc::channel(1);
        let (health_told, health) = watch::channel(Health::Writable);
        let notes = parts.notes.clone();
        parts.store.on_health(Box::new(move |health| {
            notes.take(Note::Store(match &health {
                Health::Writable => Ok(()),
                Health::ReadOnly { why } => Err(Arc::clone(why)),
            }));
            health_told.send_replace(health);
        }));
        let mut world = World::new(parts.limits, parts.names, parts.guests);
        let mut last_seqs = HashMap::new();
        for room in parts.rooms {
            last_seqs.insert(room.name.clone(), room.last_seq);
            world.keep_room(room.name, room.topic);
        }
        parts.accounts.into_iter().for_each(|account| world.keep_account(account));
        parts.bans.into_iter().for_each(|ban| world.keep_ban(ban));
        let hub = Hub {
            world,
            queue: Queue::default(),
            routes: Routes::new(parts.workers.len()),
            last_seqs,
            store: parts.store,
            workers: parts.workers,
            now: parts.now,
            notes: parts.notes,
            figures: parts.figures,
            committing: Duration::ZERO,
            mailbox: mail,
            answers,
            answer,
            health,
            draining: None,
        };
        (hub, handle)
    }

    /// Runs until it is drained or nobody can reach it any more.
    pub async fn run(mut self) {
        let mut mail = Vec::with_capacity(TURN_MAX);
        // Nobody can reach the hub any more.
        let mut closed = false;
        loop {
            let takes_mail = !closed && self.draining.is_none() && self.queue.has_room();
            tokio::select! {
                biased;
                Some(answer) = self.answers.recv() => self.hear_store(answer),
                came = self.mailbox.recv_many(&mut mail, TURN_MAX), if takes_mail => {
                    closed = came == 0;
                    self.gather(&mut mail);
                    for mail in mail.drain(..) {
                        self.open(mail);
                    }
                }
            }
            self.release();
            self.store_next();
            self.deliver().await;
            self.show();
            if self.queue.is_empty() && self.draining.is_some() {
                return self.say_farewell().await;
            }
            if self.queue.is_empty() && closed {
                return;
            }
        }
    }

    /// Lets the workers go on for a moment, and takes what they asked meanwhile. The kernel likes to run the hub as soon
    /// as a worker wakes it; where both share a core, each message would then cost two switches and a turn of its own.
    fn gather(&mut self, mail: &mut Vec<Mail>) {
        std::thread::yield_now();
        while mail.len() < TURN_MAX
            && let Ok(more) = self.mailbox.try_recv()
        {
            mail.push(more);
        }
    }

    fn open(&mut self, mail: Mail) {
        match mail {
            Mail::Ask(session, command, at) => self.hear(session, command, at),
            Mail::Operate(command, answer) => {
                let before = self.world.mark();
                let near = match &command {
                    OperatorCommand::Kick(name, _) => name.as_str().to_owned(),
                    _ => String::new(),
                };
                let again = command.is_fact().then(|| Again::Operate(command.clone()));
                let outcome = self.world.operate((self.now)(), command);
                answer.0(match outcome {
                    Ok(outputs) => {
                        self.hold(SERVER, again, before, outputs);
                        Ok(())
                    }
                    Err(why) => Err(Refused { why, nearest: self.world.nearest_names(&near) }),
                });
            }
            Mail::Fact(command) => {
                self.hear_fact(command);
            }
            Mail::Bans(News::Banned(ban, answer)) => {
                let closed = self.hear_fact(OperatorCommand::Ban(ban));
                // Who no longer waits was told so.
                let _ = answer.try_send(closed);
            }
            Mail::Bans(News::Lifted(target)) => {
                self.hear_fact(OperatorCommand::Unban(target));
            }
            Mail::Bans(News::Evicted(evicted)) => self.routes.to_all(&Delivery::Evict(Arc::new(evicted))),
            Mail::Revoked(account, which, by) => {
                self.routes.to_all(&Delivery::Revoked(account, which, by));
            }
            Mail::Look(answer) => {
                let _ = answer.send(self.status());
            }
            Mail::Knock(answer) => drop(answer.try_send(())),
            Mail::Drain(farewell, answer) => self.draining = Some((farewell, answer)),
        }
    }

    /// Does what cannot be refused; how many sessions that closes.
    fn hear_fact(&mut self, command: OperatorCommand) -> usize {
        let (before, again) = (self.world.mark(), Some(Again::Operate(command.clone())));
        // What the world knows already it refuses, and nobody waits for its answer.
        let outputs = self.world.operate((self.now)(), command).unwrap_or_default();
        let closed = outputs.iter().filter(|output| matches!(output, Output::Closed(..))).count();
        self.hold(SERVER, again, before, outputs);
        closed
    }

    fn hear(&mut self, session: SessionId, command: Command, at: Option<Duration>) {
        if let (true, Some(why)) = (is_recorded(&command), self.read_only()) {
            let refused = Event::Refused(Refusal::ReadOnly { why });
            return self.hold(session, None, self.world.mark(), vec![Output::Reply(session, refused)]);
        }
        let before = self.world.mark();
        let again = command.is_fact().then(|| Again::Ask(command.clone()));
        let farewell = command.is_farewell().then(|| farewell_text(&command));
        let mut outputs = self.world.apply((self.now)(), session, command);
        if let (Some(farewell), true) = (farewell, outputs.is_empty()) {
            // A seat that has no name, or none any more, waits for its close like any other.
            outputs.push(Output::Closed(session, farewell));
            return self.queue.push(Held::new(session, again, before, outputs).of_nobody());
        }
        self.queue.push(Held::new(session, again, before, outputs).since(at));
    }

    fn hold(
        &mut self,
        asker: SessionId,
        again: Option<Again>,
        before: throng_chat::world::Mark,
        outputs: Vec<Output>,
    ) {
        self.queue.push(Held::new(asker, again, before, outputs));
    }

    fn hear_store(&mut self, answer: Result<Vec<Stamp>, Fault>) {
        let lasted = self.figures.now().saturating_sub(self.committing);
        let counted = &self.figures.hub;
        match &answer {
            Ok(_) => {
                counted.commit.record(lasted);
                counted.last_commit_us.set(u64::try_from(lasted.as_micros()).unwrap_or(u64::MAX));
            }
            Err(_) => counted.failed.add(1),
        }
        match answer {
            Ok(stamps) => {
                let mut stamps = stamps.into_iter();
                let mut free = self.queue.stored();
                while free > 0 {
                    let Some(held) = self.queue.pop_told(&mut free) else { break };
                    self.tell(held, &mut stamps);
                }
                debug_assert!(stamps.next().is_none(), "each record was stamped once");
            }
            Err(fault) => self.take_back(&fault),
        }
    }

    /// Lets go what waits for no store.
    fn release(&mut self) {
        while let Some(held) = self.queue.pop_told(&mut 0) {
            self.tell(held, &mut std::iter::empty());
        }
        let settled = self.queue.first_mark().unwrap_or_else(|| self.world.mark());
        self.world.settle(settled);
    }

    /// The commit failed: back to the world before it, and a refusal to each who asked. Who left has left, and what
    /// became of accounts meanwhile is kept elsewhere and holds.
    fn take_back(&mut self, fault: &Fault) {
        let Some(mark) = self.queue.first_mark() else { return };
        self.world.rollback(mark);
        let why: Arc<str> = fault.to_string().into();
        for held in self.queue.take_all() {
            match held.again {
                Some(Again::Ask(command)) => self.hear(held.asker, command, None),
                Some(Again::Operate(command)) => {
                    let before = self.world.mark();
                    // It was done once already; that the world is another one now can only make it needless.
                    let outputs = self.world.operate((self.now)(), command.clone()).unwrap_or_default();
                    self.hold(SERVER, Some(Again::Operate(command)), before, outputs);
                }
                None => {
                    let refused = Event::Refused(Refusal::NotStored { why: Arc::clone(&why) });
                    let outputs = vec![Output::Reply(held.asker, refused)];
                    self.hold(held.asker, None, self.world.mark(), outputs);
                }
            }
        }
    }

    /// Starts the next commit, if there is something to store and none is under way.
    fn store_next(&mut self) {
        let batch = self.queue.next_batch();
        if batch.is_empty() {
            return;
        }
        let answer = self.answer.clone();
        self.committing = self.figures.now();
        self.store.append(
            batch,
            Box::new(move |outcome| {
                // The one place is free: there is one commit at a time. It fails only when the hub has ended.
                let _ = answer.try_send(outcome);
            }),
        );
    }

    fn tell(&mut self, held: Held, stamps: &mut dyn Iterator<Item = Stamp>) {
        let (of_somebody, at) = (!held.of_nobody, held.at);
        for output in held.outputs {
            match output {
                Output::Reply(session, mut event) => {
                    self.fill_in(&mut event);
                    self.note(session, &event);
                    self.routes.to_session(session, Delivery::Tell(session, event));
                }
                Output::Told(to, event) => self.routes.to_audience(&to, None, event, None),
                Output::Stored { to, by, account, record } => {
                    let stamp = stamps.next().expect("an answer is told when all its records are stamped");
                    self.figures.hub.stored.add(1);
                    match self.last_seqs.get_mut(&record.room) {
                        Some(seq) => *seq = stamp.seq,
                        None => drop(self.last_seqs.insert(record.room.clone(), stamp.seq)),
                    }
                    self.notes.take(Note::Said(by, record.room.clone(), record.kind));
                    let entry = throng_chat::Entry { record, stamp, account };
                    self.routes.to_audience(&to, Some(by), Event::Entry(entry), at);
                }
                Output::Became(session, person) => {
                    self.routes.to_session(session, Delivery::Became(session, person));
                }
                Output::Entered(session, room) => self.routes.entered(session, room),
                Output::Departed(session, room) => self.routes.departed(session, room),
                Output::Closed(session, text) => {
                    if of_somebody {
                        self.notes.take(Note::Gone(session, text.clone()));
                    }
                    self.routes.to_session(session, Delivery::Close(session, text));
                }
            }
        }
    }

    /// History is what was stored up to here, live is what comes after.
    fn fill_in(&self, event: &mut Event) {
        if let Event::Joined(joined) = event {
            joined.seq = self.last_seqs.get(&joined.room).copied().unwrap_or(0);
        }
    }

    /// What a session alone is told says where it is.
    fn note(&self, session: SessionId, event: &Event) {
        let note = match event {
            Event::Welcomed { you } => Note::Named(session, you.clone()),
            Event::Renamed { to, .. } => Note::Named(session, to.clone()),
            Event::Joined(joined) => Note::Joined(session, joined.room.clone()),
            Event::Left { room, .. } | Event::Kicked { room, .. } => Note::Left(session, room.clone()),
            Event::Whispered { .. } => Note::Whispered(session),
            Event::Refused(refusal) => Note::Refused(session, word_for(refusal)),
            _ => return,
        };
        self.notes.take(note);
    }

    async fn deliver(&mut self) {
        for worker in 0..self.workers.len() {
            if let Some(list) = self.routes.take(worker) {
                // A worker that is gone has no seats any more.
                let _ = self.workers[worker].send(list).await;
            }
        }
    }

    /// Lets others know how it is.
    fn show(&self) {
        let shown = &self.figures.hub;
        shown.people.set(self.world.people() as u64);
        shown.rooms.set(self.routes.rooms() as u64);
        shown.held_bytes.set(self.queue.bytes() as u64);
        shown.held.set(self.queue.len() as u64);
    }

    async fn say_farewell(mut self) {
        let Some((farewell, answer)) = self.draining.take() else { return };
        self.routes.to_all(&Delivery::Farewell(farewell));
        self.deliver().await;
        let _ = answer.send(self.world.people());
    }

    fn read_only(&self) -> Option<Arc<str>> {
        match &*self.health.borrow() {
            Health::Writable => None,
            Health::ReadOnly { why } => Some(why.clone()),
        }
    }

    fn status(&self) -> Status {
        let who = self.world.present();
        Status {
            people: self.world.people(),
            rooms: self.world.rooms(),
            who: who
                .into_iter()
                .map(|(name, sessions, rooms)| PersonHere { name, sessions, rooms })
                .collect(),
            stored: self.figures.hub.stored.read(),
            read_only: self.read_only(),
        }
    }
}

fn word_for(refusal: &Refusal) -> &'static str {
    match refusal {
        Refusal::NameTaken { .. } => "name_taken",
        Refusal::NameLooksTaken { .. } => "name_looks_taken",
        Refusal::NameRegistered { .. } => "name_registered",
        Refusal::AccountNeeded => "account_needed",
        Refusal::NoSuchAccount(_) => "no_such_account",
        Refusal::AlreadySignedIn { .. } => "already_signed_in",
        Refusal::NotSignedIn => "not_signed_in",
        Refusal::NotYourName(_) => "not_your_name",
        Refusal::TooManySessions { .. } => "too_many_sessions",
        Refusal::AlreadyHere => "already_here",
        Refusal::NoSuchPerson(_) => "no_such_person",
        Refusal::NoSuchRoom(_) => "no_such_room",
        Refusal::NotInRoom(_) => "not_in_room",
        Refusal::PersonNotInRoom(..) => "person_not_in_room",
        Refusal::MembersOnly(_) => "members_only",
        Refusal::NeedsOperator(_) => "needs_operator",
        Refusal::TooManyRooms { .. } => "too_many_rooms",
        Refusal::RoomsFull { .. } => "rooms_full",
        Refusal::Banned { .. } => "banned",
        Refusal::PeopleFull { .. } => "people_full",
        Refusal::NotStored { .. } => "not_stored",
        Refusal::ReadOnly { .. } => "read_only",
    }
}

/// Does the command ask for something that must be stored?
fn is_recorded(command: &Command) -> bool {
    matches!(command, Command::Say(Target::Room(_), ..) | Command::SetTopic(..))
}

fn farewell_text(command: &Command) -> Text {
    match command {
        Command::Gone(text) | Command::Quit(Some(text)) => text.clone(),
        _ => Text::new("quit").expect("a plain word is good text"),
    }
}
