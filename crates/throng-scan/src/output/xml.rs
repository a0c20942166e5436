//! XML that is valid by nmap's DTD (nmap.org/book/nmap-dtd.html), for the many programs that read it.
//!
//! All text is in attributes, and all of it is ASCII: what XML 1.0 cannot hold at all, such as most control characters, becomes
//! U+FFFD. The DTD wants a host's ports in one element, with the count of those that are not told before them, so they wait here
//! until the host is over, at most [`WAITING_MAX`] of all hosts; beyond it a host's ports are spread over several elements.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;

use super::record::state;
use super::{About, Output};
use crate::event::{
    Counts, End, Ended, Event, Host, HostEnd, HostReport, Port, Reason, Started, Trouble, Verdict,
};
use crate::services;

/// How many ports may wait for the end of their hosts.
pub const WAITING_MAX: usize = 2 * 65_536;

/// The version of nmap's XML that this is written by.
const XML_VERSION: &str = "1.05";

/// Writes XML.
pub struct Xml<W> {
    about: About,
    to: W,
    state: State,
    /// Ports whose hosts are not over.
    waiting: BTreeMap<IpAddr, Vec<Port>>,
    waiting_count: usize,
    /// Ports that were written before their hosts were over.
    written: BTreeMap<IpAddr, Counts>,
    hosts: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Fresh,
    Begun,
    Ended,
}

impl<W: Write> Xml<W> {
    /// Writes there.
    pub fn new(about: About, to: W) -> Xml<W> {
        let (waiting, written) = (BTreeMap::new(), BTreeMap::new());
        Xml { about, to, state: State::Fresh, waiting, waiting_count: 0, written, hosts: 0 }
    }

    fn begin(&mut self, started: Option<&Started>) -> io::Result<()> {
        if self.state != State::Fresh {
            return Ok(());
        }
        self.state = State::Begun;
        self.hosts = started.map_or(0, |started| started.hosts);
        let about = &self.about;
        let mut head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE nmaprun>\n".to_owned();
        // The DTD knows no other scanner than nmap; who it really was is in args and in version.
        let attributes = [
            ("scanner", Cow::Borrowed("nmap")),
            ("args", (&*about.command).into()),
            ("start", about.began.as_secs().to_string().into()),
            ("version", format!("{} {}", about.program, about.version).into()),
            ("xmloutputversion", XML_VERSION.into()),
        ];
        open(&mut head, "nmaprun", &attributes, ">\n");
        let attributes = [
            ("type", Cow::Borrowed("connect")),
            ("protocol", "tcp".into()),
            ("numservices", about.ports.len().to_string().into()),
            ("services", about.ports.to_string().into()),
        ];
        open(&mut head, "scaninfo", &attributes, "/>\n");
        head.push_str("<verbose level=\"0\"/>\n<debugging level=\"0\"/>\n");
        if let Some(text) = &about.authorized {
            head.push_str("<prescript>");
            open(&mut head, "script", &[("id", "authorized".into()), ("output", (&**text).into())], "/>");
            head.push_str("</prescript>\n");
        }
        self.to.write_all(head.as_bytes())
    }

    fn port(&mut self, port: &Port) -> io::Result<()> {
        self.begin(None)?;
        if self.waiting_count == WAITING_MAX {
            let most = self.waiting.iter().max_by_key(|(_, ports)| ports.len()).map(|(address, _)| *address);
            if let Some(ports) = most.and_then(|address| self.waiting.remove(&address)) {
                self.waiting_count -= ports.len();
                self.part(&ports)?;
            }
        }
        self.waiting.entry(port.host.address).or_default().push(port.clone());
        self.waiting_count += 1;
        Ok(())
    }

    /// Ports of a host that is not over.
    fn part(&mut self, ports: &[Port]) -> io::Result<()> {
        let Some(first) = ports.first() else { return Ok(()) };
        let written = self.written.entry(first.host.address).or_default();
        let mut seen = Counts::default();
        for port in ports {
            written.count(port.verdict);
            seen.count(port.verdict);
        }
        let mut text = String::new();
        self.host_head(&mut text, &first.host, answered(&seen), None);
        self.ports(text, &Counts::default(), ports)
    }

    fn host(&mut self, report: &HostReport) -> io::Result<()> {
        self.begin(None)?;
        let address = report.host.address;
        let ports = self.waiting.remove(&address).unwrap_or_default();
        self.waiting_count -= ports.len();
        let mut told = self.written.remove(&address).unwrap_or_default();
        ports.iter().for_each(|port| told.count(port.verdict));
        let left = Counts {
            open: report.counts.open.saturating_sub(told.open),
            closed: report.counts.closed.saturating_sub(told.closed),
            filtered: report.counts.filtered.saturating_sub(told.filtered),
            unreachable: report.counts.unreachable.saturating_sub(told.unreachable),
            unknown: report.counts.unknown.saturating_sub(told.unknown),
        };
        let how = match report.end {
            HostEnd::Unreachable => ("down", "host-unreach"),
            _ if report.round_trip.is_some() => ("up", answered(&report.counts).1),
            _ => answered(&report.counts),
        };
        let limits = "it limits its resets: ports that are called filtered may be closed";
        let mut text = String::new();
        self.host_head(&mut text, &report.host, how, report.resets_limited.then_some(limits));
        self.ports(text, &left, &ports)
    }

    fn host_head(&self, text: &mut String, host: &Host, how: (&str, &str), comment: Option<&str>) {
        let comment: Vec<_> = comment.map(|comment| ("comment", comment.into())).into_iter().collect();
        open(text, "host", &comment, ">");
        let (state, reason) = how;
        open(
            text,
            "status",
            &[("state", state.into()), ("reason", reason.into()), ("reason_ttl", "0".into())],
            "/>\n",
        );
        let family = if host.address.is_ipv4() { "ipv4" } else { "ipv6" };
        open(
            text,
            "address",
            &[("addr", host.address.to_string().into()), ("addrtype", family.into())],
            "/>\n",
        );
        text.push_str("<hostnames>");
        if let Some(name) = &host.name {
            open(text, "hostname", &[("name", (&**name).into()), ("type", "user".into())], "/>");
        }
        text.push_str("</hostnames>\n");
    }

    /// The rest of a host's element; each port by itself, since they may be many.
    fn ports(&mut self, mut text: String, left: &Counts, ports: &[Port]) -> io::Result<()> {
        text.push_str("<ports>\n");
        for (verdict, count) in [
            (Verdict::Open, left.open),
            (Verdict::Closed, left.closed),
            (Verdict::Filtered, left.filtered),
            (Verdict::Unreachable, left.unreachable),
            (Verdict::Unknown, left.unknown),
        ] {
            if count > 0 {
                let attributes = [("state", state(verdict).into()), ("count", count.to_string().into())];
                open(&mut text, "extraports", &attributes, "/>\n");
            }
        }
        for port in ports {
            self.element(&mut text, port);
            self.to.write_all(text.as_bytes())?;
            text.clear();
        }
        text.push_str("</ports>\n</host>\n");
        self.to.write_all(text.as_bytes())
    }

    fn element(&self, text: &mut String, port: &Port) {
        open(text, "port", &[("protocol", "tcp".into()), ("portid", port.number.to_string().into())], ">");
        let (state, reason) = (state(port.verdict), reason(port.reason));
        open(
            text,
            "state",
            &[("state", state.into()), ("reason", reason.into()), ("reason_ttl", "0".into())],
            "/>",
        );
        if let Some(name) = services::name(port.number) {
            let attributes = [("name", name.into()), ("method", "table".into()), ("conf", "3".into())];
            open(text, "service", &attributes, "/>");
        }
        if let Some(said) = &port.banner {
            let said = (self.about.printable)(said);
            open(text, "script", &[("id", "banner".into()), ("output", said.into())], "/>");
        }
        text.push_str("</port>\n");
    }

    fn end(&mut self, ended: Option<&Ended>) -> io::Result<()> {
        self.begin(None)?;
        for (_, ports) in std::mem::take(&mut self.waiting) {
            self.part(&ports)?;
        }
        (self.waiting_count, self.state) = (0, State::Ended);
        let fault = match ended {
            None => Some("the scan did not come to its end"),
            Some(ended) if ended.is_complete() => None,
            Some(ended) => Some(match ended.end {
                End::Stopped => "incomplete: it was stopped",
                End::Deadline => "incomplete: its time was up",
                End::Complete => "incomplete: of some ports nothing is known",
            }),
        };
        let elapsed = ended.map_or_else(Default::default, |ended| ended.elapsed);
        let mut attributes = vec![
            ("time", self.about.began.saturating_add(elapsed).as_secs().to_string().into()),
            ("elapsed", format!("{:.3}", elapsed.as_secs_f64()).into()),
            ("exit", Cow::Borrowed(if fault.is_none() { "success" } else { "error" })),
        ];
        attributes.extend(fault.map(|fault| ("errormsg", fault.into())));
        let (total, up) = ended.map_or((self.hosts, 0), |ended| (ended.hosts, ended.answered));
        let mut text = "<runstats>".to_owned();
        open(&mut text, "finished", &attributes, "/>");
        let attributes = [
            ("up", up.to_string().into()),
            ("down", total.saturating_sub(up).to_string().into()),
            ("total", total.to_string().into()),
        ];
        open(&mut text, "hosts", &attributes, "/>");
        text.push_str("</runstats>\n</nmaprun>\n");
        self.to.write_all(text.as_bytes())
    }
}

impl<W: Write> Output for Xml<W> {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        match event {
            _ if self.state == State::Ended => Ok(()),
            Event::Started(started) => self.begin(Some(started)),
            Event::Port(port) => self.port(port),
            Event::Host(report) => self.host(report),
            Event::Ended(ended) => self.end(Some(ended)),
            Event::Progress(_) => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        if self.state != State::Ended {
            self.end(None)?;
        }
        self.to.flush()
    }
}

/// Is the host up, and by what do we know?
fn answered(counts: &Counts) -> (&'static str, &'static str) {
    match counts {
        Counts { open: 1.., .. } => ("up", "syn-ack"),
        Counts { closed: 1.., .. } => ("up", "conn-refused"),
        _ => ("unknown", "no-response"),
    }
}

/// A reason in nmap's words, where it has some.
fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Accepted => "syn-ack",
        Reason::Reset => "conn-refused",
        Reason::Silence => "no-response",
        Reason::HostUnreachable => "host-unreach",
        Reason::NetworkUnreachable => "net-unreach",
        Reason::Prohibited => "admin-prohibited",
        Reason::NotAsked => "not-asked",
        Reason::Local(Trouble::Descriptors) => "local-descriptors",
        Reason::Local(Trouble::Ports) => "local-ports",
        Reason::Local(Trouble::Buffers) => "local-buffers",
        Reason::Local(Trouble::Other) => "local-other",
    }
}

/// Opens an element, with its attributes.
fn open(text: &mut String, element: &str, attributes: &[(&str, Cow<str>)], end: &str) {
    text.push('<');
    text.push_str(element);
    for (name, value) in attributes {
        text.push(' ');
        text.push_str(name);
        text.push_str("=\"");
        escape(text, value);
        text.push('"');
    }
    text.push_str(end);
}

/// The value of an attribute, in ASCII.
fn escape(text: &mut String, value: &str) {
    for letter in value.chars() {
        match letter {
            '"' | '&' | '<' | '>' | '\t' | '\n' | '\r' => reference(text, letter),
            ' '..='~' => text.push(letter),
            // What XML 1.0 cannot hold, not even as a reference.
            '\0'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => reference(text, char::REPLACEMENT_CHARACTER),
            letter => reference(text, letter),
        }
    }
}

fn reference(text: &mut String, letter: char) {
    write!(text, "&#x{:x};", u32::from(letter)).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_xml_can_hold_is_written() {
        for (given, expected) in [
            ("plain 'text'", "plain 'text'"),
            ("<a b=\"c\">&", "&#x3c;a b=&#x22;c&#x22;&#x3e;&#x26;"),
            ("\0\x1b[2J\r\n\t", "&#xfffd;&#xfffd;[2J&#xd;&#xa;&#x9;"),
            ("\u{7f}\u{9b}é\u{ffff}😀", "&#x7f;&#x9b;&#xe9;&#xfffd;&#x1f600;"),
        ] {
            let mut text = String::new();
            escape(&mut text, given);
            assert_eq!(text, expected, "{given:?}");
        }
    }
}
