//! Who is not wanted: bans of names, masks of names and accounts, which the chat's world keeps to, and of addresses, which the
//! listener does. One handle for both, made before the doors open; who runs the server adds, removes and lists.
//!
//! A ban is stored first, and then told: to the list of the server library, or to whoever hears ([`Hears`]), the chat's hub. Who is here and is hit is closed with
//! the reason. All this waits, so it is not for a seat. Bans that are over have no effect anywhere; they leave the store at the
//! start, when somebody lists, and when there is no room for another one. A service without a store keeps bans of addresses,
//! for as long as it runs.

mod fault;
mod news;
pub mod word;

pub use fault::BanFault;
pub use news::{Deaf, Evicted, Hears, News, Place};
pub use throng_chat::Ban;
pub use throng_chat::ban::{BANS_MAX, BadTarget, Target};

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use jiff::tz::TimeZone;
use throng_chat::{Name, Text, Time};
use throng_server::{Address, ConnId, ConnInfo, Denial, Denied, IpNet, Running};
use throng_store::Fault;
use throng_store::bans::{Change, Made};

use crate::clock;

/// How long the store may take to answer. A commit of its own is some milliseconds; a backup that somebody asked for may be
/// before it.
const STORE_MAX: Duration = Duration::from_secs(30);

/// How long the chat may take to close those whom a ban hits, before nobody waits for their number.
const ANSWER_MAX: Duration = Duration::from_secs(3);

/// All bans of one server. Cheap to clone.
#[derive(Clone)]
pub struct Bans(Arc<Inner>);

struct Inner {
    /// Nothing, where bans are gone with the process.
    kept: Option<Arc<dyn throng_store::Bans>>,
    now: fn() -> Time,
    zone: TimeZone,
    denied: Denied,
    /// By their keys. Written when the store has answered, read by seats; held for a moment.
    table: Mutex<BTreeMap<String, Ban>>,
    /// Held by whoever changes bans, so that two changes do not cross.
    changing: Mutex<()>,
    hears: OnceLock<Box<dyn Hears>>,
    running: OnceLock<Running>,
    /// Other servers of the process, which hear of nothing. Written while they start, read when a ban comes.
    others: Mutex<Vec<Running>>,
}

/// A ban that was set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Banned {
    /// Whom it is for, as it is kept.
    pub target: Target,
    /// Until when.
    pub until: Option<Time>,
    /// How many connections it closed; unknown where the chat has not answered yet, which closes them all the same.
    pub closed: Option<usize>,
    /// Was there another ban of this target?
    pub replaced: bool,
}

/// How many are closed by a change that is made.
enum Closes {
    /// So many.
    Known(usize),
    /// Whoever hears of it will say.
    Asked(Receiver<usize>),
}

impl Bans {
    /// Those of a store, with those that are over taken out of it. Waits for the store.
    ///
    /// # Errors
    /// When it cannot be read. That it cannot be written is no error: what is over has no effect.
    pub fn open(
        kept: &Arc<dyn throng_store::Bans>,
        now: fn() -> Time,
        zone: TimeZone,
    ) -> Result<Bans, BanFault> {
        let bans = Bans::new(Some(Arc::clone(kept)), now, zone);
        bans.remove_over();
        let all = wait(|done| kept.bans(done))?;
        let all = all.into_iter().filter(|ban| !ban.is_over(now()));
        *bans.table() = all.map(|ban| (ban.target.key(), ban)).collect();
        bans.deny()?;
        Ok(bans)
    }

    /// None yet, and only of addresses, for a service that keeps nothing.
    pub fn in_memory(now: fn() -> Time, zone: TimeZone) -> Bans {
        Bans::new(None, now, zone)
    }

    fn new(kept: Option<Arc<dyn throng_store::Bans>>, now: fn() -> Time, zone: TimeZone) -> Bans {
        let (denied, table, changing) = (Denied::default(), Mutex::default(), Mutex::default());
        let (hears, running, others) = (OnceLock::new(), OnceLock::new(), Mutex::default());
        Bans(Arc::new(Inner { kept, now, zone, denied, table, changing, hears, running, others }))
    }

    /// The list for the server, before it starts ([`throng_server::Server::denied`]).
    pub fn denied(&self) -> &Denied {
        &self.0.denied
    }

    /// This server's clients are closed from here on when a ban of addresses comes; the chat does it where there is one.
    pub fn serve(&self, running: &Running) {
        // There is one such server; a second one would be a mistake, and changes nothing.
        let _ = self.0.running.set(running.clone());
    }

    /// So are those of this one, which is none of the chat's: they are cut.
    pub fn serve_also(&self, running: &Running) {
        lock(&self.0.others).push(running.clone());
    }

    /// Who hears from here on; what there is before, it was given ([`Bans::of_world`]).
    pub(crate) fn tell(&self, hears: impl Hears + 'static) {
        let _ = self.0.hears.set(Box::new(hears));
    }

    /// Those which the world must know before anybody comes.
    pub(crate) fn of_world(&self) -> Vec<Ban> {
        let table = self.table();
        let of_world = table.values().filter(|ban| !matches!(ban.target, Target::Network(_)));
        of_world.cloned().collect()
    }

    /// Bans somebody, from now on and for so long, in the place of the ban that the target has. Waits until it is stored, and
    /// until the chat has closed whom it hits.
    ///
    /// # Errors
    /// When it is not kept; nothing has changed then, but for [`BanFault::Late`].
    pub fn add(
        &self,
        target: Target,
        lasting: Option<Duration>,
        reason: Option<Text>,
        by: Text,
    ) -> Result<Banned, BanFault> {
        let _changing = lock(&self.0.changing);
        let is_network = matches!(target, Target::Network(_));
        if self.0.kept.is_none() && !is_network {
            return Err(BanFault::OnlyAddresses(target));
        }
        let since = (self.0.now)();
        let until = lasting.map(|lasting| after(since, lasting));
        let ban = Ban { target: target.clone(), since, until, reason, by };
        let mut made = self.put(&ban)?;
        if made.0 == Made::Full && self.remove_over() {
            made = self.put(&ban)?;
        }
        let closed = match made.1 {
            None => return Err(BanFault::Full),
            Some(Closes::Known(closed)) => Some(closed),
            Some(Closes::Asked(answer)) => answer.recv_timeout(ANSWER_MAX).ok(),
        };
        Ok(Banned { target, until, closed, replaced: made.0 == Made::Known })
    }

    /// Takes the ban of this target away; was there one that was not over?
    ///
    /// # Errors
    /// When it is not taken away; nothing has changed then, but for [`BanFault::Late`].
    pub fn remove(&self, target: &Target) -> Result<bool, BanFault> {
        let _changing = lock(&self.0.changing);
        let place = self.place()?;
        let was_there = self.table().get(&target.key()).is_some_and(|ban| !ban.is_over((self.0.now)()));
        let (bans, gone) = (self.clone(), target.clone());
        let lift = move || bans.lift(&gone, place);
        match &self.0.kept {
            None => lift(),
            Some(kept) => wait(|done| {
                let told = Box::new(move |made: Result<Made, Fault>| {
                    if made.is_ok() {
                        lift();
                    }
                    done(made);
                });
                kept.change_ban(Change::Remove(target.clone()), told);
            })
            .map(drop)?,
        }
        Ok(was_there)
    }

    /// All bans that are not over, in the order of their keys.
    pub fn list(&self) -> Vec<Ban> {
        let _changing = lock(&self.0.changing);
        self.remove_over();
        let now = (self.0.now)();
        self.table().values().filter(|ban| !ban.is_over(now)).cloned().collect()
    }

    /// How many are in force.
    pub fn count(&self) -> usize {
        let now = (self.0.now)();
        self.table().values().filter(|ban| !ban.is_over(now)).count()
    }

    /// May nobody be called so? For those who are not in the world yet.
    pub(crate) fn hits_name(&self, name: &Name) -> bool {
        let now = (self.0.now)();
        self.table().values().any(|ban| !ban.is_over(now) && ban.target.hits_name(name))
    }

    /// What somebody is told who comes from a denied address.
    pub(crate) fn word_at(&self, from: &Address) -> Option<Vec<u8>> {
        let network = self.0.denied.look(from.ip()?)?.network();
        let ban = self.table().get(&Target::network(network).key()).cloned()?;
        Some(self.word(&ban))
    }

    /// `You are banned until 20:06: flood`, in the words that all doors have.
    pub(crate) fn words(&self, ban: &Ban) -> String {
        word::words("You are", ban.reason.as_ref(), ban.until, |at| self.clock(at))
    }

    /// The same as one line, for a client that has not said what it speaks. An IRC client shows it as it begins, and a person
    /// can read it.
    fn word(&self, ban: &Ban) -> Vec<u8> {
        let error = if self.0.kept.is_some() { "ERROR :" } else { "" };
        format!("{error}{}\r\n", self.words(ban)).into_bytes()
    }

    fn clock(&self, at: Time) -> String {
        clock::shown(at, (self.0.now)(), &self.0.zone)
    }

    /// A place for news, where somebody hears them.
    fn place(&self) -> Result<Option<Place>, BanFault> {
        self.0.hears.get().map(|hears| hears.place()).transpose().map_err(BanFault::Deaf)
    }

    /// Stores it, and puts it in force where the store says yes, also when nobody waits for that any more.
    fn put(&self, ban: &Ban) -> Result<(Made, Option<Closes>), BanFault> {
        let place = self.place()?;
        let (bans, forced) = (self.clone(), ban.clone());
        let force = move |made| (made, (made != Made::Full).then(|| bans.force(forced, place)));
        let Some(kept) = &self.0.kept else {
            let table = self.table();
            let key = ban.target.key();
            let made = match table.contains_key(&key) {
                true => Made::Known,
                false if table.len() >= BANS_MAX => Made::Full,
                false => Made::Unknown,
            };
            drop(table);
            return Ok(force(made));
        };
        wait(|done| {
            let told = Box::new(move |made: Result<Made, Fault>| done(made.map(force)));
            kept.change_ban(Change::Put(Box::new(ban.clone())), told);
        })
    }

    /// It is kept: from here on it is in force.
    fn force(&self, ban: Ban, place: Option<Place>) -> Closes {
        self.table().insert(ban.target.key(), ban.clone());
        let network = match ban.target {
            Target::Network(network) => network,
            _ => {
                let Some(place) = place else { return Closes::Known(0) };
                let (answer, answered) = sync_channel(1);
                place(News::Banned(Box::new(ban), answer));
                return Closes::Asked(answered);
            }
        };
        // No more than may be kept, so there is room in the list.
        let _ = self.deny();
        let mut closed: usize = lock(&self.0.others).iter().map(|other| cut(other, network)).sum();
        if let Some(running) = self.0.running.get() {
            closed += match place {
                None => cut(running, network),
                Some(place) => {
                    let conns = conns_in(running, network);
                    let count = conns.len();
                    if count > 0 {
                        place(News::Evicted(Evicted { conns, ban }));
                    }
                    count
                }
            };
        }
        Closes::Known(closed)
    }

    fn lift(&self, target: &Target, place: Option<Place>) {
        self.table().remove(&target.key());
        match (target, place) {
            (Target::Network(_), _) => drop(self.deny()),
            (_, Some(place)) => place(News::Lifted(target.clone())),
            (_, None) => {}
        }
    }

    /// Makes the server's list anew.
    fn deny(&self) -> Result<(), BanFault> {
        let now = (self.0.now)();
        let bans = self.table().clone();
        let denials = bans.values().filter(|ban| !ban.is_over(now)).filter_map(|ban| {
            let Target::Network(network) = ban.target else { return None };
            let denial = Denial::of(network).word(&self.word(ban));
            Some(match ban.until {
                Some(until) => denial.lasting(Duration::from_millis(until.0.saturating_sub(now.0) as u64)),
                None => denial,
            })
        });
        self.0.denied.set(denials).map_err(|_| BanFault::Full)
    }

    /// Takes those away that are over; was that any use? They have no effect, so that it fails is none to anybody.
    fn remove_over(&self) -> bool {
        let now = (self.0.now)();
        self.table().retain(|_, ban| !ban.is_over(now));
        match &self.0.kept {
            None => true,
            Some(kept) => wait(|done| kept.change_ban(Change::RemoveOver(now), done)) == Ok(Made::Known),
        }
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<String, Ban>> {
        lock(&self.0.table)
    }
}

impl fmt::Debug for Bans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bans")
    }
}

/// Who is connected from there. The server library tells all who were let in before the list was changed.
fn conns_in(running: &Running, network: IpNet) -> Vec<ConnId> {
    let is_hit =
        |conn: &ConnInfo| conn.peer.address.ip().is_some_and(|ip| network.contains(&ip.to_canonical()));
    running.conns().into_iter().filter(is_hit).map(|conn| conn.id).collect()
}

/// Cuts them; how many they are. One that has gone meanwhile is gone.
fn cut(running: &Running, network: IpNet) -> usize {
    conns_in(running, network).into_iter().filter(|conn| running.kill(*conn)).count()
}

/// Nothing behind these locks could be left half done by a panic.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks the store and waits.
fn wait<T: Send + 'static>(
    ask: impl FnOnce(Box<dyn FnOnce(Result<T, Fault>) + Send>),
) -> Result<T, BanFault> {
    let (answer, answered) = sync_channel(1);
    ask(Box::new(move |found| {
        // Who stopped waiting was told so.
        let _ = answer.send(found);
    }));
    match answered.recv_timeout(STORE_MAX) {
        Ok(found) => found.map_err(BanFault::Store),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(BanFault::Late),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Err(BanFault::Store(Fault::Closed)),
    }
}

/// So much later; the end of time at the latest.
fn after(since: Time, lasting: Duration) -> Time {
    Time(since.0.saturating_add(i64::try_from(lasting.as_millis()).unwrap_or(i64::MAX)))
}
