//! The service for programs that watch: HTTP/1 at addresses of its own, one request on each connection.
//!
//! It reads counters and waits for nobody, so it answers as well while the service beside it is paused or drains. What a
//! client of it can take is bounded: how many there are, how long a request may be, and how long all of it may take.

use std::convert::Infallible;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use throng_server::{Conn, Full, Handler, Limits, Timeouts};

use super::health::Health;
use super::page::{self, Format};

/// How many may ask at the same time. Who comes then is closed at once.
const CLIENTS_MAX: usize = 64;

/// How many of these may be of one address, other machines' only.
const CLIENTS_PER_ADDRESS_MAX: usize = 16;

/// The longest head of a request; the library takes no smaller bound.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// How many headers it may have.
const HEADERS_MAX: usize = 64;

/// How long a request and its answer may take, from the connect to the last byte.
const VISIT_MAX: Duration = Duration::from_secs(10);

/// Answers those who watch.
pub struct Watching<F> {
    /// How the server is.
    pub health: Health,
    /// Writes down its figures.
    pub figures: F,
}

impl<F: Fn(Format) -> String + Send + Sync + 'static> Handler for Watching<F> {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        let service = service_fn(|request| {
            std::future::ready(Ok::<_, Infallible>(page::of(&request, &self.health, &self.figures)))
        });
        let visit = http1::Builder::new()
            .keep_alive(false)
            .half_close(true)
            .max_buf_size(HEAD_BYTES_MAX)
            .max_headers(HEADERS_MAX)
            .serve_connection(TokioIo::new(conn), service);
        match tokio::time::timeout(VISIT_MAX, visit).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(why)) => Err(why.to_string().into()),
            Err(_) => Err("a request took too long".into()),
        }
    }
}

/// What [`Watching`] is served with.
pub fn limits() -> Limits {
    Limits {
        total: CLIENTS_MAX,
        full: Full::Refuse,
        per_address: CLIENTS_PER_ADDRESS_MAX,
        ..Limits::default()
    }
}

/// The same of times: a drain waits for nobody who only holds his connection.
pub fn timeouts() -> Timeouts {
    Timeouts { idle: Some(VISIT_MAX), write_stall: Some(VISIT_MAX), age: None, ..Timeouts::default() }
}
