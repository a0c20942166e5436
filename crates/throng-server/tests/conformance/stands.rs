//! The stands of the suite: each model with each kind of handler, the handler they share, and the count of descriptors.

use std::io::Write;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};

use ipnet::IpNet;
use throng_server::testing::AcceptFaults;
use throng_server::{
    BlockingConn, BlockingHandler, Conn, ConnInfo, Denied, End, Handler, Limits, Peer, Pool, Rejected,
    Sequential, Server, Threads, Timeouts, Workers,
};

use crate::callers::{self, Client, Ground, TRANSPORTS, Transport};
use crate::place::{Place, numbered, talk, until, workers};

/// More than two sockets on the way can hold, whatever the kernel gives them.
const FLOOD_BYTES: usize = 32 << 20;

pub(crate) static FLOOD: LazyLock<Vec<u8>> =
    LazyLock::new(|| [NUMBERED; FLOOD_BYTES / NUMBERED.len()].concat());

/// Bytes whose length is no power of two, so that a part in the wrong place is found.
pub(crate) const NUMBERED: &[u8] = b"0123456789abcdefghijklmnopqrstuvw";

/// What is asked of the handler is told by the first bytes that it hears.
#[derive(Default)]
pub(crate) struct Obeys {
    book: Arc<Mutex<Book>>,
}

/// What the handler was asked for.
#[derive(Default)]
pub(crate) struct Book {
    pub(crate) set_up: usize,
    pub(crate) finished: Vec<&'static str>,
    pub(crate) threads: Vec<String>,
    pub(crate) refuse: bool,
    pub(crate) panic: Panics,
}

/// Where the handler panics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Panics {
    #[default]
    Nowhere,
    InSetup,
    InFinish,
    InRejected,
}

impl Obeys {
    fn panics(&self, here: Panics) {
        let panics = self.book().panic == here;
        assert!(!panics, "a handler panics, as this test wants it to");
    }

    fn book(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> throng_server::Result {
        self.panics(Panics::InSetup);
        let mut book = self.book();
        if book.refuse {
            return Err("not today".into());
        }
        book.set_up += 1;
        book.threads.push(std::thread::current().name().unwrap_or_default().to_owned());
        Ok(())
    }
}

/// The same handler, once for waiting and once for blocking code.
macro_rules! obeys {
    ($handler:ident, $conn:ident $(, $async:ident, $await:ident)?) => {
        impl $handler for Obeys {
            $($async)? fn setup(&self, _conn: &mut $conn) -> throng_server::Result {
                self.begin()
            }

            $($async)? fn serve(&self, mut conn: $conn) -> throng_server::Result {
                let mut lines = conn.lines(64);
                while let Some(line) = conn.read_line(&mut lines)$(.$await)?? {
                    match line {
                        b"done" => return Ok(()),
                        b"fail" => return Err("no such page".into()),
                        b"panic" => panic!("a handler panics, as this test wants it to"),
                        b"known" => conn.established(),
                        b"flood" => conn.write_all(&FLOOD)$(.$await)??,
                        b"deaf" => {
                            conn.write_all(&numbered(1 << 16))$(.$await)??;
                            return Ok(());
                        }
                        b"protect" => conn.protect(),
                        _ => {}
                    }
                    let mut answer = line.to_vec();
                    answer.push(b'\n');
                    conn.write_all(&answer)$(.$await)??;
                }
                match conn.is_draining() {
                    true => conn.write_all(b"closing\n")$(.$await)??,
                    false => {}
                }
                Ok(())
            }

            fn finish(&self, _conn: &ConnInfo, end: &End) {
                self.book().finished.push(end.name());
                self.panics(Panics::InFinish);
            }

            fn rejected(&self, _peer: &Peer, why: Rejected) -> &[u8] {
                self.panics(Panics::InRejected);
                match why {
                    Rejected::Banned => b"not you\n",
                    _ => b"too many\n",
                }
            }
        }
    };
}

obeys!(Handler, Conn, async, await);
obeys!(BlockingHandler, BlockingConn);

/// What is allowed, for one behaviour.
#[derive(Clone, Default)]
pub(crate) struct Rules {
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    /// What the kernel says to accepts.
    pub(crate) faults: AcceptFaults,
    /// Whose word is taken for whom they pass on.
    pub(crate) proxies: Vec<IpNet>,
    /// Who is not let in.
    pub(crate) denied: Denied,
}

/// One way to serve.
pub(crate) struct Stand {
    name: &'static str,
    /// Are several served at the same time?
    pub(crate) many: bool,
    open: fn(Rules, Obeys, &Ground) -> Place,
}

static STANDS: [Stand; 7] = [
    Stand {
        name: "sequential",
        many: false,
        open: |rules, obeys, ground| put_up(Server::new(obeys).model(Sequential), rules, ground),
    },
    Stand {
        name: "threads",
        many: true,
        open: |rules, obeys, ground| put_up(Server::new(obeys).model(Threads::default()), rules, ground),
    },
    Stand {
        name: "pool",
        many: true,
        open: |rules, obeys, ground| {
            put_up(Server::new(obeys).model(Pool { workers: Workers::Count(2) }), rules, ground)
        },
    },
    Stand {
        name: "one event loop",
        many: true,
        open: |rules, obeys, ground| put_up(Server::new(obeys).model(workers(1)), rules, ground),
    },
    Stand {
        name: "three event loops",
        many: true,
        open: |rules, obeys, ground| put_up(Server::new(obeys).model(workers(3)), rules, ground),
    },
    Stand {
        name: "sequential, blocking",
        many: false,
        open: |rules, obeys, ground| put_up(Server::blocking(obeys).model(Sequential), rules, ground),
    },
    Stand {
        name: "threads, blocking",
        many: true,
        open: |rules, obeys, ground| put_up(Server::blocking(obeys).model(Threads::default()), rules, ground),
    },
];

fn put_up<K: 'static>(server: Server<K>, rules: Rules, ground: &Ground) -> Place {
    let server = server.limits(rules.limits).timeouts(rules.timeouts).denied(&rules.denied);
    ground.open(server.accept_faults(&rules.faults).proxies(rules.proxies))
}

/// A server of one model at one place, and what its handler was asked for.
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) many: bool,
    pub(crate) place: Place,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) ground: Ground,
}

impl Stage {
    pub(crate) fn set_up(stand: &Stand, transport: Transport, rules: Rules) -> Stage {
        let (obeys, ground) = (Obeys::default(), Ground::new(transport));
        let book = Arc::clone(&obeys.book);
        let name = format!("{} over {transport:?}", stand.name);
        Stage { name, many: stand.many, place: (stand.open)(rules, obeys, &ground), book, ground }
    }

    /// A client that is let in, or waits to be.
    #[track_caller]
    pub(crate) fn client(&self) -> Client {
        self.ground.client(&self.place).unwrap()
    }

    /// Over what its clients come.
    pub(crate) fn transport(&self) -> Transport {
        self.ground.transport
    }

    /// A client that is served: it was answered.
    #[track_caller]
    pub(crate) fn served(&self) -> Client {
        let mut client = self.client();
        talk(&mut client, "here\n");
        client
    }

    /// The next connection ends so, and with it its handler.
    #[track_caller]
    pub(crate) fn ends(&self, expected: &str) {
        assert_eq!(self.place.next_end().name(), expected, "{}", self.name);
    }

    /// Kicks who is here, when those before have left.
    #[track_caller]
    pub(crate) fn kick_the_only_one(&self) {
        until("one is here", || self.place.open_count() == 1);
        assert!(self.place.running.kill(self.place.running.conns()[0].id), "{}", self.name);
    }

    pub(crate) fn finished(&self) -> Vec<&'static str> {
        self.book.lock().unwrap().finished.clone()
    }
}

/// Behaviours run one after the other, so that descriptors can be counted.
pub(crate) struct Alone {
    _only: MutexGuard<'static, ()>,
    descriptors: usize,
}

/// How often the descriptors are counted before a test gives up.
const LOOKS_MAX: usize = 20_000;

impl Alone {
    pub(crate) fn begin() -> Alone {
        static ONLY: Mutex<()> = Mutex::new(());
        static BEFORE: OnceLock<usize> = OnceLock::new();
        let _only = ONLY.lock().unwrap_or_else(PoisonError::into_inner);
        let descriptors = *BEFORE.get_or_init(|| {
            callers::prepare();
            // The first runtime of a process may make what all later ones share.
            drop(tokio::runtime::Builder::new_current_thread().enable_all().build());
            descriptors()
        });
        Alone { _only, descriptors }
    }

    /// What was opened meanwhile is closed.
    #[track_caller]
    pub(crate) fn settle(&self, name: &str) {
        let settled = (0..LOOKS_MAX).any(|_| {
            std::thread::yield_now();
            descriptors() == self.descriptors
        });
        assert!(settled, "{name}: {} descriptors, and {} before", descriptors(), self.descriptors);
    }
}

/// It is so under every model, over everything.
pub(crate) fn on_every(rules: &Rules, behaves: impl Fn(&Stage)) {
    on_every_of(&TRANSPORTS, rules, behaves);
}

/// It is so under every model, over these.
pub(crate) fn on_every_of(transports: &[Transport], rules: &Rules, behaves: impl Fn(&Stage)) {
    let alone = Alone::begin();
    for (stand, transport) in everywhere(transports) {
        let stage = Stage::set_up(stand, transport, rules.clone());
        behaves(&stage);
        stage.place.end();
        let name = stage.name.clone();
        drop(stage);
        alone.settle(&name);
    }
}

/// Every model, over each of these.
pub(crate) fn everywhere(transports: &[Transport]) -> impl Iterator<Item = (&'static Stand, Transport)> {
    STANDS.iter().flat_map(|stand| transports.iter().map(move |transport| (stand, *transport)))
}

pub(crate) fn usual() -> Rules {
    Rules::default()
}

#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

#[cfg(not(target_os = "linux"))]
fn descriptors() -> usize {
    0
}
