//! Which events somebody wants to see.

use std::cell::OnceCell;

use jiff::tz::TimeZone;

use super::event::{Event, Level};

/// Where a client's number or name may stand.
const NUMBERS: [&str; 2] = ["conn", "session"];
const NAMES: [&str; 2] = ["name", "account"];

/// What is asked for; what is not said is not asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// So serious at least.
    pub level: Option<Level>,
    /// A kind, or the room of the house that kinds begin with: `client` for all `client.…`.
    pub kind: Option<String>,
    /// About this client: the number of a connection or session, a name or an account.
    pub client: Option<String>,
    /// Not before this time, in milliseconds since 1970-01-01 UTC.
    pub since: Option<i64>,
    /// With these letters in what people read of it, large or small.
    pub search: Option<String>,
    /// So many of them, the newest. Who follows is told these first.
    pub last: usize,
}

impl Query {
    /// The newest so many, whatever they say.
    #[cfg(test)]
    pub fn last(last: usize) -> Query {
        Query { last, ..Query::default() }
    }
}

/// A query, ready to be asked of many events.
pub struct Sieve(Query);

/// An event that several queries look at: what people read of it is written once, and only when somebody searches it.
pub struct Looked<'a> {
    event: &'a Event,
    zone: &'a TimeZone,
    text: OnceCell<String>,
}

impl<'a> Looked<'a> {
    /// People read its time in this zone.
    pub fn new(event: &'a Event, zone: &'a TimeZone) -> Looked<'a> {
        Looked { event, zone, text: OnceCell::new() }
    }

    fn text(&self) -> &str {
        self.text.get_or_init(|| self.event.text(self.zone).to_lowercase())
    }
}

impl Sieve {
    /// For this query.
    pub fn new(query: &Query) -> Sieve {
        let small = |text: &String| text.to_lowercase();
        Sieve(Query {
            client: query.client.as_ref().map(small),
            search: query.search.as_ref().map(small),
            ..query.clone()
        })
    }

    /// Whether it is one of those that are asked for.
    pub fn lets_through(&self, looked: &Looked) -> bool {
        let Sieve(Query { level, kind, client, since, search, last: _ }) = self;
        let event = looked.event;
        level.is_none_or(|level| event.level >= level)
            && since.is_none_or(|since| event.at_ms >= since)
            && kind.as_ref().is_none_or(|kind| is_of(&event.kind, kind))
            && client.as_ref().is_none_or(|client| is_about(event, client))
            && search.as_ref().is_none_or(|search| looked.text().contains(search.as_str()))
    }
}

fn is_of(kind: &str, asked: &str) -> bool {
    let rest = kind.strip_prefix(asked.trim_end_matches('.'));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

fn is_about(event: &Event, client: &str) -> bool {
    NUMBERS.iter().any(|field| event.values(field).any(|value| value == client))
        || NAMES.iter().any(|field| event.values(field).any(|value| value.to_lowercase() == client))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_lets_through_what_it_asks_for() {
        let event = Event {
            at_ms: 1_795_201_540_123,
            ..Event::warn("client.closed").count("conn", 17_u64).with("name", "Олена").with("end", "Too Slow")
        };
        let text = |text: &str| Some(text.to_owned());
        let (any, zone) = (Query::default(), TimeZone::UTC);
        for (query, expected) in [
            (any.clone(), true),
            (Query { level: Some(Level::Info), ..any.clone() }, true),
            (Query { level: Some(Level::Warn), ..any.clone() }, true),
            (Query { level: Some(Level::Error), ..any.clone() }, false),
            (Query { kind: text("client"), ..any.clone() }, true),
            (Query { kind: text("client."), ..any.clone() }, true),
            (Query { kind: text("client.closed"), ..any.clone() }, true),
            (Query { kind: text("client.close"), ..any.clone() }, false),
            (Query { kind: text("cli"), ..any.clone() }, false),
            (Query { kind: text("closed"), ..any.clone() }, false),
            (Query { client: text("17"), ..any.clone() }, true),
            (Query { client: text("1"), ..any.clone() }, false),
            (Query { client: text("ОЛЕНА"), ..any.clone() }, true),
            (Query { client: text("Too Slow"), ..any.clone() }, false),
            (Query { since: Some(1_795_201_540_123), ..any.clone() }, true),
            (Query { since: Some(1_795_201_540_124), ..any.clone() }, false),
            (Query { search: text("too slow"), ..any.clone() }, true),
            (Query { search: text("END=\"too"), ..any.clone() }, true),
            (Query { search: text("19:05:40 WARN"), ..any.clone() }, true),
            (Query { search: text("fast"), ..any.clone() }, false),
            (Query { level: Some(Level::Warn), client: text("18"), ..any.clone() }, false),
        ] {
            let looked = Looked::new(&event, &zone);
            assert_eq!(Sieve::new(&query).lets_through(&looked), expected, "{query:?}");
        }
    }
}
