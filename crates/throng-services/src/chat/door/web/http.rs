//! HTTP, as far as a page and a socket need it: GET and HEAD of a few fixed paths, no bodies, nothing written.
//!
//! The library has the connection until it is closed, its requests are used up, or a socket is agreed on; then the
//! seat takes it back with what the library had read too far. The seat's deadline for the nameless ends whoever loads
//! a page and then says nothing.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderValue};
use hyper::http::response::Builder;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use throng_server::{Outbox, Reader};

use super::host::{Authority, Entrance};
use super::pages::{Page, page};
use super::socket::Speech;
use super::stream::Stream;
use super::upgrade::{self, only};
use crate::chat::house::House;
use crate::watching::{self, Health};

/// The longest head of a request: its first line and its headers.
const HEAD_BYTES_MAX: usize = 8 << 10;

/// How many headers it may have.
const HEADERS_MAX: usize = 64;

/// Requests of one connection. A page is eight files; a browser that wants more opens another connection.
const REQUESTS_MAX: u32 = 100;

/// Where the socket is.
const SOCKET: &str = "/socket";

/// Only our own files, and sockets to where they came from; nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

type Answer = Response<Full<Bytes>>;

/// Serves a browser until it has a socket, whose kind is returned, or nothing more is to be served. `asked` hears of each
/// request.
pub async fn serve(
    visit: Visit<'_>,
    reader: &mut Reader,
    outbox: &Outbox,
    asked: impl Fn(),
) -> Option<Speech> {
    let desk = Desk { visit, requests: Cell::new(0), agreed: Cell::new(None) };
    let stream = TokioIo::new(Stream::new(reader, outbox.clone()));
    let service = service_fn(|request| {
        asked();
        std::future::ready(Ok::<_, Infallible>(desk.answer(&request)))
    });
    let mut connection = http1::Builder::new()
        .half_close(true)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(stream, service);
    // An error is a request that was no HTTP, and was answered, or the end of the connection.
    let outcome = poll_fn(|cx| connection.poll_without_shutdown(cx)).await;
    let rest = connection.into_parts().read_buf;
    let speech = desk.agreed.get().filter(|_| outcome.is_ok())?;
    reader.unread(&rest);
    Some(speech)
}

/// What a browser meets.
#[derive(Clone, Copy)]
pub struct Visit<'a> {
    /// The chat's settings.
    pub house: &'a House,
    /// How the server is, for programs that ask.
    pub health: &'a Health,
    /// Where it came in.
    pub entrance: Entrance,
}

/// Answers the requests of one connection.
struct Desk<'a> {
    visit: Visit<'a>,
    requests: Cell<u32>,
    agreed: Cell<Option<Speech>>,
}

#[expect(clippy::result_large_err, reason = "an answer is made once per request, and told at once")]
impl Desk<'_> {
    fn answer(&self, request: &Request<Incoming>) -> Answer {
        self.requests.set(self.requests.get() + 1);
        let mut answer = self.judge(request).unwrap_or_else(|refused| refused);
        if self.requests.get() >= REQUESTS_MAX && self.agreed.get().is_none() {
            close_behind(&mut answer);
        }
        answer
    }

    /// The answer, or what is wrong with the request.
    fn judge(&self, request: &Request<Incoming>) -> Result<Answer, Answer> {
        if !request.body().is_end_stream() {
            let mut refused = refuse(StatusCode::PAYLOAD_TOO_LARGE, "No request has a body here.");
            close_behind(&mut refused);
            return Err(refused);
        }
        // A balancer asks by whatever name it knows, or by none, and hears nothing that others may not hear.
        if let Some(answer) = watching::page::of_health(request, self.visit.health) {
            return Ok(answer);
        }
        let host = self.host(request)?;
        if request.uri().path() == SOCKET {
            return self.open_socket(request, &host);
        }
        let Some(page) = page(request.uri().path()) else {
            return Err(refuse(StatusCode::NOT_FOUND, "There is nothing here; the chat is at /"));
        };
        if request.method() != Method::GET && request.method() != Method::HEAD {
            let mut refused = refuse(StatusCode::METHOD_NOT_ALLOWED, "This is only for reading.");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return Err(refused);
        }
        Ok(show(page, request))
    }

    /// The one `Host` of the request, which must be ours (RFC 9112 §3.2). A target with a host of its own, as proxies
    /// are asked, is refused: two hosts in one request are one too many.
    fn host(&self, request: &Request<Incoming>) -> Result<Authority, Answer> {
        let one = only(request.headers(), header::HOST).filter(|_| request.uri().authority().is_none());
        let written = one.ok_or_else(|| refuse(StatusCode::BAD_REQUEST, "Say one Host, and only there."))?;
        let hosts = self.visit.house.settings.hosts.now();
        let ours = |host: &Authority| host.is_ours(self.visit.entrance, &hosts);
        Authority::parse(written, self.visit.entrance).filter(ours).ok_or_else(|| {
            let words = format!(
                "This server does not answer to that host. Open {} on this machine, or the address \
                 that it listens on.",
                self.visit.entrance.url()
            );
            refuse(StatusCode::FORBIDDEN, &words)
        })
    }

    fn open_socket(&self, request: &Request<Incoming>, host: &Authority) -> Result<Answer, Answer> {
        if request.method() != Method::GET {
            let mut refused = refuse(StatusCode::METHOD_NOT_ALLOWED, "A WebSocket is opened by GET.");
            refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            return Err(refused);
        }
        match upgrade::agree(request.headers(), host, self.visit.entrance) {
            Ok(agreed) => {
                self.agreed.set(Some(agreed.speech));
                let answer = Response::builder()
                    .status(StatusCode::SWITCHING_PROTOCOLS)
                    .header(header::CONNECTION, "Upgrade")
                    .header(header::UPGRADE, "websocket")
                    .header(header::SEC_WEBSOCKET_ACCEPT, agreed.accept)
                    .header(header::SEC_WEBSOCKET_PROTOCOL, agreed.speech.name());
                Ok(finish(answer, Bytes::new()))
            }
            Err((status, words)) => {
                let mut refused = refuse(status, words);
                if status == StatusCode::UPGRADE_REQUIRED {
                    let headers = refused.headers_mut();
                    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
                    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
                    headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static(upgrade::VERSION));
                }
                Err(refused)
            }
        }
    }
}

fn show(page: &'static Page, request: &Request<Incoming>) -> Answer {
    let etag = format!("\"{:016x}\"", page.etag);
    let known = only(request.headers(), header::IF_NONE_MATCH).is_some_and(|known| known == etag);
    let answer = Response::builder().header(header::CACHE_CONTROL, "no-cache").header(header::ETAG, etag);
    match known {
        true => finish(answer.status(StatusCode::NOT_MODIFIED), Bytes::new()),
        false => {
            finish(answer.header(header::CONTENT_TYPE, page.kind), Bytes::from_static(page.body.as_bytes()))
        }
    }
}

fn refuse(status: StatusCode, words: &str) -> Answer {
    let answer = Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .header(header::CACHE_CONTROL, "no-store");
    finish(answer, Bytes::from(format!("{words}\n")))
}

fn finish(answer: Builder, body: Bytes) -> Answer {
    answer
        .header(header::CONTENT_SECURITY_POLICY, POLICY)
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .header(header::REFERRER_POLICY, "no-referrer")
        .body(Full::new(body))
        .expect("our own headers are good")
}

fn close_behind(answer: &mut Answer) {
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
}
