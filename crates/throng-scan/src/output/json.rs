//! One JSON document, written as it happens: nothing is kept, however many results there are.

use std::io::{self, Write};

use super::record::Record;
use super::{About, Output, ascii};
use crate::event::{Ended, Event, Started};

/// Writes `{"start": …, "results": […], "end": …}`.
pub struct Json<W> {
    about: About,
    to: W,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is written.
    Fresh,
    /// Results follow the opening bracket, and none is there.
    Empty,
    /// Results follow another.
    Results,
    /// All is written.
    Ended,
}

impl<W: Write> Json<W> {
    /// Writes there.
    pub fn new(about: About, to: W) -> Json<W> {
        Json { about, to, state: State::Fresh }
    }

    fn begin(&mut self, started: Option<&Started>) -> io::Result<()> {
        if self.state == State::Fresh {
            self.state = State::Empty;
            self.to.write_all(b"{\"start\":")?;
            ascii::write(&mut self.to, &Record::start(&self.about, started))?;
            self.to.write_all(b",\n\"results\":[")?;
        }
        Ok(())
    }

    fn result(&mut self, record: &Record) -> io::Result<()> {
        self.begin(None)?;
        self.to.write_all(if self.state == State::Empty { b"\n" } else { b",\n" })?;
        self.state = State::Results;
        ascii::write(&mut self.to, record)
    }

    fn end(&mut self, ended: Option<&Ended>) -> io::Result<()> {
        self.begin(None)?;
        self.state = State::Ended;
        self.to.write_all(b"\n],\n\"end\":")?;
        ascii::write(&mut self.to, &Record::end(ended))?;
        self.to.write_all(b"}\n")
    }
}

impl<W: Write> Output for Json<W> {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        match event {
            _ if self.state == State::Ended => Ok(()),
            Event::Started(started) => self.begin(Some(started)),
            Event::Port(port) => self.result(&Record::port(port)),
            Event::Host(report) => self.result(&Record::host(report)),
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
