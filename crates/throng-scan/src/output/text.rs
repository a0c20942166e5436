//! A line for each port, as a person says it: `Port 22 is open`. With several hosts it says on which.

use std::io::{self, Write};

use super::record::state;
use super::{About, Output};
use crate::event::{Event, Port};
use crate::services;

/// As much of what an open port says as a line has room for.
const SHOWN_MAX: usize = 160;

/// Writes text.
pub struct Text<W> {
    about: About,
    to: W,
    /// Is more than one host asked? Whoever did not say how many may have several.
    has_several: bool,
    has_begun: bool,
}

impl<W: Write> Text<W> {
    /// Writes there.
    pub fn new(about: About, to: W) -> Text<W> {
        Text { about, to, has_several: true, has_begun: false }
    }

    fn begin(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.has_begun, true) {
            return Ok(());
        }
        match &self.about.authorized {
            Some(text) => writeln!(self.to, "# authorized: {}", (self.about.printable)(text.as_bytes())),
            None => Ok(()),
        }
    }

    fn port(&mut self, port: &Port) -> io::Result<()> {
        let mut line = format!("Port {} is {}", port.number, state(port.verdict));
        if self.has_several {
            line.push_str(&format!(" on {}", port.host.address));
        }
        let name = services::name(port.number).filter(|_| self.about.names);
        line.extend(name.map(|name| format!(" ({name})")));
        let said = port.banner.as_deref().and_then(first_line);
        line.extend(said.map(|said| format!(": {}", shown(said, self.about.printable))));
        line.push('\n');
        self.to.write_all(line.as_bytes())
    }
}

/// The first line that is not empty, without its end.
fn first_line(said: &[u8]) -> Option<&[u8]> {
    let mut lines = said.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.find(|line| !line.is_empty())
}

/// Safe, and cut where there is no more room.
fn shown(said: &[u8], printable: fn(&[u8]) -> String) -> String {
    let shown = printable(said);
    match shown.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &shown[..end]),
        None => shown,
    }
}

impl<W: Write> Output for Text<W> {
    fn tell(&mut self, event: &Event) -> io::Result<()> {
        if let Event::Started(started) = event {
            self.has_several = started.hosts != 1;
        }
        self.begin()?;
        match event {
            Event::Port(port) => self.port(port),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }

    fn finish(&mut self) -> io::Result<()> {
        self.begin()?;
        self.to.flush()
    }
}
