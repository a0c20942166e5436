//! A mistake in what was configured: where it is, what is wrong, and what to do. Shown with a caret under it where it is in a
//! file. What somebody wrote there reaches a terminal only as `printable` makes it.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use throng_wire::printable::printable;

use super::origin::{Origin, Spot};
use crate::fault::Fault;

/// As many mistakes as are shown; whoever has more begins with these.
pub const MISTAKES_MAX: usize = 100;

/// As much of a line as is shown before and behind what is wrong.
const SHOWN_MAX: usize = 100;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where; nothing for a file as a whole.
    pub at: Option<Origin>,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl Mistake {
    /// At a place in a file.
    pub fn in_file(spot: Spot, what: impl Into<String>) -> Mistake {
        Mistake::of(Origin::File(spot), what)
    }

    /// There.
    pub fn of(at: Origin, what: impl Into<String>) -> Mistake {
        Mistake { at: Some(at), what: what.into(), hints: Vec::new() }
    }

    /// Nowhere in particular.
    pub fn whole(what: impl Into<String>) -> Mistake {
        Mistake { at: None, what: what.into(), hints: Vec::new() }
    }

    /// With one more line of help.
    pub fn hint(mut self, hint: impl Into<String>) -> Mistake {
        self.hints.push(hint.into());
        self
    }

    /// In one line: where and what.
    pub fn line(&self) -> String {
        match &self.at {
            Some(at @ (Origin::File(_) | Origin::Variable(_) | Origin::Flag(_))) => {
                format!("{at}: {}", printable(&self.what))
            }
            _ => printable(&self.what).into_owned(),
        }
    }

    /// In which order they are shown: those of the file first, from its top.
    fn place(&self) -> (u8, usize) {
        match &self.at {
            Some(Origin::File(spot)) => (0, spot.span.start),
            Some(Origin::Variable(_)) => (1, 0),
            Some(Origin::Flag(_)) => (2, 0),
            _ => (3, 0),
        }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(Origin::File(spot)) => f.write_str(&under(spot, &self.what))?,
            _ => write!(f, "error: {}", self.line())?,
        }
        self.hints.iter().try_for_each(|hint| write!(f, "\n  {}", printable(hint)))
    }
}

/// The line of a file, with a caret under what is wrong.
fn under(spot: &Spot, what: &str) -> String {
    let (line, span) = cut(&spot.source.text, spot.span.clone());
    let (path, what) = (printable(&spot.source.path), printable(what));
    let snippet = Snippet::source(line).line_start(spot.line()).path(path);
    let snippet = snippet.annotation(AnnotationKind::Primary.span(span));
    let report = [Level::ERROR.primary_title(what).element(snippet)];
    Renderer::plain().render(&report)
}

/// The line in which a span begins, as far as it is near, made safe; and the span in it.
fn cut(text: &str, span: Range<usize>) -> (String, Range<usize>) {
    let at = |wanted: usize| text.floor_char_boundary(wanted.min(text.len()));
    let start = at(span.start);
    let begins = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let ends = text[start..].find('\n').map_or(text.len(), |newline| start + newline);
    let end = at(span.end).clamp(start, ends);
    let from = at(start.saturating_sub(SHOWN_MAX)).max(begins);
    let wrong_ends = at((start + SHOWN_MAX).min(end)).max(start);
    let to = at((wrong_ends + SHOWN_MAX).min(ends)).max(wrong_ends);
    let shown = |range: Range<usize>| printable(text[range].trim_end_matches('\r')).replace('\t', " ");
    let (before, wrong, behind) = (shown(from..start), shown(start..wrong_ends), shown(wrong_ends..to));
    let span = before.len()..before.len() + wrong.len();
    (format!("{before}{wrong}{behind}"), span)
}

/// All mistakes of one look, in the order in which they are shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(Vec<Mistake>);

impl Mistakes {
    /// None, or these.
    pub fn none_or(mut found: Vec<Mistake>) -> Result<(), Mistakes> {
        found.sort_by_key(Mistake::place);
        if found.is_empty() { Ok(()) } else { Err(Mistakes(found)) }
    }

    /// The first, and how many more, in one line.
    pub fn in_short(&self) -> String {
        let first = self.0.first().map_or_else(String::new, Mistake::line);
        match self.0.len() {
            0 | 1 => first,
            count => format!("{first} (and {} more: throng config check)", count - 1),
        }
    }

    /// Each.
    pub fn iter(&self) -> impl Iterator<Item = &Mistake> {
        self.0.iter().take(MISTAKES_MAX)
    }
}

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Mistakes {
        Mistakes(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.iter().enumerate() {
            let gap = if index > 0 { "\n\n" } else { "" };
            write!(f, "{gap}{mistake}")?;
        }
        match self.0.len() {
            1 => Ok(()),
            count if count > MISTAKES_MAX => {
                write!(f, "\n\n{count} mistakes, of which these are the first {MISTAKES_MAX}")
            }
            count => write!(f, "\n\n{count} mistakes"),
        }
    }
}

impl From<Mistakes> for Fault {
    fn from(mistakes: Mistakes) -> Fault {
        let said = mistakes.to_string();
        // The first word is the fault's own to say.
        Fault::usage(said.strip_prefix("error: ").unwrap_or(&said))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::config::origin::Source;

    fn shown(text: &str, span: Range<usize>) -> String {
        let source = Arc::new(Source { path: "a\u{1b}.toml".to_owned(), text: text.to_owned() });
        Mistake::in_file(Spot { source, span }, "wrong: \u{202e}x").to_string()
    }

    #[test]
    fn what_is_wrong_has_a_caret_under_it() {
        let expected = "error: wrong: \\u{202e}x\n --> a\\x1b.toml:2:5\n  |\n2 | b = 22\n  |     ^^";
        assert_eq!(shown("a = 1\nb = 22\nc = 3\n", 10..12), expected);
    }

    #[test]
    fn nothing_of_a_file_moves_a_cursor() {
        let text = "a = \"\u{1b}[2J\u{202e}\r\u{85}\tх\"";
        let shown = shown(text, 4..text.len());
        assert_eq!(printable(&shown.replace('\n', " ")), shown.replace('\n', " "));
        assert!(shown.contains("^^^^"), "{shown}");
    }

    #[test]
    fn any_span_of_any_text_can_be_shown() {
        let long = "я".repeat(100_000);
        for text in ["", "\n", "a", "\r\n\r\n", "я\nb", &long, "\u{1b}\n\u{feff}"] {
            for start in (0..=text.len().min(40)).chain([text.len(), text.len() + 9]) {
                for length in [0, 1, 3, text.len()] {
                    assert!(shown(text, start..start + length).len() < 4_000, "{start} {length}");
                }
            }
        }
    }

    #[test]
    fn more_mistakes_than_are_shown_are_counted() {
        let many = vec![Mistake::whole("a\nb"); MISTAKES_MAX + 1];
        let said = Mistakes::none_or(many).unwrap_err().to_string();
        assert!(said.ends_with("101 mistakes, of which these are the first 100"), "{said}");
        assert!(said.starts_with("error: a\\x0ab\n\nerror: "), "{said}");
    }
}
