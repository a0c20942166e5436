//! A TCP service from one handler: limits, timeouts, pause, resume and drain come with it. Knows no protocol.
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
//! running.pause()?;
//! running.resume()?;
//! let report = running.drain(std::time::Duration::from_secs(30)).wait();
//! assert_eq!(report.cut, 0);
//! # Ok(())
//! # }
//! ```
//!
//! The rooms, in reading order: [`handler`] what you write; [`conn`] and [`outbox`] what it is given, with [`buffer`];
//! [`server`] how it is put together from [`claim`], [`limits`] and [`timeouts`]; [`running`] how it is operated, with
//! [`report`]; [`end`], [`event`] and [`stats`] what it tells. Inside, `listener` accepts and never fails, `worker` is one
//! core's event loop, `flusher` writes once per turn, `linger` closes politely, `registry` and `ticket` know who is
//! connected, `shared` is what all threads see, and `clock` is the one place where time is read.
//!
//! The path of a connection: the thread `throng-accept` takes it from the kernel, counts it, and hands the socket to the
//! least loaded worker (`throng-worker-N`), which gives it a ticket and spawns the handler. When the last handle of the
//! connection is dropped, the socket is closed so that nothing that was written is lost, and its one [`End`] is counted.

pub mod buffer;
pub mod claim;
mod clock;
pub mod conn;
pub mod end;
pub mod event;
mod failure;
mod flusher;
pub mod handler;
pub mod limits;
mod linger;
mod listener;
pub mod outbox;
mod registry;
pub mod report;
pub mod running;
pub mod server;
mod shared;
pub mod stats;
mod ticket;
pub mod timeouts;
mod worker;

pub use buffer::Buffer;
pub use claim::{BindError, Claim};
pub use conn::{Conn, ConnId, Peer, Reader};
pub use end::End;
pub use event::Event;
pub use failure::{Failure, Result};
pub use handler::{Handler, LocalHandler, Rejected};
pub use limits::{Limits, raise_descriptors};
pub use outbox::Outbox;
pub use report::{ConnInfo, Paused, Report, State};
pub use running::{Drain, Running};
pub use server::{Model, Server, StartError, Workers};
pub use stats::Stats;
pub use timeouts::Timeouts;
pub use worker::Worker;
