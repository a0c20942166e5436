//! Writes down what a scan tells: as text for people, as JSON, as NDJSON, or as XML that programs for nmap's output can read.
//!
//! Whatever is told, and wherever it ends, [`finish`](Output::finish) makes a whole document of it. Text that came from elsewhere
//! never reaches the writer as it is: the formats for programs are plain ASCII, and what people read has passed
//! [`About::printable`]. JSON and NDJSON are made of the records of [`record`].

mod ascii;
mod json;
mod ndjson;
pub mod record;
mod text;
mod xml;

use std::io::{self, Write};
use std::time::Duration;

use crate::event::Event;
use crate::ports::PortSet;

/// Writes one format.
pub trait Output {
    /// Writes what is told; the writer may keep it for a while.
    fn tell(&mut self, event: &Event) -> io::Result<()>;

    /// Lets nothing wait in the writer.
    fn flush(&mut self) -> io::Result<()>;

    /// Completes the document. If the end was never told, it says so. Calling it again does nothing.
    fn finish(&mut self) -> io::Result<()>;
}

/// What the events do not tell.
#[derive(Clone, Debug)]
pub struct About {
    /// Who scans, such as `throng scan`.
    pub program: String,
    /// Which version of it.
    pub version: String,
    /// What was typed.
    pub command: String,
    /// When it began, since 1970.
    pub began: Duration,
    /// What is asked.
    pub ports: PortSet,
    /// Who allowed it, if that had to be said.
    pub authorized: Option<String>,
    /// Text: say what is usually at a port.
    pub names: bool,
    /// Makes text of others safe for a terminal.
    pub printable: fn(&[u8]) -> String,
}

/// In which form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// `Port 22 is open`, a line for each.
    Text,
    /// One JSON document: `{"start": …, "results": […], "end": …}`.
    Json,
    /// A JSON object on each line.
    Ndjson,
    /// XML, valid by nmap's DTD.
    Xml,
}

impl Format {
    /// Begins to write in this form.
    pub fn open<'a>(self, about: About, to: impl Write + Send + 'a) -> Box<dyn Output + Send + 'a> {
        match self {
            Format::Text => Box::new(text::Text::new(about, to)),
            Format::Json => Box::new(json::Json::new(about, to)),
            Format::Ndjson => Box::new(ndjson::Ndjson::new(about, to)),
            Format::Xml => Box::new(xml::Xml::new(about, to)),
        }
    }
}

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
