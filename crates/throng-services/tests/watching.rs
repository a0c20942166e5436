//! The service for programs that watch, as a scraper, a balancer and a vandal find it.

#![allow(clippy::unwrap_used)]

mod guests;

use guests::{Door, Place};
use std::io::{Read, Write};
use std::net::TcpStream;
use throng_server::testing::drive;
use throng_server::{End, Handler};
use throng_services::watching::{Findings, Format, Health, Watching};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn service(findings: Findings) -> impl Handler {
    let health = Health::default();
    health.told_by(move || findings.clone());
    Watching { health, figures: |format| format!("{format:?}\n") }
}

fn well() -> Findings {
    Findings { dead: None, unready: Vec::new() }
}

fn unready() -> Findings {
    Findings { dead: None, unready: vec!["it is \"paused\"".to_owned(), "it is full".to_owned()] }
}

fn dead() -> Findings {
    Findings { dead: Some("no answer".to_owned()), unready: Vec::new() }
}

async fn exchange(findings: Findings, said: &str) -> String {
    let (mut client, _) = drive(service(findings));
    // Who says too much is answered before he has said it all.
    let _ = client.write_all(said.as_bytes()).await;
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn each_path_says_what_it_is_for() {
    for (findings, asked, status, body) in [
        (well(), "GET /healthz", 200, "ok\n"),
        (well(), "GET /readyz", 200, "ok\n"),
        (well(), "GET /readyz?json", 200, "{\"ok\":true,\"reasons\":[]}\n"),
        (unready(), "GET /healthz", 200, "ok\n"),
        (unready(), "GET /readyz", 503, "it is \"paused\"\nit is full\n"),
        (
            unready(),
            "GET /readyz?x&json",
            503,
            "{\"ok\":false,\"reasons\":[\"it is \\\"paused\\\"\",\"it is full\"]}\n",
        ),
        (dead(), "GET /healthz", 503, "no answer\n"),
        (dead(), "GET /readyz", 503, "no answer\n"),
        (well(), "HEAD /readyz", 200, ""),
        (dead(), "HEAD /healthz", 503, ""),
        (well(), "GET /metrics", 200, "Text\n"),
        (well(), "HEAD /metrics", 200, ""),
        (well(), "POST /metrics", 405, "This is only for reading.\n"),
        (well(), "DELETE /readyz", 405, "This is only for reading.\n"),
        (well(), "GET /", 404, "There is nothing here. There is: /metrics /healthz /readyz\n"),
        (well(), "GET /metrics/", 404, "There is nothing here. There is: /metrics /healthz /readyz\n"),
    ] {
        let heard = exchange(findings, &format!("{asked} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let (head, told) = heard.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{asked}: {head}");
        assert!(head.contains("connection: close") && head.contains("cache-control: no-store"), "{head}");
        assert_eq!(head.contains("allow: GET, HEAD"), status == 405, "{head}");
        assert_eq!(told, body, "{asked}");
    }
}

#[tokio::test]
async fn the_form_is_the_one_that_is_asked_for() {
    for (asked, accept, kind) in [
        (
            "/metrics",
            "application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
            Format::OpenMetrics.kind(),
        ),
        ("/metrics", "text/plain;version=0.0.4", Format::Text.kind()),
        ("/readyz", "application/json", "application/json"),
        ("/readyz", "application/json;q=0, */*", "text/plain; charset=utf-8"),
    ] {
        let heard = exchange(well(), &format!("GET {asked} HTTP/1.1\r\nAccept: {accept}\r\n\r\n")).await;
        assert!(heard.contains(&format!("content-type: {kind}\r\n")), "{accept}: {heard}");
    }
}

#[tokio::test]
async fn before_anybody_says_how_it_is_it_is_starting() {
    let starting = || Watching { health: Health::default(), figures: |_| String::new() };
    for (path, status) in [("/healthz", "200"), ("/readyz", "503")] {
        let (mut client, _) = drive(starting());
        client.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.unwrap();
        let mut heard = String::new();
        client.read_to_string(&mut heard).await.unwrap();
        assert!(heard.starts_with(&format!("HTTP/1.0 {status}")), "{heard}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_never_ends_a_request_is_let_go() {
    for said in ["", "GET", "GET /metrics HTTP/1.1\r\nA: b\r\n"] {
        let (mut client, driven) = drive(service(well()));
        client.write_all(said.as_bytes()).await.unwrap();
        let begun = tokio::time::Instant::now();
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert!(heard.is_empty() && begun.elapsed().as_secs() == 10, "{said:?} {:?}", begun.elapsed());
        assert!(matches!(driven.end().await, End::Failed(_) | End::TimedOut));
    }
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_buys_no_time() {
    let (client, driven) = drive(service(well()));
    let (mut hears, mut says) = tokio::io::split(client);
    let begun = tokio::time::Instant::now();
    let dribble = async {
        for byte in b"GET /metrics HTTP/1.1\r\nLonger: than anybody waits for it\r\n".iter().cycle() {
            if says.write_all(&[*byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    };
    let mut heard = Vec::new();
    tokio::select! {
        () = dribble => {}
        read = hears.read_to_end(&mut heard) => drop(read.unwrap()),
    }
    assert!(begun.elapsed().as_secs() <= 11, "{:?}", begun.elapsed());
    assert!(matches!(driven.end().await, End::Failed(_)));
}

#[tokio::test]
async fn what_is_too_long_or_no_http_is_refused_and_a_second_request_is_not_heard() {
    let long = format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(64 << 10));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(200));
    for said in [long.as_str(), &many, "\u{0}\u{1}\u{2}\r\n\r\n", "GET\r\n\r\n"] {
        let heard = exchange(well(), said).await;
        assert!(heard.starts_with("HTTP/1.1 4"), "{heard:?} to {:?}", &said[..20.min(said.len())]);
    }
    let twice = "GET /healthz HTTP/1.1\r\n\r\n".repeat(2);
    assert_eq!(exchange(well(), &twice).await.matches("HTTP/1.1").count(), 1);
}

#[test]
fn the_web_door_says_how_it_is_to_anybody_and_shows_no_figures() {
    let place = Place::open();
    place.chat.health().told_by(unready);
    let ask = |line: &str, host: &str| {
        let mut socket = TcpStream::connect(place.address()).unwrap();
        socket.set_read_timeout(Some(guests::PATIENCE)).unwrap();
        write!(socket, "{line} HTTP/1.1\r\n{host}Connection: close\r\n\r\n").unwrap();
        let mut heard = String::new();
        socket.read_to_string(&mut heard).unwrap();
        heard
    };
    for host in ["", "Host: some.balancer.example\r\n"] {
        assert!(ask("GET /readyz", host).starts_with("HTTP/1.1 503"), "{host}");
        assert!(ask("HEAD /healthz", host).starts_with("HTTP/1.1 200"), "{host}");
        assert!(ask("POST /healthz", host).starts_with("HTTP/1.1 405"), "{host}");
    }
    let own = format!("Host: {}\r\n", place.address());
    assert!(ask("GET /metrics", &own).starts_with("HTTP/1.1 404"));
    // It is served as before.
    let mut ana = place.enter(Door::Web, "ana");
    ana.say("hello");
    ana.hear_until("hello");
}
