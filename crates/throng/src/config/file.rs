//! A configuration file: read, taken apart, and compared with the table of settings. All its mistakes are found in one look.

mod service;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::mistake::{MISTAKES_MAX, Mistake};
use super::origin::{Source, Spot};
use crate::settings::choices::Service;
use crate::settings::kinds::{AUTO, LIST_MAX, OFF};
use crate::settings::{self, Kind, ROWS, Setting, Settings};

/// The largest file that is read.
const FILE_MAX: u64 = 1 << 20;

/// A value that the file has.
#[derive(Debug)]
pub struct Found {
    /// Whose, by its place in the table.
    pub index: usize,
    /// As the row takes it.
    pub text: String,
    /// Where it stands.
    pub spot: Spot,
}

/// Reads the file.
pub fn read(path: &Path) -> Result<Arc<Source>, Mistake> {
    let shown = path.display().to_string();
    let failed = |why: std::io::Error| Mistake::whole(format!("cannot read {shown}: {why}"));
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(FILE_MAX + 1).read_to_end(&mut bytes)).map_err(failed)?;
    if bytes.len() as u64 > FILE_MAX {
        let what = format!("{shown} is larger than 1 MiB, which no configuration is");
        return Err(Mistake::whole(what).hint("make one: throng config init --out FILE"));
    }
    let text = String::from_utf8(bytes).map_err(|why| {
        let valid = &why.as_bytes()[..why.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        Mistake::whole(format!("{shown}:{line}: this is not UTF-8, as TOML must be"))
    })?;
    Ok(Arc::new(Source { path: shown, text }))
}

/// All that is in a file.
#[derive(Debug, Default)]
pub struct Apart {
    /// What stands above the services, and is for all of them.
    pub all: Part,
    /// What stands in each `[[service]]`.
    pub services: Vec<Part>,
    /// All that is wrong.
    pub mistakes: Vec<Mistake>,
}

/// A part of a file.
#[derive(Debug, Default)]
pub struct Part {
    /// Where it begins, and which service it is; nothing for what is for all, and for a service that does not say it.
    pub is: Option<(Spot, Service)>,
    /// What it is called, if it says so.
    pub label: Option<(Spot, String)>,
    /// The values that are good.
    pub found: Vec<Found>,
    /// The paths of those that are not.
    pub wrong: BTreeSet<&'static str>,
}

/// Takes a file apart.
pub fn take_apart(source: &Arc<Source>) -> Apart {
    let (table, faults) = DeTable::parse_recoverable(&source.text);
    let mut reading = Reading {
        source,
        unread: BTreeSet::new(),
        part: Part::default(),
        below: "",
        apart: Apart::default(),
    };
    for fault in faults.iter().take(MISTAKES_MAX) {
        let span = fault.span().unwrap_or(0..0);
        reading.syntax(span, fault.message());
    }
    reading.table("", table.get_ref());
    Apart { all: reading.part, ..reading.apart }
}

struct Reading<'a> {
    source: &'a Arc<Source>,
    /// Lines that are no TOML: what was made of them all the same is nobody's mistake.
    unread: BTreeSet<usize>,
    /// What is read just now, and what its sections stand below.
    part: Part,
    below: &'static str,
    apart: Apart,
}

type Key<'a, 'i> = (&'a Spanned<std::borrow::Cow<'i, str>>, &'a Spanned<DeValue<'i>>);

impl Reading<'_> {
    fn spot(&self, span: Range<usize>) -> Spot {
        Spot { source: Arc::clone(self.source), span }
    }

    /// One for each line: what follows from it is no news.
    fn syntax(&mut self, span: Range<usize>, message: &str) {
        if !self.unread.insert(self.spot(span.clone()).line()) {
            return;
        }
        let what = match message {
            "duplicate key" => {
                let key = self.source.text.get(span.clone()).unwrap_or("this key");
                format!("{key} is there twice")
            }
            _ if self.source.text.get(span.clone()).is_some_and(|text| text.trim().is_empty()) => {
                "this is no TOML: something is missing here".to_owned()
            }
            message => format!("this is no TOML: {message}"),
        };
        self.wrong(span, what);
    }

    /// Notes a mistake; beyond those that are shown no more are kept than tell that there are more.
    fn wrong(&mut self, span: Range<usize>, what: impl Into<String>) -> Option<&mut Mistake> {
        if self.apart.mistakes.len() > MISTAKES_MAX {
            return None;
        }
        let mistake = Mistake::in_file(self.spot(span), what);
        self.apart.mistakes.push(mistake);
        self.apart.mistakes.last_mut()
    }

    fn wrong_with_hint(&mut self, span: Range<usize>, what: impl Into<String>, hint: impl Into<String>) {
        if let Some(mistake) = self.wrong(span, what) {
            mistake.hints.push(hint.into());
        }
    }

    /// The keys of a section.
    fn table(&mut self, section: &str, table: &DeTable<'_>) {
        for (key, value) in table.iter() {
            let path = match section {
                "" => key.get_ref().to_string(),
                section => format!("{section}.{}", key.get_ref()),
            };
            // A key in quotes may have a dot of its own.
            let index = settings::index(&path).filter(|_| !key.get_ref().contains('.'));
            match (index, value.get_ref()) {
                (None, _) if path == service::SERVICE => self.services((key, value)),
                (Some(index), _) => self.value(index, value),
                (None, DeValue::Table(inner)) if is_section(&path) => self.table(&path, inner),
                (None, _) if is_section(&path) => {
                    let what = format!("{path} is a section, not a value");
                    self.wrong_with_hint(
                        value.span(),
                        what,
                        format!("write [{path}], and its keys below it"),
                    );
                }
                (None, _) => self.unknown(&path, (key, value)),
            }
        }
    }

    fn unknown(&mut self, path: &str, (key, value): Key<'_, '_>) {
        if self.unread.contains(&self.spot(key.span()).line()) {
            return;
        }
        // A section is known by what is in it, as far as there is something that was meant.
        let is_table = value.get_ref().is_table();
        let what = format!("there is no {} {path}", if is_table { "section" } else { "setting" });
        let near = |word: &str| throng_services::chat::distance(word, path) <= 2;
        let hint = match (is_table, settings::nearest(path)) {
            _ if near(service::SERVICE) => format!("did you mean [[{}]]?", service::SERVICE),
            (false, Some(near)) => format!("did you mean {near}?"),
            (true, _) if let Some(near) = nearest_section(path) => {
                format!("did you mean [{}{near}]?", self.below)
            }
            _ => "all there are: throng config init --out -".to_owned(),
        };
        self.wrong_with_hint(key.span(), what, hint);
    }

    fn value(&mut self, index: usize, value: &Spanned<DeValue<'_>>) {
        let row = &ROWS[index];
        if self.unread.contains(&self.spot(value.span()).line()) {
            self.part.wrong.insert(row.path);
            return;
        }
        let text = match (row.kind, value.get_ref()) {
            (Kind::List(_), DeValue::Array(elements)) => return self.list(index, value.span(), elements),
            (Kind::Switch, DeValue::Boolean(yes)) => yes.to_string(),
            (Kind::Number, DeValue::Integer(number)) => match number.radix() {
                10 => number.as_str().to_owned(),
                _ => return self.wrong_value(row, value.span(), "expected decimal digits"),
            },
            // A number has no quotes; the word in its place does.
            (Kind::Number, DeValue::String(text)) if is_word(text) => text.to_string(),
            (kind, DeValue::String(text)) if !kind.is_bare() => text.to_string(),
            (_, other) => return self.wrong_type(row, value.span(), other),
        };
        self.take(index, value.span(), text);
    }

    /// Takes a value if the row does.
    fn take(&mut self, index: usize, span: Range<usize>, text: String) {
        let row = &ROWS[index];
        match (row.set)(&mut Settings::of(Service::Chat), &text) {
            Ok(()) => self.part.found.push(Found { index, text, spot: self.spot(span) }),
            Err(why) => self.wrong_value(row, span, &why),
        }
    }

    fn wrong_value(&mut self, row: &Setting, span: Range<usize>, why: &str) {
        self.part.wrong.insert(row.path);
        self.wrong(span, format!("{}: {why}", row.path));
    }

    /// Each element alone first, so that what is wrong is told of the one that is.
    fn list(&mut self, index: usize, span: Range<usize>, elements: &DeArray<'_>) {
        let row = &ROWS[index];
        let mut texts = Vec::new();
        for element in elements.iter().take(LIST_MAX + 1) {
            match element.get_ref() {
                DeValue::String(text) if text.contains(',') => {
                    self.wrong_value(row, element.span(), "one element for each, without a comma");
                }
                DeValue::String(text) if [AUTO, OFF].contains(&text.as_ref()) => {
                    self.part.wrong.insert(row.path);
                    let hint = format!("write {} = \"{text}\"", row.key().1);
                    self.wrong_with_hint(element.span(), format!("{}: {text} stands alone", row.path), hint);
                }
                DeValue::String(text) => match (row.set)(&mut Settings::of(Service::Chat), text) {
                    Ok(()) => texts.push(text.to_string()),
                    Err(why) => self.wrong_value(row, element.span(), &why),
                },
                other => self.wrong_type(row, element.span(), other),
            }
        }
        if self.part.wrong.contains(row.path) {
            return;
        }
        // An empty list is what it is when nobody says anything.
        let text = if texts.is_empty() { row.default.to_owned() } else { texts.join(",") };
        self.take(index, span, text);
    }

    fn wrong_type(&mut self, row: &Setting, span: Range<usize>, found: &DeValue<'_>) {
        self.part.wrong.insert(row.path);
        let an = |word: &str| {
            if word.starts_with(['a', 'i', 'o']) { format!("an {word}") } else { format!("a {word}") }
        };
        let expected = match row.kind {
            Kind::Switch => "true or false, without quotes".to_owned(),
            Kind::Number => "a whole number, without quotes".to_owned(),
            Kind::List(what) => format!("a list of {what}, each in quotes"),
            Kind::OneOf(words) => format!("one of {}, in quotes", words.join(", ")),
            other => format!("{}, in quotes", an(&other.name())),
        };
        let what = format!("{}: expected {expected}, found {}", row.path, an(found.type_str()));
        let hint = format!("for instance: {} = {}", row.key().1, example(row));
        self.wrong_with_hint(span, what, hint);
    }
}

/// A value that would be good.
fn example(row: &Setting) -> String {
    let value = match row.kind {
        Kind::List("networks") => "10.0.0.0/8",
        Kind::List("names") => "chat.example.org",
        Kind::List(_) => "127.0.0.1:50007",
        Kind::Number if row.default == AUTO => "100",
        Kind::Keep => "90d",
        Kind::Rate => "30/1m",
        Kind::Time if row.default == OFF => "5m",
        Kind::Path if row.default == OFF => "cert.pem",
        _ => row.default,
    };
    row.toml(value)
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
}

fn sections() -> impl Iterator<Item = &'static str> {
    ROWS.iter().filter_map(|row| row.key().0)
}

fn is_section(path: &str) -> bool {
    sections().any(|section| section == path)
}

fn nearest_section(typed: &str) -> Option<&'static str> {
    let distance = |section: &str| throng_services::chat::distance(section, typed);
    let near = sections().min_by_key(|section| distance(section))?;
    (typed.len() <= 64 && distance(near) <= 2).then_some(near)
}
