//! A JSON object on each line, as it happens.

use std::io::{self, Write};

use super::record::Record;
use super::{About, Output};
use crate::event::Event;

/// Writes NDJSON.
pub struct Ndjson<W> {
    about: About,
    to: W,
    has_begun: bool,
    has_ended: bool,
}

impl<W: Write> Ndjson<W> {
    /// Writes there.
    pub fn new(about: About, to: W) -> Ndjson<W> {
        Ndjson { about, to, has_begun: false, has_ended: false }
    }

    fn line(&mut self, record: &Record) -> io::Result<()> {
        record.write(&mut self.to)
    }

    /// The first line, if it is not written.
    fn begin(&mut self, event: Option<&Event>) -> io::Result<()> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        let started = match event {
            Some(Event::Started(started)) => Some(started),
            _ => None,
        };
        Record::start(&self.about, started).write(&mut self.to)
    }
}

impl<W: Write> Output for Ndjson<W> {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        if self.has_ended {
            return Ok(());
        }
        self.begin(Some(event))?;
        match event {
            Event::Port(port) => self.line(&Record::port(port)),
            Event::Host(report) => self.line(&Record::host(report)),
            Event::Ended(ended) => {
                self.has_ended = true;
                self.line(&Record::end(Some(ended)))
            }
            Event::Started(_) | Event::Progress(_) => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin(None)?;
        if !std::mem::replace(&mut self.has_ended, true) {
            self.line(&Record::end(None))?;
        }
        self.to.flush()
    }
}
