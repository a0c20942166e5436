//! Where results go, and in which form: one or more documents of the same events.

use std::fs::File;
use std::io::{BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use throng_scan::event::Event;
use throng_scan::output::{About, Format, Output};

use crate::banner::shown;
use crate::fault::Fault;

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sink {
    /// In which form.
    pub format: Format,
    /// Into which file, or on standard output.
    pub file: Option<PathBuf>,
}

impl Sink {
    /// `FORMAT` or `FORMAT:FILE`.
    pub fn parse(typed: &str) -> Result<Sink, String> {
        let (format, file) = match typed.split_once(':') {
            Some((_, "")) => return Err("no file is named after the colon".to_owned()),
            Some((format, file)) => (format, Some(file).filter(|file| *file != "-").map(PathBuf::from)),
            None => (typed, None),
        };
        let format = match format {
            "text" => Format::Text,
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "xml" => Format::Xml,
            _ => {
                return Err(
                    "a form is text, json, ndjson or xml, and a file may follow: xml:scan.xml".to_owned()
                );
            }
        };
        Ok(Sink { format, file })
    }

    /// As it is told.
    pub fn name(&self) -> String {
        self.file.as_deref().map_or_else(|| "standard output".to_owned(), shown)
    }
}

/// All documents: those that are asked for, and text on standard output if nothing else goes there.
pub fn all(asked: &[Sink], json: bool) -> Result<Vec<Sink>, Fault> {
    let mut sinks = asked.to_vec();
    if json {
        sinks.push(Sink { format: Format::Json, file: None });
    }
    for (index, sink) in sinks.iter().enumerate() {
        if sinks[..index].iter().any(|other| other.file == sink.file) {
            return Err(Fault::usage(format!("two results cannot both go to {}", sink.name()))
                .hint("write one of them into a file: -o json:scan.json"));
        }
    }
    if sinks.iter().all(|sink| sink.file.is_some()) {
        sinks.push(Sink { format: Format::Text, file: None });
    }
    Ok(sinks)
}

/// The documents that are being written.
pub struct Sinks {
    open: Vec<(String, Box<dyn Output + Send>)>,
}

/// Why no more can be written.
#[derive(Debug)]
pub enum SinkFault {
    /// Nobody reads standard output any more.
    NobodyReads,
    /// What and why.
    Failed(Fault),
}

impl Sinks {
    /// Opens them; files are made anew.
    pub fn open(sinks: &[Sink], about: &About) -> Result<Sinks, Fault> {
        let open = sinks.iter().map(|sink| {
            let to: Box<dyn Write + Send> = match &sink.file {
                None => Box::new(std::io::stdout()),
                Some(path) => Box::new(
                    File::create(path)
                        .map_err(|why| Fault::failed(format!("cannot write {}: {why}", sink.name())))?,
                ),
            };
            Ok((sink.name(), sink.format.open(about.clone(), BufWriter::new(to))))
        });
        Ok(Sinks { open: open.collect::<Result<_, Fault>>()? })
    }

    /// Tells all of them.
    pub fn tell(&mut self, event: &Event) -> Result<(), SinkFault> {
        self.each(|output| output.tell(event))
    }

    /// Lets nothing wait.
    pub fn flush(&mut self) -> Result<(), SinkFault> {
        self.each(|output| output.flush())
    }

    /// Completes all of them, whatever becomes of one.
    pub fn finish(&mut self) -> Result<(), SinkFault> {
        let mut outcome = Ok(());
        for (name, output) in &mut self.open {
            if let Err(why) = output.finish()
                && outcome.is_ok()
            {
                outcome = Err(fault(name, &why));
            }
        }
        outcome
    }

    fn each(
        &mut self,
        mut call: impl FnMut(&mut dyn Output) -> std::io::Result<()>,
    ) -> Result<(), SinkFault> {
        self.open
            .iter_mut()
            .try_for_each(|(name, output)| call(&mut **output).map_err(|why| fault(name, &why)))
    }
}

fn fault(name: &str, why: &std::io::Error) -> SinkFault {
    match why.kind() {
        ErrorKind::BrokenPipe => SinkFault::NobodyReads,
        _ => SinkFault::Failed(Fault::failed(format!("cannot write {name}: {why}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_and_files_are_read() {
        let sink = |format, file: Option<&str>| Ok(Sink { format, file: file.map(PathBuf::from) });
        for (typed, expected) in [
            ("text", sink(Format::Text, None)),
            ("json:-", sink(Format::Json, None)),
            ("xml:a:b.xml", sink(Format::Xml, Some("a:b.xml"))),
            ("ndjson:/tmp/x", sink(Format::Ndjson, Some("/tmp/x"))),
        ] {
            assert_eq!(Sink::parse(typed), expected, "{typed}");
        }
        for wrong in ["", "csv", "xml:", ":x", "JSON"] {
            assert!(Sink::parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn standard_output_is_for_one_and_never_for_none() {
        let sink = |typed: &str| Sink::parse(typed).unwrap();
        let all = |typed: &[&str], json| {
            super::all(&typed.iter().map(|typed| sink(typed)).collect::<Vec<_>>(), json)
        };
        assert_eq!(all(&[], false).unwrap(), [sink("text")]);
        assert_eq!(all(&["xml:a"], false).unwrap(), [sink("xml:a"), sink("text")]);
        assert_eq!(all(&["xml:a", "ndjson"], false).unwrap(), [sink("xml:a"), sink("ndjson")]);
        assert_eq!(all(&["xml:a"], true).unwrap(), [sink("xml:a"), sink("json")]);
        for (typed, json) in
            [(&["json", "text"][..], false), (&["text"], true), (&["json:a", "xml:a"], false)]
        {
            assert_eq!(all(typed, json).unwrap_err().exit_code, 2, "{typed:?}");
        }
    }
}
