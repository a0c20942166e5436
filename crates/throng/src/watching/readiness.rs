//! Would a client who comes now be served, and is the process alive at all? Asked by balancers and supervisors, on the threads
//! that serve: it looks at a few flags and counters, and waits for nobody.

use std::time::Duration;

use throng_server::State;
use throng_services::watching::Findings;

use super::Facts;

/// A hub that answers nothing for so long has more to do than it can: others had better go elsewhere.
const HUB_SLOW: Duration = Duration::from_secs(1);

/// A hub that answers nothing for so long will not answer any more. Much longer than the other: whoever hears it ends the
/// process, and a disk that takes seconds is no reason for that.
const HUB_DEAD: Duration = Duration::from_secs(10);

impl Facts {
    /// How is it?
    pub fn findings(&self) -> Findings {
        let silent = self.pulse().silent(self.uptime());
        let is_over = self.is_ending() || self.running.state() == State::Closed;
        // Behind the farewell there is no hub, and nothing is wrong.
        let silent = silent.filter(|_| !is_over);
        let dead = silent
            .filter(|silent| *silent >= HUB_DEAD)
            .map(|silent| format!("the chat has not answered for {} s", silent.as_secs()));
        let mut unready: Vec<String> = self.not_taking().map(str::to_owned).into_iter().collect();
        let limit = self.running.limits().total as u64;
        if self.running.stats().open >= limit {
            unready.push(format!("it is full: {limit} clients"));
        }
        if let Some(why) = self.chat.as_ref().and_then(|chat| chat.figures.read_only()) {
            unready.push(format!("nothing can be stored: {}", throng_wire::printable::printable(&why)));
        }
        if silent.is_some_and(|silent| silent >= HUB_SLOW) && dead.is_none() {
            unready.push("the chat takes longer than a second to answer".to_owned());
        }
        Findings { dead, unready }
    }

    /// Why it takes nobody, by what was asked of it.
    fn not_taking(&self) -> Option<&'static str> {
        let words = match self.running.state() {
            State::Paused => "it is paused",
            State::Held => "it is paused, and new clients wait",
            State::LetGo => "it restarts",
            State::Draining => "it is draining",
            State::Closed => "it has ended",
            State::Open if self.is_ending() => "it is ending",
            State::Open if !self.running.is_taking() => "it is about to pause or to end",
            State::Open => return None,
        };
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read, Write};
    use std::net::TcpStream;
    use std::sync::Arc;

    use throng_server::{Claim, Conn, Full, Limits, Pause, Running, Server};

    use super::*;
    use crate::log::{Log, Sight, segments};
    use crate::screen::Screen;
    use crate::watching::watcher::Watcher;
    use crate::watching::{All, exposition};

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Deaf to a drain.
    async fn stay(mut conn: Conn) -> throng_server::Result {
        conn.protect();
        conn.write_all(b"!").await?;
        conn.read_into(&mut conn.buffer()).await?;
        Ok(())
    }

    fn watched() -> (Running, Arc<Facts>) {
        let limits = Limits { total: 2, full: Full::Refuse, ..Limits::default() };
        let running = Server::new(stay).limits(limits).listen("127.0.0.1:0").start().unwrap();
        let log = Log::open(None, segments::BOUNDS, Sight::Prompt, Screen::start());
        let facts = Facts::new("echo".to_owned(), crate::ending::now(), running.clone(), None, log);
        (running, Arc::new(facts))
    }

    fn client(running: &Running) -> TcpStream {
        let mut client = TcpStream::connect(&running.addresses()[0]).unwrap();
        client.set_read_timeout(Some(PATIENCE)).unwrap();
        client.read_exact(&mut [0]).unwrap();
        client
    }

    #[test]
    fn it_is_ready_while_it_takes_clients_and_says_why_it_does_not() {
        let (running, facts) = watched();
        let unready = || facts.findings().unready;
        assert_eq!(facts.findings(), Findings { dead: None, unready: Vec::new() });
        let _stays = client(&running);
        running.pause(Pause::Refuse).unwrap();
        assert_eq!(unready(), ["it is paused"]);
        assert_eq!(running.stats().open, 1, "who is here stays");
        running.pause(Pause::Hold).unwrap();
        assert_eq!(unready(), ["it is paused, and new clients wait"]);
        running.resume().unwrap();
        assert_eq!(unready(), [""; 0]);
        let second = client(&running);
        assert_eq!(unready(), ["it is full: 2 clients"]);
        drop(second);
        let mut looks = (0..50_000_000).inspect(|_| std::thread::yield_now());
        assert!(looks.any(|_| unready().is_empty()));
        facts.begin_end();
        assert_eq!(unready(), ["it is ending"]);
        assert_eq!(facts.status().split(':').next(), Some("serving at 127.0.0.1"));
    }

    #[test]
    fn a_drain_is_seen_from_outside_while_somebody_is_still_connected() {
        let (running, facts) = watched();
        let stays = client(&running);
        let claim = Claim::bind(std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        let at = claim.address().clone();
        let watcher = Watcher::start(All::of(vec![Arc::clone(&facts)]), (vec![claim], Vec::new())).unwrap();
        let ask = |path: &str| {
            let mut socket = TcpStream::connect(&at).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            write!(socket, "GET {path} HTTP/1.0\r\n\r\n").unwrap();
            let mut heard = String::new();
            socket.read_to_string(&mut heard).unwrap();
            let (head, body) = heard.split_once("\r\n\r\n").unwrap();
            (head.split(' ').nth(1).unwrap().to_owned(), body.to_owned())
        };
        let answered = |status: &str, body: &str| (status.to_owned(), body.to_owned());
        assert_eq!(ask("/readyz"), answered("200", "ok\n"));
        let drain = running.drain(PATIENCE);
        assert_eq!(ask("/readyz"), answered("503", "it is draining\n"));
        assert_eq!(ask("/healthz"), answered("200", "ok\n"));
        assert_eq!(running.stats().open, 1);
        assert_eq!(facts.status(), "draining: 1 client left");
        assert!(ask("/metrics").1.contains("throng_state{service=\"echo\",state=\"draining\"} 1"));
        drop(stays);
        drain.wait();
        assert_eq!(ask("/readyz"), answered("503", "it has ended\n"));
        watcher.end();
        assert!(TcpStream::connect(&at).is_err(), "it ends last");
    }

    #[test]
    fn a_service_without_a_chat_has_no_figures_of_one() {
        let (_running, facts) = watched();
        let snapshot = facts.snapshot();
        let text = exposition::text(vec![snapshot.clone()], throng_services::watching::Format::Text);
        assert!(
            text.contains("throng_connections{service=\"echo\"} 0") && !text.contains("_chat_"),
            "{text}"
        );
        let json = serde_json::to_value(&snapshot).unwrap();
        assert_eq!(json["server"]["model"], "events");
        assert_eq!((&json["ready"], &json["chat"]), (&true.into(), &serde_json::Value::Null));
    }

    #[test]
    fn several_services_are_ready_together_and_each_has_figures_of_its_own() {
        let ((one, first), (other, second)) = (watched(), watched());
        let named = |facts: Arc<Facts>, name: &str| {
            let facts = Arc::into_inner(facts).expect("nobody else has it");
            Arc::new(Facts { service: name.to_owned(), ..facts })
        };
        let all = All::of(vec![named(first, "echo"), named(second, "lab")]);
        assert_eq!(all.findings(), Findings { dead: None, unready: Vec::new() });
        let _here = client(&other);
        other.pause(Pause::Refuse).unwrap();
        assert_eq!(all.findings().unready, ["lab: it is paused"]);
        assert_eq!(one.stats().open, 0);
        one.pause(Pause::Hold).unwrap();
        assert_eq!(all.findings().unready, ["echo: it is paused, and new clients wait", "lab: it is paused"]);
        one.resume().unwrap();
        let text = exposition::text(all.snapshots(), throng_services::watching::Format::Text);
        let both = "throng_connections{service=\"echo\"} 0.0\nthrong_connections{service=\"lab\"} 1.0\n";
        assert!(text.contains(both), "{text}");
        let once = |what: &str| assert_eq!(text.matches(what).count(), 1, "{what} in {text}");
        once("# TYPE throng_connections gauge");
        once("\nthrong_uptime_seconds ");
        once("\nthrong_build_info{version=");
        let status = all.status();
        assert!(status.starts_with("echo serving at ") && status.contains("; lab paused at "), "{status}");
    }
}
