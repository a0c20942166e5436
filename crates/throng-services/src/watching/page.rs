//! The answers: `/healthz`, `/readyz` and `/metrics`, as text or as JSON, and what is wrong with any other request.

use std::borrow::Cow;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::json;

use super::health::Health;

/// An answer.
pub type Answer = Response<Full<Bytes>>;

const ALIVE: &str = "/healthz";
const READY: &str = "/readyz";
const METRICS: &str = "/metrics";

/// How figures are written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus' own text, version 0.0.4.
    Text,
    /// OpenMetrics 1.0.0.
    OpenMetrics,
}

impl Format {
    /// Its content type.
    pub fn kind(self) -> &'static str {
        match self {
            Format::Text => "text/plain; version=0.0.4; charset=utf-8",
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }

    /// What these words of an `Accept` want. Whoever can read both says so by naming OpenMetrics, as Prometheus does.
    fn wanted(accept: &str) -> Format {
        let names = |kind: &str| accept.split(',').any(|one| media(one) == kind && !is_refused(one));
        if names("application/openmetrics-text") { Format::OpenMetrics } else { Format::Text }
    }
}

/// The answer to a question about health, if it is one.
pub fn of_health<B>(request: &Request<B>, health: &Health) -> Option<Answer> {
    let path = request.uri().path();
    if path != ALIVE && path != READY {
        return None;
    }
    if let Some(refused) = refused_method(request.method()) {
        return Some(refused);
    }
    let findings = health.look();
    let reasons = match path {
        ALIVE => findings.dead.into_iter().collect(),
        _ => findings.dead.into_iter().chain(findings.unready).collect::<Vec<_>>(),
    };
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let (kind, body) = match wants_json(request) {
        true => {
            let body = json!({ "ok": reasons.is_empty(), "reasons": reasons });
            ("application/json", format!("{body}\n"))
        }
        false if reasons.is_empty() => ("text/plain; charset=utf-8", "ok\n".to_owned()),
        false => ("text/plain; charset=utf-8", reasons.iter().map(|why| format!("{why}\n")).collect()),
    };
    Some(answer(status, kind, body))
}

/// The answer to any request, with these figures.
pub fn of<B>(request: &Request<B>, health: &Health, figures: &dyn Fn(Format) -> String) -> Answer {
    if let Some(answer) = of_health(request, health) {
        return answer;
    }
    if request.uri().path() != METRICS {
        let words = format!("There is nothing here. There is: {METRICS} {ALIVE} {READY}\n");
        return answer(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", words);
    }
    if let Some(refused) = refused_method(request.method()) {
        return refused;
    }
    let format = Format::wanted(&accept(request));
    answer(StatusCode::OK, format.kind(), figures(format))
}

/// Only reading is for everybody.
fn refused_method(method: &Method) -> Option<Answer> {
    if [Method::GET, Method::HEAD].contains(method) {
        return None;
    }
    let words = "This is only for reading.\n".to_owned();
    let mut refused = answer(StatusCode::METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", words);
    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
    Some(refused)
}

fn answer(status: StatusCode, kind: &'static str, body: String) -> Answer {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, kind)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
        .body(Full::new(Bytes::from(body)))
        .expect("our own headers are good")
}

fn wants_json<B>(request: &Request<B>) -> bool {
    let asked = request.uri().query().is_some_and(|query| query.split('&').any(|word| word == "json"));
    asked || accept(request).split(',').any(|one| media(one) == "application/json" && !is_refused(one))
}

/// All that is said about what may be answered; what is no text says nothing.
fn accept<B>(request: &Request<B>) -> Cow<'_, str> {
    let mut values = request.headers().get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let first = values.next().unwrap_or_default();
    values.fold(Cow::Borrowed(first), |all, value| format!("{all},{value}").into())
}

/// The kind that one of several names, without what qualifies it.
fn media(one: &str) -> String {
    one.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// A weight of nothing says that it is not wanted (RFC 9110 §12.4.2).
fn is_refused(one: &str) -> bool {
    one.split(';').skip(1).any(|word| {
        let weight = word.trim().strip_prefix("q=").and_then(|weight| weight.trim().parse::<f32>().ok());
        weight == Some(0.0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn openmetrics_is_for_those_who_ask_for_it() {
        for (accept, expected) in [
            ("", Format::Text),
            ("*/*", Format::Text),
            ("text/plain", Format::Text),
            ("application/openmetrics-text", Format::OpenMetrics),
            ("Application/OpenMetrics-Text; version=1.0.0; q=0.5, text/plain;q=0.1", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;q=0", Format::Text),
            ("text/plain;x=application/openmetrics-text", Format::Text),
        ] {
            assert_eq!(Format::wanted(accept), expected, "{accept:?}");
        }
    }
}
