//! What was written of targets, as it was written: names are not looked up here.

use std::collections::BTreeSet;
use std::io::Read;

use super::one::{self, One};
use super::{ListFault, Span, TargetFault, TargetWhy};

/// How long a list may be that is read from elsewhere.
pub const BYTES_MAX: u64 = 16 << 20;

/// How many addresses, networks and ranges a list may have.
pub const SPANS_MAX: usize = 1 << 20;

/// How many names a list may have: each is looked up.
pub const NAMES_MAX: usize = 4096;

/// Targets as they were written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    spans: Vec<Span>,
    names: Vec<Box<str>>,
    /// The same names, to find them again.
    known: BTreeSet<Box<str>>,
}

impl List {
    /// One target, or several between commas: a name, an address, `[IPv6]`, `10.0.0.0/24`, `10.0.0.1-50` or
    /// `10.0.0.1-10.0.2.7`.
    pub fn add(&mut self, typed: &str) -> Result<(), TargetFault> {
        typed.split(',').map(str::trim).try_for_each(|target| self.add_one(target))
    }

    /// All that stand there, one or more on a line; a `#` begins a comment. At most [`BYTES_MAX`].
    pub fn read(&mut self, from: impl Read) -> Result<(), ListFault> {
        let mut bytes = Vec::new();
        from.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(ListFault::Unreadable)?;
        if bytes.len() as u64 > BYTES_MAX {
            return Err(ListFault::TooLong);
        }
        let text = String::from_utf8_lossy(&bytes);
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let without_comment = line.split('#').next().unwrap_or_default();
            let mut targets = without_comment
                .split(|letter: char| letter.is_whitespace() || letter == ',')
                .filter(|target| !target.is_empty());
            targets
                .try_for_each(|target| self.add_one(target))
                .map_err(|fault| ListFault::Wrong { line: index + 1, fault })?;
        }
        Ok(())
    }

    fn add_one(&mut self, target: &str) -> Result<(), TargetFault> {
        let fault = |why| TargetFault { target: target.to_owned(), why };
        match one::read(target).map_err(fault)? {
            One::Span(_) if self.spans.len() == SPANS_MAX => Err(fault(TargetWhy::TooManySpans)),
            One::Span(span) => {
                self.spans.push(span);
                Ok(())
            }
            One::Name(name) if self.known.contains(&name) => Ok(()),
            One::Name(_) if self.names.len() == NAMES_MAX => Err(fault(TargetWhy::TooManyNames)),
            One::Name(name) => {
                self.known.insert(name.clone());
                self.names.push(name);
                Ok(())
            }
        }
    }

    /// Nothing at all?
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.names.is_empty()
    }

    /// Addresses, networks and ranges, as they came.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Names, each once, as they came.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|name| &**name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_line_by_line() {
        let mut list = List::default();
        let text =
            "\u{feff}10.0.0.1 10.0.0.2\r\n# nobody\n\n  a.example, b.example # and a.example\n::1\nA.EXAMPLE";
        list.read(text.as_bytes()).unwrap();
        assert_eq!(list.spans().len(), 3);
        assert_eq!(list.names().collect::<Vec<_>>(), ["a.example", "b.example"]);
        let fault = list.read(&b"10.0.0.1\n10.0.0.256\n"[..]).unwrap_err();
        assert!(fault.to_string().starts_with("line 2: 10.0.0.256: "), "{fault}");
        let fault = list.read(&b"a\n\xff\xfe\n"[..]).unwrap_err();
        assert!(fault.to_string().starts_with("line 2: "), "{fault}");
        let fault = list.read(&b"@others\n"[..]).unwrap_err();
        assert!(fault.to_string().contains("cannot name another"), "{fault}");
    }

    #[test]
    fn a_list_has_its_limits() {
        assert!(matches!(List::default().read(std::io::repeat(b'#')), Err(ListFault::TooLong)));
        let mut list = List::default();
        let names: Vec<_> = (0..NAMES_MAX).map(|number| format!("h{number}.example")).collect();
        list.read(names.join("\n").as_bytes()).unwrap();
        list.add("h0.example").unwrap();
        assert_eq!(list.add("one.more").unwrap_err().why, TargetWhy::TooManyNames);
        let mut list = List::default();
        list.read("::\n".repeat(SPANS_MAX).as_bytes()).unwrap();
        assert_eq!(list.add("::1").unwrap_err().why, TargetWhy::TooManySpans);
    }
}
