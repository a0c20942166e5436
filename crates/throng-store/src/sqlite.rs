//! Opening a store on the disk, and the handle that hands work to its threads.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Result};
use throng_chat::{Ban, MsgId, Name, Record, Time};

use crate::accounts::{Account, Accounts, Census, Change, Changed, Found, Token, rows};
use crate::backup::{self, BackedUp, BackupFault, Backups, Checked, Restored};
use crate::bans::{self, Bans, Made};
use crate::fault::Step;
use crate::folder::{DataFolder, Taken};
use crate::header::{self, beside};
use crate::health::HealthBoard;
use crate::ledger::{Head, Ledger};
use crate::migration::{self, Watch};
use crate::past::broom::{self, Broom, Kept as KeptPast};
use crate::past::{self, Holding, Keep, Past, SWEEP_EVERY, Sweeping, Tally, Trimmed, Which};
use crate::queue::{Queue, Work};
use crate::reader::{self, Question, Readers};
use crate::row::Bits;
use crate::schema::HOLDINGS_SINCE;
use crate::store::{Appended, Clock, Durability, History, KeptRoom, Opened, Read, Store, Told, system_clock};
use crate::writer::{Due, PagesMax, Writer};
use crate::{Fault, OpenFault, ids, memory, row, schema};

/// The name of the file in the data folder.
const FILE: &str = "throng.db";

/// How often a store that found no space probes whether there is some again.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Opens the store in the folder, and makes one where nothing is. One at a time: it holds the folder until
/// it is closed.
pub fn open(folder: &DataFolder, durability: Durability) -> Result<Opened, OpenFault> {
    OpenOptions::new(durability).open(folder)
}

/// Whether the store in this folder is one that [`open`] would take: looks, changes nothing, and takes no lock, so that it may
/// be asked while another process has the store open. A folder without a store, or none at all, is in order. Where nobody has
/// it open only its header is looked at, since SQLite would leave files of its own behind.
pub fn check(folder: &Path) -> Result<(), OpenFault> {
    let path = folder.join(FILE);
    let is_open = beside(&path, "-shm").exists();
    match header::look(&path)? {
        header::Found::Ours if is_open => schema::check_read_only(&path),
        header::Found::Ours | header::Found::Nothing => Ok(()),
    }
}

/// Is there a store in this folder, whatever it is worth? Looks, and takes no lock.
pub fn is_in(folder: &Path) -> bool {
    folder.join(FILE).exists()
}

/// How a store is opened; what [`open`] leaves as it is, tests change.
pub struct OpenOptions {
    durability: Durability,
    clock: Clock,
    probe_every: Duration,
    pages_max: Option<PagesMax>,
    migrating: Option<Watch>,
    sweep_every: Duration,
    sweeping: Option<broom::Watch>,
}

impl OpenOptions {
    /// As [`open`] does it.
    pub fn new(durability: Durability) -> Self {
        let clock = system_clock();
        OpenOptions {
            durability,
            clock,
            probe_every: PROBE_EVERY,
            pages_max: None,
            migrating: None,
            sweep_every: SWEEP_EVERY,
            sweeping: None,
        }
    }

    /// Another clock.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Another time between two probes for space.
    pub fn probe_every(mut self, every: Duration) -> Self {
        self.probe_every = every;
        self
    }

    /// How many pages the file may have, for a test that needs a full disk. It is asked on the writer's thread at
    /// the start and before each probe, and may block there: so a test decides when a probe is made.
    #[doc(hidden)]
    pub fn pages_max(mut self, pages_max: impl FnMut() -> u32 + Send + 'static) -> Self {
        self.pages_max = Some(Box::new(pages_max));
        self
    }

    /// Who is told how far a migration has come, for a test that ends the process there.
    #[doc(hidden)]
    pub fn migrating(mut self, watch: impl FnMut(&'static str) + Send + 'static) -> Self {
        self.migrating = Some(Box::new(watch));
        self
    }

    /// Another time between two looks whether anything is beyond what is kept.
    pub fn sweep_every(mut self, every: Duration) -> Self {
        self.sweep_every = every;
        self
    }

    /// Who is told after each turn how many messages have gone, for a test that ends the process there.
    #[doc(hidden)]
    pub fn sweeping(mut self, watch: impl FnMut(u64) + Send + 'static) -> Self {
        self.sweeping = Some(Box::new(watch));
        self
    }

    /// Opens it.
    pub fn open(mut self, folder: &DataFolder) -> Result<Opened, OpenFault> {
        if self.durability == Durability::Memory {
            return Ok(memory::memory_at(self.clock));
        }
        let taken = folder.take().ok_or(OpenFault::Held { running: None })?;
        let path = folder.path().join(FILE);
        let created = header::look(&path)? == header::Found::Nothing;
        if created {
            schema::create(&path)?;
        }
        let db = schema::writing(&path, self.durability)?;
        let kept = read_kept(&db).map_err(|error| OpenFault::of_sqlite(&path, &error))?;
        // Last of what may fail before anything is served: so what is refused above was not changed.
        let mut watch = self.migrating.take().unwrap_or_else(|| Box::new(|_| ()));
        migration::bring_up(&db, &path, (self.clock)(), &mut watch)?;
        let readers = Readers::start(&path)?;
        // From here on only a writer that ends in peace tidies the log up.
        schema::keep_log(&db, true).map_err(|error| OpenFault::of_sqlite(&path, &error))?;
        let rooms = kept.rooms;
        let store = Arc::new(Sqlite::start(self, &path, (db, taken), kept.ledger, readers)?);
        let (accounts, backups) = (Arc::<Sqlite>::clone(&store), Arc::<Sqlite>::clone(&store));
        let (bans, past) = (Arc::<Sqlite>::clone(&store), Arc::<Sqlite>::clone(&store));
        Ok(Opened { store, accounts, bans, backups, past, rooms, messages: kept.messages, created })
    }
}

/// What is read at the start: one row for each room, and the last id from the end of its index. No message is.
struct Kept {
    ledger: Ledger,
    rooms: Vec<KeptRoom>,
    messages: u64,
}

fn read_kept(db: &Connection) -> Result<Kept> {
    let ledger = Ledger::new(last_msgid(db)?, ids::random);
    let mut kept = Kept { ledger, rooms: Vec::new(), messages: 0 };
    // Before rooms knew it, none of their messages had ever gone.
    let messages = if schema::version(db)? < HOLDINGS_SINCE { "last_seq" } else { "messages" };
    let mut asked = db.prepare(&format!(
        "SELECT id, folded, name, last_seq, last_at, topic, topic_by, topic_at, {messages} FROM rooms ORDER BY id",
    ))?;
    let mut rows = asked.query([])?;
    while let Some(row) = rows.next()? {
        let last_seq = row::sequence(row, 3)?;
        kept.ledger.keep(row.get(1)?, Head { id: row.get(0)?, last_seq, last_at: Time(row.get(4)?) });
        kept.messages += row::sequence(row, 8)?;
        // A room whose name nobody could ask for today stays in the file, and is told to nobody.
        if let Some(name) = row::room(row.get_ref(2)?.as_str()?) {
            let (text, by) = (row.get_ref(5)?.as_str_or_null()?, row.get_ref(6)?.as_str_or_null()?);
            kept.rooms.push(KeptRoom { name, last_seq, topic: row::topic(text, by, row.get(7)?) });
        }
    }
    Ok(kept)
}

/// The last id that was ever given: that of the last message, or a greater one whose message has gone.
fn last_msgid(db: &Connection) -> Result<MsgId> {
    let there: Option<Bits> = db.query_row("SELECT max(msgid) FROM messages", [], |row| row.get(0))?;
    let mut gone = db.prepare("SELECT value FROM meta WHERE key = ?1")?;
    let gone: Option<Bits> = gone.query_row([past::rows::LAST_MSGID], |row| row.get(0)).optional()?;
    Ok([there, gone].into_iter().flatten().map(|Bits(id)| id).max().unwrap_or(MsgId(0)))
}

/// The handle. Its threads end when it is closed or dropped.
struct Sqlite {
    path: PathBuf,
    clock: Clock,
    health: Arc<HealthBoard>,
    past: Arc<KeptPast>,
    /// Whether a backup is being made: one at a time, so that a reader is always left for the others.
    copying: Arc<AtomicBool>,
    /// Taken by `close`. Held to hand something over, which never waits, and never while anything runs.
    open: Mutex<Option<Open>>,
}

struct Open {
    /// Written by whoever appends or changes, read by the writer. When full, the work comes back and is refused.
    queue: Queue,
    writer: JoinHandle<()>,
    readers: Readers,
}

impl Sqlite {
    fn start(
        options: OpenOptions,
        path: &Path,
        (db, taken): (Connection, Taken),
        ledger: Ledger,
        readers: Readers,
    ) -> Result<Sqlite, OpenFault> {
        let system = |error| OpenFault::of_system(path, &error);
        let log = match options.durability {
            Durability::Relaxed => {
                let log = beside(path, "-wal");
                Some(std::fs::OpenOptions::new().write(true).open(log).map_err(system)?)
            }
            _ => None,
        };
        let (health, past) = (Arc::new(HealthBoard::default()), Arc::new(KeptPast::default()));
        let writer = Writer {
            db,
            path: path.to_owned(),
            _taken: taken,
            ledger,
            clock: Arc::clone(&options.clock),
            health: Arc::clone(&health),
            log,
            probe_every: options.probe_every,
            pages_max: options.pages_max,
            stopped: None,
            due: Due::default(),
            broom: Broom::new(Arc::clone(&past), options.sweep_every, options.sweeping),
        };
        let (queue, waits) = Queue::new();
        let named = thread::Builder::new().name("throng-store-writer".to_owned());
        let writer = named.spawn(move || writer.run(&waits)).map_err(system)?;
        let open = Mutex::new(Some(Open { queue, writer, readers }));
        Ok(Sqlite {
            path: path.to_owned(),
            clock: options.clock,
            health,
            past,
            copying: Arc::default(),
            open,
        })
    }

    /// Hands work to the writer. What cannot be handed over is refused right here, not under the lock.
    fn hand(&self, work: Work) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match open.as_ref() {
            Some(open) => open.queue.hand(work),
            None => Some((work, Fault::Closed)),
        };
        drop(open);
        if let Some((work, fault)) = refused {
            work.refuse(fault);
        }
    }

    /// Hands a question to the readers, in the same way.
    fn ask(&self, question: Question) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let refused = match open.as_ref() {
            Some(open) => open.readers.ask(question),
            None => Some((question, Fault::Closed)),
        };
        drop(open);
        if let Some((question, fault)) = refused {
            question(Err(fault));
        }
    }

    /// A question about accounts or bans, answered from one look at the file.
    fn look<T: 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
        done: Box<dyn FnOnce(Result<T, Fault>) + Send>,
    ) {
        self.ask(reader::question(|db| rows::in_one_look(db, read), done));
    }

    fn close_now(&self) {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Open { queue, writer, readers }) = open else { return };
        // The readers end first, so that the writer's connection is the last and may remove the log.
        let Readers { threads, questions } = readers;
        drop(questions);
        threads.into_iter().for_each(wait_for);
        drop(queue);
        wait_for(writer);
    }
}

/// Waits for a thread's end. One of the store's own threads, closing it from a callback, does not wait for itself.
fn wait_for(thread: JoinHandle<()>) {
    if thread.thread().id() != thread::current().id() && thread.join().is_err() {
        // It panicked and has said so; what it held was dropped.
    }
}

impl Store for Sqlite {
    fn append(&self, batch: Vec<Record>, done: Appended) {
        self.hand(Work::Batch(batch, done));
    }

    fn history(&self, query: History, done: Read) {
        self.ask(reader::question(move |db| reader::history(db, &query), done));
    }

    fn on_health(&self, told: Told) {
        self.health.listen(told);
    }

    fn close(&self) {
        self.close_now();
    }
}

impl Accounts for Sqlite {
    fn change(&self, change: Change, done: Changed) {
        self.hand(Work::Change(Box::new(change), done));
    }

    fn account(&self, name: Name, done: Found<Option<Account>>) {
        self.look(move |db| rows::account(db, &name), done);
    }

    fn by_certificate(&self, fingerprint: [u8; 32], done: Found<Option<Account>>) {
        self.look(move |db| rows::by_certificate(db, &fingerprint), done);
    }

    fn by_token(&self, hash: [u8; 32], done: Found<Option<(Account, Token)>>) {
        self.look(move |db| rows::by_token(db, &hash), done);
    }

    fn tokens(&self, name: Name, done: Found<Vec<Token>>) {
        self.look(move |db| rows::tokens(db, &name), done);
    }

    fn page(&self, after: Option<Name>, done: Found<Vec<Account>>) {
        self.look(move |db| rows::page(db, after.as_ref()), done);
    }

    fn by_address(&self, address: Arc<str>, done: Found<Option<Name>>) {
        self.look(move |db| rows::by_address(db, &address), done);
    }

    fn census(&self, done: Found<Census>) {
        self.look(rows::census, done);
    }
}

impl Bans for Sqlite {
    fn change_ban(&self, change: bans::Change, done: Found<Made>) {
        self.hand(Work::Ban(change, done));
    }

    fn bans(&self, done: Found<Vec<Ban>>) {
        self.look(bans::rows::all, done);
    }
}

impl Backups for Sqlite {
    fn backup(&self, done: BackedUp) {
        if self.copying.swap(true, Ordering::AcqRel) {
            return done(Err(BackupFault::Store(Fault::Busy)));
        }
        let (path, now, copying) = (self.path.clone(), (self.clock)(), Arc::clone(&self.copying));
        self.ask(Box::new(move |db| {
            let copy = |db| backup::copy(db, &path, backup::BEGINS, now, || ()).map_err(BackupFault::File);
            let copied = db.map_err(BackupFault::Store).and_then(copy);
            copying.store(false, Ordering::Release);
            done(copied);
        }));
    }

    fn check(&self, done: Checked) {
        self.ask(Box::new(move |db| {
            let found = db.and_then(|db| backup::flaws(db).map_err(|why| Fault::of(&why, Step::Before)));
            done(found.map_err(BackupFault::Store));
        }));
    }

    fn restore_accounts(&self, from: PathBuf, done: Restored) {
        self.hand(Work::Restore(from, done));
    }

    fn clear_accounts(&self, done: BackedUp) {
        self.hand(Work::Clear(done));
    }
}

impl Past for Sqlite {
    fn holding(&self, done: Found<Holding>) {
        self.look(past::rows::holding, done);
    }

    fn count(&self, which: Which, done: Found<Tally>) {
        let now = (self.clock)();
        self.look(move |db| past::rows::count(db, which, now), done);
    }

    fn sweep(&self, which: Which, done: Sweeping) {
        self.hand(Work::Sweep(which, done));
    }

    fn keep(&self, keep: Keep) {
        self.past.set(keep);
        self.hand(Work::Trim);
    }

    fn on_trimmed(&self, told: Trimmed) {
        self.past.listen(told);
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close_now();
    }
}
