//! One row of the table: a setting, by its path. Its flag, its variable and its key follow from the path by one rule each.

use super::choices::Service;
use super::values::Settings;

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// What it is called: `limits.clients`.
    pub path: &'static str,
    /// What may be written.
    pub kind: Kind,
    /// What it is when nobody says anything, as it is written.
    pub default: &'static str,
    /// What it is for, in one line.
    pub doc: &'static str,
    /// Does a change hold at once? Else it holds after a restart.
    pub live: bool,
    /// Whose it is, once several services run in one process.
    pub scope: Scope,
    /// A variable that it had before there was a rule.
    pub old_variable: Option<&'static str>,
    /// The value, as it is written.
    pub get: fn(&Settings) -> String,
    /// Takes a value as it is written; says what is wrong with it.
    pub set: fn(&mut Settings, &str) -> Result<(), String>,
}

/// Whose a setting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// There is one in a process, whatever it serves.
    Process,
    /// Each service has its own.
    Service,
    /// Only the chat has it, and there is one in a process.
    Chat,
}

impl Scope {
    /// In one word, for machines.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Process => "process",
            Scope::Service => "service",
            Scope::Chat => "chat",
        }
    }
}

/// What may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Switch,
    /// A whole number, without quotes; some have a word besides.
    Number,
    /// Such as `10s`.
    Time,
    /// Such as `16MiB`.
    Size,
    /// Such as `90d` or `2GiB`.
    Keep,
    /// Such as `30/1m`.
    Rate,
    /// A file or a folder.
    Path,
    /// Words.
    Text,
    /// Several lines.
    Lines,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Any number of these: what one is called.
    List(&'static str),
}

impl Setting {
    /// Is it a matter of this service? What the process has once is the first one's, for who asks one after the other.
    pub fn is_of(&self, service: Service, place: usize) -> bool {
        match self.scope {
            Scope::Process => place == 0,
            Scope::Service => true,
            Scope::Chat => service == Service::Chat,
        }
    }
}

impl Kind {
    /// For people who read about it.
    pub fn name(self) -> String {
        match self {
            Kind::Switch => "true or false".to_owned(),
            Kind::Number => "number".to_owned(),
            Kind::Time => "time".to_owned(),
            Kind::Size => "size".to_owned(),
            Kind::Keep => "time or size".to_owned(),
            Kind::Rate => "rate".to_owned(),
            Kind::Path => "path".to_owned(),
            Kind::Text => "text".to_owned(),
            Kind::Lines => "lines".to_owned(),
            Kind::OneOf(words) => format!("one of {}", words.join("|")),
            Kind::List(what) => format!("list of {what}"),
        }
    }

    /// Is it written without quotes in a file?
    pub fn is_bare(self) -> bool {
        matches!(self, Kind::Switch | Kind::Number)
    }

    /// What stands behind its flag in the help.
    pub fn placeholder(self) -> &'static str {
        match self {
            Kind::Switch => "BOOL",
            Kind::Number => "N",
            Kind::Time => "TIME",
            Kind::Size => "SIZE",
            Kind::Keep => "AGE|SIZE",
            Kind::Rate => "RATE",
            Kind::Path => "PATH",
            Kind::Text | Kind::Lines => "TEXT",
            Kind::OneOf(_) => "WORD",
            Kind::List("networks") => "NET",
            Kind::List("names") => "NAME",
            Kind::List(_) => "ADDR",
        }
    }
}

impl Setting {
    /// `limits-clients`, which is typed with two hyphens before it.
    pub fn flag(&self) -> String {
        self.path.replace(['.', '_'], "-")
    }

    /// `THRONG_LIMITS__CLIENTS`.
    pub fn variable(&self) -> String {
        format!("THRONG_{}", self.path.replace('.', "__").to_uppercase())
    }

    /// The section of a file, if it is in one, and the key there.
    pub fn key(&self) -> (Option<&'static str>, &'static str) {
        match self.path.split_once('.') {
            Some((section, key)) => (Some(section), key),
            None => (None, self.path),
        }
    }

    /// The value, as a file has it.
    pub fn toml(&self, value: &str) -> String {
        match self.kind {
            Kind::Switch => value.to_owned(),
            Kind::Number if value.bytes().all(|byte| byte.is_ascii_digit()) => value.to_owned(),
            Kind::List(_) if ![super::kinds::AUTO, super::kinds::OFF].contains(&value) => {
                let elements: Vec<_> = value.split(',').map(quoted).collect();
                format!("[{}]", elements.join(", "))
            }
            _ => quoted(value),
        }
    }
}

/// A basic string of TOML, with nothing in it that would move a cursor.
fn quoted(text: &str) -> String {
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push('"');
    for letter in text.chars() {
        let alone = letter.to_string();
        match letter {
            '"' | '\\' => shown.extend(['\\', letter]),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            _ if throng_wire::printable::printable(&alone) == alone.as_str() => shown.push(letter),
            _ => shown.push_str(&format!("\\U{:08x}", u32::from(letter))),
        }
    }
    shown.push('"');
    shown
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn any_text_is_written_so_that_it_reads_the_same() {
        for text in ["", "a", "a\"b\\c", "a\nb\tc", "\u{1b}[2J", "\u{202e}x", "Олена", "\u{7f}\0"] {
            let written = quoted(text);
            assert_eq!(throng_wire::printable::printable(&written), written);
            let document = format!("a = {written}");
            let read = toml::de::DeTable::parse(&document).unwrap();
            assert_eq!(read.get_ref().get("a").unwrap().get_ref().as_str(), Some(text));
        }
    }
}
