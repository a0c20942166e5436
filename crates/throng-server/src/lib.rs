//! A TCP service from one handler: limits, timeouts, pause, resume, drain and restart come with it. Knows no protocol.
//!
//! # Ten lines
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
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let running = Server::new(echo).listen("127.0.0.1:0").start()?;
//! # let report = running.drain(std::time::Duration::from_secs(30)).wait();
//! # assert_eq!(report.cut, 0);
//! # Ok(())
//! # }
//! ```
//!
//! A handler takes a connection, talks, and returns; `?` takes any error, and ends this connection only. Whatever it returns,
//! even if it panics, the connection ends for exactly one reason, an [`End`].
//!
//! # A service of lines, that ends well
//!
//! ```no_run
//! use std::time::Duration;
//! use throng_server::{Conn, Limits, Server, Timeouts};
//!
//! async fn shout(mut conn: Conn) -> throng_server::Result {
//!     let mut lines = conn.lines(1024); // a longer line is an error, and so the end
//!     while let Some(line) = conn.read_line(&mut lines).await? {
//!         let answer = [&line.to_ascii_uppercase(), &b"\r\n"[..]].concat();
//!         conn.write_all(&answer).await?;
//!     }
//!     if conn.is_draining() {
//!         conn.write_all(b"The server is closing.\r\n").await?;
//!     }
//!     Ok(())
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     throng_server::raise_descriptors();
//!     let running = Server::new(shout)
//!         .listen("127.0.0.1:7000")
//!         .limits(Limits { per_address: 16, ..Limits::default() })
//!         .timeouts(Timeouts { idle: Some(Duration::from_secs(300)), ..Timeouts::default() })
//!         .start()?;
//!     println!("nc {}", running.addresses()[0]);
//!     running.until_signal()?; // SIGTERM or Ctrl-C drains, a second one cuts
//!     Ok(())
//! }
//! ```
//!
//! # Where to find what
//!
//! | you want | see |
//! |---|---|
//! | something before and after each connection | [`handler`]: `setup`, `serve`, `finish` |
//! | state for everybody, or for each worker | capture an `Arc` in [`Server::new`], or [`Server::local`] |
//! | plain blocking code over [`std::io`] | [`Server::blocking`], or [`Server::blocking_local`] for each worker |
//! | one client at a time, threads, a pool, an event loop per core, processes | [`model`] |
//! | to send to others than the one who asked | [`Conn::split`], [`outbox`] |
//! | how many, how often, how long | [`Limits`], [`Rate`], [`Timeouts`]; changed live by [`Running::set_limits`] |
//! | pause, resume, drain, kick, who is here | [`Running`] |
//! | to be told what happens | [`Server::events`], [`Running::subscribe`], [`Running::stats`] |
//! | a new version without refusing anybody; systemd | [`restart`], [`Inherited`] |
//! | TLS, Unix sockets, proxies | [`tls`], [`Address`], [`Server::proxies`] |
//! | a test without a socket | [`testing`] |
//!
//! Errors at the start are a [`StartError`], whose text says what and where; nothing runs then. Errors of a connection are its
//! [`End`]. The listener has no errors: what the kernel says to it is told as an [`Event`], and it goes on.
//!
//! The rooms, in reading order: [`handler`] what you write; [`conn`] with its [`peer`], [`blocking`] and [`outbox`] what it is given, with
//! [`buffer`] and [`lines`]; [`server`] how it is put together, or why not ([`start_error`]), from [`claim`] or [`inherit`], [`model`], [`limits`] with
//! [`rate`], and [`timeouts`]; [`running`] how it is operated, with [`state`] and [`report`], and [`restart`] by whom it is followed, or why not
//! ([`restart_error`]); [`end`], [`event`] and [`stats`] what it tells, to a [`subscriber`] as well. Inside, `listener` accepts
//! and never fails, `arrival` is a connection's life whoever serves it, `worker` is one core's event loop, `flusher` writes
//! once per turn, `linger` closes politely, `seats` counts the places, `inspection` looks at the timeouts and `stall` is what it
//! knows of a peer that takes nothing, `watchdog` notices who holds a worker, `registry` and `ticket` know who is connected, `queue` who waits in the kernel,
//! `shared` is what all threads see, `thread_group` the threads, `role` whether this process is a worker's, and `clock` is the one place where time is read.
//!
//! The path of a connection: the thread `throng-accept` takes it from the kernel, gives it its ticket, and hands the socket
//! to the model: to the least loaded worker's thread (`throng-worker-N`), to a thread of its own (`thread-N`), to the pool
//! (`throng-pool-N`), or through `throng-processes` to a worker's process, where the handler runs on that one's thread or on one of its own. When the last handle of the connection is dropped, the socket is closed so that
//! nothing that was written is lost, and its one [`End`] is counted.

mod accept_faults;
pub mod address;
mod arrival;
mod baton;
pub mod blocking;
pub mod buffer;
pub mod claim;
mod clock;
pub mod conn;
pub mod end;
pub mod event;
mod failure;
mod flusher;
pub mod handler;
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
pub mod proxy_protocol;
mod queue;
pub mod rate;
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
pub use conn::{Conn, Reader};
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
pub use peer::{ConnId, Peer};
pub use rate::Rate;
pub use report::{ConnInfo, Paused, Report};
pub use restart::{Heir, Restart};
pub use restart_error::RestartError;
pub use role::{worker_number, worker_or_continue};
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
