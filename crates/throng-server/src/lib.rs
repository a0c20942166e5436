//! A TCP service from one handler: limits, timeouts, pause, resume, drain and restart come with it. Knows no protocol.
//!
//! ```toml
//! [dependencies]
//! throng-server = { path = "../throng/crates/throng-server" } # where you have it; it is not on crates.io
//! ```
//!
//! Handlers run inside [tokio](https://docs.rs/tokio), which a service adds only when it uses it itself, for timers, channels
//! or `select!`. For Unix systems; what is Linux's alone says so.
//!
//! # The smallest service
//!
//! ```
//! use throng_server::{Conn, Server};
//!
//! async fn echo(mut conn: Conn) -> throng_server::Result {
//!     let mut buffer = conn.buffer(); // the worker's; nothing is held while a read is pending
//!     while conn.read_into(&mut buffer).await? > 0 {
//!         conn.write_all(&buffer).await?;
//!         buffer.clear();
//!     }
//!     Ok(()) // 0 = the peer ended, or a drain reached an idle point
//! }
//!
//! # fn main() -> throng_server::Result {
//! let running = Server::new(echo).listen("127.0.0.1:0").start()?;
//! # use std::io::Write;
//! # let mut client = std::net::TcpStream::connect(&running.addresses()[0])?;
//! # client.write_all(b"hello")?;
//! # client.shutdown(std::net::Shutdown::Write)?;
//! # assert_eq!(std::io::read_to_string(client)?, "hello");
//! let report = running.shutdown().wait();
//! assert_eq!(report.cut, 0);
//! # Ok(())
//! # }
//! ```
//!
//! A handler takes a connection, talks, and returns; `?` takes any error, and ends this connection only. Whatever it returns,
//! even if it panics, the connection ends for exactly one reason, an [`End`]. The server runs on threads of its own, for as
//! long as somebody has its [`Running`].
//!
//! # A service of lines, that ends well
//!
//! Each client says a name that nobody else has, and then talks to himself. SIGTERM or Ctrl-C says goodbye to everybody.
//!
//! ```
//! # mod program {
//! use std::collections::BTreeSet;
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use throng_server::{Conn, Limits, Server, Timeouts};
//!
//! /// What all connections share.
//! #[derive(Clone, Default)]
//! # pub
//! struct Names(Arc<Mutex<BTreeSet<String>>>);
//!
//! /// A name that is somebody's. It is free again when this is dropped, however the handler ended.
//! struct Taken(String, Names);
//!
//! impl Names {
//!     fn take(&self, name: &str) -> Option<Taken> {
//!         let is_new = self.0.lock().expect("nobody panics with it").insert(name.to_owned());
//!         is_new.then(|| Taken(name.to_owned(), self.clone()))
//!     }
//! }
//!
//! impl Drop for Taken {
//!     fn drop(&mut self) {
//!         self.1.0.lock().expect("nobody panics with it").remove(&self.0);
//!     }
//! }
//!
//! # pub
//! async fn talk(mut conn: Conn, names: Names) -> throng_server::Result {
//!     let mut lines = conn.lines(512); // a longer line is an error, and so the end
//!     conn.write_all(b"Your name?\r\n").await?;
//!     let name = loop {
//!         let Some(line) = conn.read_line(&mut lines).await? else { return Ok(()) };
//!         match names.take(&String::from_utf8_lossy(line)) {
//!             Some(name) => break name,
//!             None => conn.write_all(b"That one is taken. Another?\r\n").await?,
//!         }
//!     };
//!     conn.write_all(format!("Welcome, {}.\r\n", name.0).as_bytes()).await?;
//!     while let Some(line) = conn.read_line(&mut lines).await? {
//!         let line = String::from_utf8_lossy(line);
//!         conn.write_all(format!("{}: {line}\r\n", name.0).as_bytes()).await?;
//!     }
//!     if conn.is_draining() {
//!         conn.write_all(b"The server is closing.\r\n").await?;
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> throng_server::Result {
//!     throng_server::raise_descriptors(); // each client needs one
//!     let names = Names::default();
//!     let running = Server::new(move |conn: Conn| talk(conn, names.clone()))
//!         .listen("127.0.0.1:7000")
//!         .limits(Limits { per_address: 16, ..Limits::default() })
//!         .timeouts(Timeouts { idle: Some(Duration::from_secs(300)), ..Timeouts::default() })
//!         .start()?;
//!     println!("at {}", running.addresses()[0]);
//!     running.until_signal()?; // drains; a second signal cuts, a third exits
//!     Ok(())
//! }
//! # }
//! # // What the page shows is served here, but for its `main`, which waits for a signal.
//! # use tokio::io::{AsyncReadExt, AsyncWriteExt};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> throng_server::Result {
//! #     let names = program::Names::default();
//! #     let serve = || throng_server::testing::drive({
//! #         let names = names.clone();
//! #         move |conn| program::talk(conn, names.clone())
//! #     });
//! #     let (mut ana, driven) = serve();
//! #     ana.write_all(b"ana\nhi\n").await?;
//! #     let mut heard = vec![0; "Your name?\r\nWelcome, ana.\r\nana: hi\r\n".len()];
//! #     ana.read_exact(&mut heard).await?;
//! #     let (mut other, _) = serve();
//! #     other.write_all(b"ana\n").await?;
//! #     other.shutdown().await?;
//! #     let mut told = String::new();
//! #     other.read_to_string(&mut told).await?;
//! #     assert_eq!(told, "Your name?\r\nThat one is taken. Another?\r\n");
//! #     driven.drain();
//! #     let mut rest = String::new();
//! #     ana.read_to_string(&mut rest).await?;
//! #     assert_eq!(rest, "The server is closing.\r\n");
//! #     assert_eq!(driven.end().await, throng_server::End::Drained);
//! #     let (mut again, _) = serve();
//! #     again.write_all(b"ana\n").await?;
//! #     again.shutdown().await?;
//! #     let mut told = String::new();
//! #     again.read_to_string(&mut told).await?;
//! #     assert_eq!(told, "Your name?\r\nWelcome, ana.\r\n", "the name is free again");
//! #     Ok(())
//! # }
//! ```
//!
//! Two rules make the end a good one. *A read of 0, or a line that is `None`, is the end*, the peer's or the server's, and the
//! handler goes home. *What was read is a question until something is written*: a drain waits for the answer. So answer, or say
//! [`Conn::answered`]; a handler that does neither is waited for until the deadline, and cut.
//!
//! Text of a client is his: `String::from_utf8_lossy` keeps the control characters, so make it safe before you print it.
//!
//! # Which model
//!
//! The handler is the same in all; [`Server::model`] chooses how many are served at once, and what does not fit does not
//! compile.
//!
//! | your handlers | begin with | model |
//! |---|---|---|
//! | wait for clients and other servers | [`Server::new`] | [`Events`], as it is unless said, or [`Pool`] if some compute long |
//! | have state that stays on a core, or send to each other ([`Outbox`]) | [`Server::local`] | [`Events`] |
//! | are plain blocking code over [`std::io`] | [`Server::blocking`] | [`Threads`] |
//! | may crash, or must share no memory | [`Server::local`], [`Server::blocking_local`] | [`Processes`] |
//! | must never do two things at once | any of these | [`Sequential`] |
//!
//! [`model`] tells what each does to a handler that waits or blocks. One that wants something before and after each
//! connection, or a word for those who find no place, is a type with [`Handler`] written for it.
//!
//! # Limits and timeouts
//!
//! Everything that could grow has a bound, and may be changed while the server runs. What is so unless you say otherwise:
//!
//! | what | bound | beyond it |
//! |---|---|---|
//! | clients, [`Limits::total`] | the descriptors, less 128 | wait in the kernel, or are refused: [`Full`] |
//! | of one address, [`Limits::per_address`] | 128; loopback is free | [`Handler::rejected`]'s word, closed |
//! | how often it comes, [`Limits::rate_per_address`] | none | the same |
//! | networks that are not let in, [`Denied`] | 65,536 | an error of [`Denied::set`] |
//! | waiting to be accepted, [`Limits::backlog`] | 4096 | the kernel drops, and clients try again |
//! | bytes in one [`Outbox`], [`Limits::queue`] | 1 MiB | [`End::TooSlow`] |
//! | a line, [`Conn::lines`] | what you say | an error of the read |
//! | what a handler reads without [`Buffer::clear`] | **none: yours to bound** | |
//! | silence, [`Timeouts::idle`] | none | [`End::TimedOut`] |
//! | a peer that takes nothing, [`Timeouts::write_stall`] | 60 s | [`End::Stalled`] |
//! | the last words, [`Timeouts::farewell`] | 10 s | [`End::TooSlow`] |
//! | age, [`Timeouts::age`] | none | an end as by a drain, [`End::Expired`] |
//! | a drain, [`Timeouts::drain`] | 30 s | who is left is cut |
//!
//! # Operating it live
//!
//! [`Running`] can be cloned into any thread, be it a prompt, an admin port, or a metrics page.
//!
//! ```
//! # use std::io::{BufRead, BufReader};
//! # use throng_server::{Conn, End, Server};
//! use throng_server::{Limits, Pause};
//!
//! # async fn hold(mut conn: Conn) -> throng_server::Result {
//! #     conn.write_all(b"here\n").await?;
//! #     conn.read_into(&mut conn.buffer()).await?;
//! #     Ok(())
//! # }
//! # fn main() -> throng_server::Result {
//! # let running = Server::new(hold).listen("127.0.0.1:0").start()?;
//! # let mut client = BufReader::new(std::net::TcpStream::connect(&running.addresses()[0])?);
//! # client.read_line(&mut String::new())?;
//! for conn in running.conns() {
//!     println!("{} {}, silent for {:?}", conn.id, conn.peer.address, conn.silent);
//!     running.kill(conn.id);
//! }
//! running.set_limits(Limits { total: 500, ..running.limits() })?;
//! let paused = running.pause(Pause::Refuse)?; // the port stays ours
//! println!("{} are served on, {} were ever served", paused.in_flight, running.stats().accepted);
//! running.resume()?;
//! running.shutdown().wait();
//! assert_eq!(running.stats().ended.get("kicked"), Some(&1));
//! # Ok(())
//! # }
//! ```
//!
//! What happens is told as it happens, to [`Server::events`] at once or to [`Running::subscribe`] at one's own pace: an
//! [`Event`] for each connection that came and went, and for a handler that held its worker.
//!
//! # TLS, proxies, Unix sockets
//!
//! [`Server::tls`] speaks TLS beside plain, told by the first byte, [`Server::listen_tls`] nothing else; certificates are read
//! again when their files change ([`tls`]). [`Server::proxies`] takes the client's address from a balancer that speaks the
//! PROXY protocol ([`proxy_protocol`]). `unix:PATH` is an [`Address`] like any other.
//!
//! # Tests without sockets
//!
//! [`testing::drive`] serves one connection in memory, by a clock that can be paused, so that an hour of silence takes no
//! time. It needs tokio as a dev-dependency, with the features `io-util`, `macros`, `rt` and `test-util`.
//!
//! ```
//! use throng_server::{Conn, End, testing::drive};
//! use tokio::io::{AsyncReadExt, AsyncWriteExt};
//!
//! async fn double(mut conn: Conn) -> throng_server::Result {
//!     let mut lines = conn.lines(80);
//!     while let Some(line) = conn.read_line(&mut lines).await? {
//!         let words = [line, b" ", line, b"\r\n"].concat();
//!         conn.write_all(&words).await?;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> throng_server::Result {
//! // #[tokio::test]
//! let (mut client, driven) = drive(double);
//! client.write_all(b"tick\n").await?;
//! client.shutdown().await?;
//! let mut heard = String::new();
//! client.read_to_string(&mut heard).await?;
//! assert_eq!(heard, "tick tick\r\n");
//! assert_eq!(driven.end().await, End::PeerClosed);
//! # Ok(())
//! # }
//! ```
//!
//! # Restarting
//!
//! A new version takes over every listening socket, and nobody is refused or reset: [`restart`]. The same path takes sockets
//! from systemd: [`Inherited`].
//!
//! # Where things fail
//!
//! | where | you get | it means |
//! |---|---|---|
//! | before or at the start | [`StartError`], from [`Server::start`] | nothing runs; the text says what and where |
//! | certificates | [`TlsError`] | at first nothing runs; at a reload the old ones are used on |
//! | sockets that were passed | [`InheritError`] | the unit or script that started this process is wrong |
//! | in a handler | any error, by `?` | this connection ends, as the [`End`] that it means |
//! | on a connection | an error of its reads and writes | it is over: return it; [`End::of`] tells why |
//! | in accepting | [`Event::AcceptFailed`], [`Event::Rejected`] | the server goes on |
//! | while it is operated | [`std::io::Error`], from [`Running`] | the server is as it was before the call |
//! | at a restart | [`RestartError`] | the old process goes on |
//!
//! A panic in a handler is caught, so it must unwind: with `panic = "abort"` in the profile it ends the process.
//!
//! # For those who work on it
//!
//! The rooms, in reading order: [`handler`] what you write; [`conn`] with its [`peer`], [`blocking`], [`reader`] and [`outbox`] what it is
//! given, with [`buffer`] and [`lines`]; [`server`] how it is put together, or why not ([`start_error`]), from [`claim`] or
//! [`inherit`], [`model`], [`limits`] with [`rate`], [`denied`], and [`timeouts`]; [`running`] how it is operated, with [`state`] and
//! [`report`], and [`restart`] by whom it is followed, or why not ([`restart_error`]); [`end`], [`event`] and [`stats`] what
//! it tells, to a [`subscriber`] as well. Inside, `taker` accepts and never fails, `listener` is what the operator wants of an
//! address, and `door` stands between both where they are on two threads; `arrival` is a connection's life whoever serves it,
//! `worker` is one core's event loop, `flusher` writes once per turn, `linger` closes politely, `seats` counts the
//! places, `inspection` looks at the timeouts and `stall` is what it knows of a peer that takes nothing, `watchdog` notices
//! who holds a worker, `registry` and `ticket` know who is connected, `queue` who waits in the kernel, `shared` is what all
//! threads see, `thread_group` the threads, `role` whether this process is a worker's, and `clock` is the one place where time
//! is read.
//!
//! The path of a connection: the thread `throng-accept` takes it from the kernel (where one event loop serves all, that one
//! does), gives it its ticket, and hands the socket to the model: to the least loaded worker's thread (`throng-worker-N`), to a thread of its own (`thread-N`), to the pool
//! (`throng-pool-N`), or through `throng-processes` to a worker's process, where the handler runs. When the last handle of the
//! connection is dropped, the socket is closed so that nothing that was written is lost, and its one [`End`] is counted.

mod accept_faults;
pub mod address;
mod arrival;
mod baton;
pub mod blocking;
pub mod buffer;
pub mod claim;
mod clock;
pub mod conn;
mod credentials;
pub mod denied;
mod door;
pub mod end;
pub mod event;
mod expiry;
mod failure;
mod flusher;
pub mod handler;
mod handover;
mod handshake;
pub mod inherit;
mod inspection;
mod last_words;
pub mod limits;
pub mod lines;
mod linger;
mod listener;
mod listening;
pub mod model;
pub mod outbox;
mod passed_list;
mod passed_name;
pub mod peer;
mod presented;
mod proxied;
pub mod proxy_protocol;
mod queue;
pub mod rate;
pub mod reader;
mod registry;
pub mod report;
pub mod restart;
pub mod restart_error;
mod role;
pub mod running;
mod seats;
pub mod secured;
pub mod server;
mod shared;
mod signals;
mod socket;
mod stall;
pub mod start_error;
pub mod state;
pub mod stats;
mod stream;
pub mod subscriber;
mod taker;
pub mod testing;
mod thread_group;
mod ticket;
pub mod timeouts;
pub mod tls;
pub mod tls_error;
mod tls_watch;
mod unix_path;
mod watchdog;
mod wire;
mod worker;

pub use address::Address;
pub use baton::Baton;
pub use blocking::BlockingConn;
pub use buffer::Buffer;
pub use claim::{BindError, Claim};
pub use conn::Conn;
pub use credentials::Credentials;
pub use denied::{Denial, Denied};
pub use end::End;
pub use event::Event;
pub use failure::{Failure, Result};
pub use handler::{BlockingHandler, Handler, LocalHandler};
pub use inherit::{InheritError, Inherited};
pub use ipnet::IpNet;
pub use limits::{Full, Limits, Rejected, raise_descriptors};
pub use lines::Lines;
#[cfg(target_os = "linux")]
pub use model::Processes;
pub use model::{BlockingWorker, Events, Model, Pool, Sequential, Threads, Workers};
pub use outbox::Outbox;
pub use peer::{ConnId, ConnIds, Peer};
pub use proxied::{Facts, Proxied, TlsToProxy};
pub use rate::Rate;
pub use reader::Reader;
pub use report::{ConnInfo, Paused, Queued, Report};
pub use restart::{Heir, Restart};
pub use restart_error::RestartError;
pub use role::{told_as_worker, worker_number, worker_or_continue};
pub use running::{Drain, Running};
pub use secured::Secured;
pub use server::Server;
pub use start_error::StartError;
pub use state::{Pause, State};
pub use stats::{Stats, WorkerStats};
pub use subscriber::{Subscriber, Told};
pub use timeouts::Timeouts;
pub use tls::{CertificateFiles, ClientCertificates, Tls, TlsSettings};
pub use tls_error::TlsError;
pub use worker::Worker;
