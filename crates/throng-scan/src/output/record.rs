//! The records of JSON and NDJSON. docs/scan.md describes them; whoever changes what one means raises [`SCHEMA`].

use std::fmt::Write as _;
use std::io::{self, Write};
use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;

use super::{About, ascii};
use crate::event::{
    Counts, End, Ended, Host, HostEnd, HostReport, Port, Progress, Reason, Started, Trouble, Verdict,
};
use crate::services;

/// The form of the records. New fields leave it as it is.
pub const SCHEMA: u32 = 1;

/// One record.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(missing_docs, reason = "docs/scan.md has them, field by field")]
pub enum Record<'a> {
    Start {
        schema: u32,
        program: &'a str,
        version: &'a str,
        command: &'a str,
        began: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        authorized: Option<&'a str>,
        hosts: Option<u64>,
        ports: u32,
    },
    Port {
        address: IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        port: u16,
        #[serde(skip_serializing_if = "Option::is_none")]
        service: Option<&'static str>,
        state: &'static str,
        reason: &'static str,
        rtt_us: Option<u64>,
        tries: u8,
        #[serde(skip_serializing_if = "Option::is_none")]
        banner: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        banner_hex: Option<String>,
    },
    Host {
        address: IpAddr,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'a str>,
        end: &'static str,
        counts: Numbers,
        rtt_us: Option<u64>,
        seconds: f64,
        resets_limited: bool,
    },
    Progress {
        done: u64,
        of: u64,
        open: u64,
        rate: f64,
        in_flight: u32,
        window: u32,
        loss: f64,
        rtt_us: Option<u64>,
        seconds: f64,
        seconds_left: Option<f64>,
    },
    End {
        reason: &'static str,
        complete: bool,
        hosts: Option<u64>,
        answered: Option<u64>,
        counts: Option<Numbers>,
        seconds: Option<f64>,
        probes: Option<u64>,
        troubles: Option<u64>,
    },
}

/// How many ports are what.
#[derive(Debug, Serialize)]
#[expect(missing_docs, reason = "as in `Counts`")]
pub struct Numbers {
    pub open: u64,
    pub closed: u64,
    pub filtered: u64,
    pub unreachable: u64,
    pub unknown: u64,
}

impl<'a> Record<'a> {
    /// Writes it as a line, in ASCII.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        ascii::write(&mut to, self)?;
        to.write_all(b"\n")
    }

    /// The first. Nothing is known of the hosts if the scan never said that it began.
    pub fn start(about: &'a About, started: Option<&Started>) -> Record<'a> {
        Record::Start {
            schema: SCHEMA,
            program: &about.program,
            version: &about.version,
            command: &about.command,
            began: about.began.as_secs_f64(),
            authorized: about.authorized.as_deref(),
            hosts: started.map(|started| started.hosts),
            ports: started.map_or_else(|| about.ports.len(), |started| started.ports),
        }
    }

    /// A port.
    pub fn port(port: &'a Port) -> Record<'a> {
        let text = port.banner.as_deref().map(|bytes| std::str::from_utf8(bytes).map_err(|_| hex(bytes)));
        let (banner, banner_hex) = match text {
            None => (None, None),
            Some(Ok(text)) => (Some(text), None),
            Some(Err(hex)) => (None, Some(hex)),
        };
        Record::Port {
            address: port.host.address,
            name: name(&port.host),
            port: port.number,
            service: services::name(port.number),
            state: state(port.verdict),
            reason: reason(port.reason),
            rtt_us: micros(port.round_trip),
            tries: port.tries,
            banner,
            banner_hex,
        }
    }

    /// A host of which all is told.
    pub fn host(report: &'a HostReport) -> Record<'a> {
        Record::Host {
            address: report.host.address,
            name: name(&report.host),
            end: match report.end {
                HostEnd::Complete => "complete",
                HostEnd::Unreachable => "unreachable",
                HostEnd::Vanished => "vanished",
                HostEnd::Stopped => "stopped",
                HostEnd::Local(trouble) => local(trouble),
            },
            counts: numbers(&report.counts),
            rtt_us: micros(report.round_trip),
            seconds: report.elapsed.as_secs_f64(),
            resets_limited: report.resets_limited,
        }
    }

    /// How far it is.
    pub fn progress(progress: &Progress) -> Record<'a> {
        Record::Progress {
            done: progress.done,
            of: progress.of,
            open: progress.open,
            rate: progress.rate,
            in_flight: progress.in_flight,
            window: progress.window,
            loss: progress.loss,
            rtt_us: micros(progress.round_trip),
            seconds: progress.elapsed.as_secs_f64(),
            seconds_left: progress.left.map(|left| left.as_secs_f64()),
        }
    }

    /// The last. Where the scan never said that it ended, nothing is known but that.
    pub fn end(ended: Option<&Ended>) -> Record<'a> {
        Record::End {
            reason: match ended.map(|ended| ended.end) {
                Some(End::Complete) => "complete",
                Some(End::Stopped) => "stopped",
                Some(End::Deadline) => "deadline",
                None => "aborted",
            },
            complete: ended.is_some_and(Ended::is_complete),
            hosts: ended.map(|ended| ended.hosts),
            answered: ended.map(|ended| ended.answered),
            counts: ended.map(|ended| numbers(&ended.counts)),
            seconds: ended.map(|ended| ended.elapsed.as_secs_f64()),
            probes: ended.map(|ended| ended.probes),
            troubles: ended.map(|ended| ended.troubles),
        }
    }
}

/// A verdict in one word.
pub fn state(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Open => "open",
        Verdict::Closed => "closed",
        Verdict::Filtered => "filtered",
        Verdict::Unreachable => "unreachable",
        Verdict::Unknown => "unknown",
    }
}

fn reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Accepted => "accepted",
        Reason::Reset => "reset",
        Reason::Silence => "silence",
        Reason::HostUnreachable => "host_unreachable",
        Reason::NetworkUnreachable => "network_unreachable",
        Reason::Prohibited => "prohibited",
        Reason::NotAsked => "not_asked",
        Reason::Local(trouble) => local(trouble),
    }
}

fn local(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Descriptors => "local_descriptors",
        Trouble::Ports => "local_ports",
        Trouble::Buffers => "local_buffers",
        Trouble::Other => "local_other",
    }
}

fn name(host: &Host) -> Option<&str> {
    host.name.as_deref()
}

fn micros(time: Option<Duration>) -> Option<u64> {
    time.map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

fn numbers(counts: &Counts) -> Numbers {
    Numbers {
        open: counts.open,
        closed: counts.closed,
        filtered: counts.filtered,
        unreachable: counts.unreachable,
        unknown: counts.unknown,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut shown, byte| {
        write!(shown, "{byte:02x}").expect("writing to a string cannot fail");
        shown
    })
}
