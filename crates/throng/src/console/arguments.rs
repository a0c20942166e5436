//! What follows a verb: described once, so that it is read, completed, shown in the help and written into the manual from the
//! same description.

use std::fmt::Write;

use throng_services::chat::distance;
use throng_wire::printable::printable;

use crate::fault::Fault;

/// How many words a line may have.
const WORDS_MAX: usize = 64;

/// What may stand in a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// Something that nobody but the operator knows.
    Any,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Somebody who is here, by name or number.
    Client,
    /// A room.
    Room,
    /// A setting, by its path.
    Setting,
    /// One of several services, by its label.
    Service,
    /// All that is left, as it is typed: what people are told, or what is looked for. No log has it.
    Words,
    /// All that is left, as it is typed, where several words are one thing, as the value of a setting may be.
    Phrase,
}

impl Value {
    /// May it have several words?
    fn is_free(self) -> bool {
        matches!(self, Value::Words | Value::Phrase)
    }
}

/// One thing that may follow a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// `NAME`, or `--for`.
    pub name: &'static str,
    /// How it is given.
    pub form: Form,
    /// What it is for.
    pub help: &'static str,
}

/// How an argument is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In its place, where it must be.
    Word(Value),
    /// In its place, where it may be left out.
    Maybe(Value),
    /// `--now`.
    Flag,
    /// `--for TIME`. Several words are all up to the next that begins with two hyphens.
    Option(&'static str, Value),
}

/// What must be there.
pub const fn word(name: &'static str, value: Value, help: &'static str) -> Argument {
    Argument { name, form: Form::Word(value), help }
}

/// What may be left out.
pub const fn maybe(name: &'static str, value: Value, help: &'static str) -> Argument {
    Argument { name, form: Form::Maybe(value), help }
}

/// A flag.
pub const fn flag(name: &'static str, help: &'static str) -> Argument {
    Argument { name, form: Form::Flag, help }
}

/// An option with its value.
pub const fn option(name: &'static str, of: &'static str, value: Value, help: &'static str) -> Argument {
    Argument { name, form: Form::Option(of, value), help }
}

impl Argument {
    /// As the help shows it: `NAME`, `[REASON]`, `[--for TIME]`.
    pub fn shown(&self) -> String {
        match self.form {
            Form::Word(_) => self.name.to_owned(),
            Form::Maybe(_) | Form::Flag => format!("[{}]", self.name),
            Form::Option(of, _) => format!("[{} {of}]", self.name),
        }
    }

    /// Is it something that is said, and no matter of the log?
    pub fn is_said(&self) -> bool {
        self.value() == Some(Value::Words)
    }

    /// What may stand there; a flag has nothing.
    pub fn value(&self) -> Option<Value> {
        match self.form {
            Form::Word(value) | Form::Maybe(value) | Form::Option(_, value) => Some(value),
            Form::Flag => None,
        }
    }

    fn is_free(&self) -> bool {
        self.value().is_some_and(Value::is_free)
    }

    fn is_option(&self) -> bool {
        matches!(self.form, Form::Flag | Form::Option(..))
    }
}

/// What was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Given(Vec<(&'static str, String)>);

impl Given {
    /// What stands for this argument, if it was given.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// What stands for an argument that must be there.
    pub fn of(&self, name: &str) -> &str {
        self.get(name).expect("what must be given was looked for when the line was read")
    }

    /// Was this flag given?
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// As if `--yes` had been typed.
    pub fn confirm(&mut self) {
        if !self.has("--yes") {
            self.0.push(("--yes", String::new()));
        }
    }

    /// All of it, in the order in which it was given.
    pub fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// One word of a line: where it begins, and what it says without its quotes.
struct Word {
    at: usize,
    text: String,
    quoted: bool,
}

/// Words are parted by spaces. What stands in double quotes is one, with `\"` for a quote and `\\` for a backslash in it.
fn split(line: &str) -> Result<Vec<Word>, String> {
    let mut words: Vec<Word> = Vec::new();
    let mut letters = line.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter.is_whitespace() {
            continue;
        }
        let mut word = Word { at, text: String::new(), quoted: letter == '"' };
        let mut closed = !word.quoted;
        if !word.quoted {
            word.text.push(letter);
        }
        while let Some((_, letter)) =
            letters.next_if(|(_, next)| word.quoted && !closed || !next.is_whitespace())
        {
            match letter {
                '\\' if word.quoted && !closed => word.text.extend(letters.next().map(|(_, next)| next)),
                '"' if word.quoted && !closed => closed = true,
                _ => word.text.push(letter),
            }
        }
        if !closed {
            return Err("a quotation mark is not closed".to_owned());
        }
        words.push(word);
        if words.len() > WORDS_MAX {
            return Err(format!("a line may have {WORDS_MAX} words"));
        }
    }
    Ok(words)
}

/// Reads what follows a verb. `common` are the options that every verb has.
pub fn read(line: &str, arguments: &[Argument], common: &[Argument]) -> Result<Given, String> {
    let free = arguments.iter().any(|argument| argument.is_free() && !argument.is_option());
    // What is said freely may have quotes that nobody closes.
    let words = match split(line) {
        Err(_) if free => split(&line.replace(['"', '\\'], "_"))?,
        words => words?,
    };
    let mut given = Given::default();
    let mut places = arguments.iter().filter(|argument| !argument.is_option());
    let mut words = words.into_iter().peekable();
    while let Some(Word { at, text, quoted }) = words.next() {
        if text.starts_with("--") && text.len() > 2 && !quoted {
            let option = option_of(&text, arguments.iter().chain(common))?;
            let value = match option.form {
                Form::Option(of, value) if !value.is_free() => {
                    let word = words.next().ok_or_else(|| format!("{} wants {of}", option.name))?;
                    fitting(option.name, &word.text, value)?
                }
                Form::Option(of, _) => {
                    let mut said = Vec::new();
                    while let Some(word) = words.next_if(|word| word.quoted || !word.text.starts_with("--")) {
                        said.push(word.text);
                    }
                    if said.is_empty() {
                        return Err(format!("{} wants {of}", option.name));
                    }
                    said.join(" ")
                }
                _ => String::new(),
            };
            if given.has(option.name) {
                return Err(format!("{} is given twice", option.name));
            }
            given.0.push((option.name, value));
            continue;
        }
        let Some(place) = places.next() else {
            return Err(format!("{} is too much", printable(&text)));
        };
        if place.is_free() {
            given.0.push((place.name, line[at..].trim_end().to_owned()));
            break;
        }
        if let Some(value) = place.value() {
            given.0.push((place.name, fitting(place.name, &text, value)?));
        }
    }
    let missing = places.find(|place| matches!(place.form, Form::Word(_)));
    missing.map_or(Ok(given), |place| Err(format!("{} is missing", place.name)))
}

fn option_of<'a>(
    typed: &str,
    options: impl Iterator<Item = &'a Argument> + Clone,
) -> Result<&'a Argument, String> {
    let mut known = options.filter(|argument| argument.is_option());
    if let Some(found) = known.clone().find(|option| option.name == typed) {
        return Ok(found);
    }
    let near = known.find(|option| distance(option.name, typed) <= 2);
    let near = near.map_or(String::new(), |option| format!("; did you mean {}?", option.name));
    Err(format!("there is no {}{near}", printable(typed)))
}

fn fitting(name: &str, typed: &str, value: Value) -> Result<String, String> {
    match value {
        Value::OneOf(all) if !all.contains(&typed) => {
            Err(format!("{name} is one of {}, not {}", all.join(", "), printable(typed)))
        }
        _ => Ok(typed.to_owned()),
    }
}

/// `ban TARGET [--for TIME] [--reason WORDS]`.
pub fn usage(verb: &str, arguments: &[Argument]) -> String {
    let mut line = verb.to_owned();
    for argument in arguments {
        write!(line, " {}", argument.shown()).expect("a String takes all that is written to it");
    }
    line
}

/// What is wrong with a line, and how it is typed.
pub fn misused(verb: &str, arguments: &[Argument], what: String) -> Fault {
    Fault::usage(what).hint(format!("type it so: {}", usage(verb, arguments)))
}

/// What may stand in the place of the last word of an unfinished line behind a verb: the values of that place, and the options
/// that are left.
pub fn next<'a>(
    before: &str,
    arguments: &'a [Argument],
    common: &'a [Argument],
) -> (Option<Value>, Vec<&'static str>) {
    let done: Vec<&str> = before.split_whitespace().collect();
    let find = |name: &str| arguments.iter().chain(common).find(|argument| argument.name == name);
    if let Some(Form::Option(_, value)) =
        done.last().and_then(|last| find(last)).map(|argument| argument.form)
        && !value.is_free()
    {
        return (Some(value), Vec::new());
    }
    let mut taken = 0;
    let mut words = done.iter();
    while let Some(word) = words.next() {
        match find(word).map(|argument| argument.form) {
            Some(Form::Option(_, value)) if !value.is_free() => drop(words.next()),
            Some(Form::Flag | Form::Option(..)) => {}
            _ => taken += 1,
        }
    }
    let places: Vec<_> = arguments.iter().filter(|argument| !argument.is_option()).collect();
    if places.iter().take(taken).any(|place| place.is_free()) {
        return (None, Vec::new());
    }
    let value = places.get(taken).and_then(|place| place.value()).filter(|value| !value.is_free());
    let options = arguments.iter().filter(|option| option.is_option() && !done.contains(&option.name));
    (value, options.map(|option| option.name).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BAN: &[Argument] = &[
        word("TARGET", Value::Any, "whom"),
        option("--for", "TIME", Value::Any, "how long"),
        option("--reason", "WORDS", Value::Words, "why"),
    ];
    const KICK: &[Argument] = &[word("NAME", Value::Client, "whom"), maybe("REASON", Value::Words, "why")];
    const PAUSE: &[Argument] = &[flag("--hold", "let them wait")];
    const COMMON: &[Argument] = &[flag("--yes", "do not ask"), flag("--json", "as JSON")];

    fn check(line: &str, arguments: &[Argument], expected: Result<&[(&str, &str)], &str>) {
        let given = read(line, arguments, COMMON);
        let given = given.as_ref().map(|given| given.all().collect::<Vec<_>>()).map_err(String::as_str);
        assert_eq!(given, expected.map(<[_]>::to_vec), "{line}");
    }

    #[test]
    fn a_line_is_read_as_it_is_described() {
        check("ana", KICK, Ok(&[("NAME", "ana")]));
        check("ana  take a  \"break", KICK, Ok(&[("NAME", "ana"), ("REASON", "take a  \"break")]));
        check("ana --not an option", KICK, Err("there is no --not"));
        check("ana go --now", KICK, Ok(&[("NAME", "ana"), ("REASON", "go --now")]));
        check("--yes ana", KICK, Ok(&[("--yes", ""), ("NAME", "ana")]));
        check("", KICK, Err("NAME is missing"));
        check(
            "10.0.0.0/8 --for 1h --reason too much flood --json",
            BAN,
            Ok(&[("TARGET", "10.0.0.0/8"), ("--for", "1h"), ("--reason", "too much flood"), ("--json", "")]),
        );
        check("--reason \"--a\" x", BAN, Err("TARGET is missing"));
        check("x --reason", BAN, Err("--reason wants WORDS"));
        check("x --for", BAN, Err("--for wants TIME"));
        check("x --for 1h --for 2h", BAN, Err("--for is given twice"));
        check("\"a \\\" b\"", BAN, Ok(&[("TARGET", "a \" b")]));
        check("\"a b", BAN, Err("a quotation mark is not closed"));
        check("--hodl", PAUSE, Err("there is no --hodl; did you mean --hold?"));
        check("x", PAUSE, Err("x is too much"));
        check("\x1b[2J", PAUSE, Err("\\x1b[2J is too much"));
    }

    #[test]
    fn a_line_has_so_many_words() {
        let long = "a ".repeat(WORDS_MAX + 1);
        assert_eq!(read(&long, KICK, COMMON).unwrap_err(), format!("a line may have {WORDS_MAX} words"));
    }

    #[test]
    fn the_usage_says_what_may_be_left_out() {
        assert_eq!(usage("ban", BAN), "ban TARGET [--for TIME] [--reason WORDS]");
        assert_eq!(usage("kick", KICK), "kick NAME [REASON]");
    }

    #[test]
    fn what_comes_next_is_known_before_it_is_typed() {
        for (before, arguments, value, options) in [
            ("", KICK, Some(Value::Client), &[][..]),
            ("ana ", KICK, None, &[]),
            ("", BAN, Some(Value::Any), &["--for", "--reason"]),
            ("x --for ", BAN, Some(Value::Any), &[]),
            ("x --for 1h ", BAN, None, &["--reason"]),
            ("", PAUSE, None, &["--hold"]),
        ] {
            assert_eq!(next(before, arguments, COMMON), (value, options.to_vec()), "{before}");
        }
    }
}
