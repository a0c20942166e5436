//! A record as a row of the table `messages`, and back.
//!
//! What was valid when it was stored may not be so under the rules of a later version. It is still shown: a name
//! that is no longer one is shown as `unknown`, and words are shown without the characters that are no longer
//! allowed. What cannot be a row of ours at all is a fault, never a guess.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Result, Row};
use throng_chat::event::Topic;
use throng_chat::{Entry, Kind, MsgId, Name, Names, Record, RoomName, Stamp, Text, Time};

/// Stands for an author whose name is no longer valid.
const UNKNOWN: &str = "unknown";

/// Stands for words of which nothing is left.
const UNREADABLE: &str = "(unreadable)";

/// How a kind is kept. These numbers are the file's: they never change.
pub(crate) fn number_of(kind: Kind) -> i64 {
    match kind {
        Kind::Message => 0,
        Kind::Action => 1,
        Kind::Notice => 2,
        Kind::Topic => 3,
    }
}

fn kind_of(number: i64) -> Option<Kind> {
    [Kind::Message, Kind::Action, Kind::Notice, Kind::Topic]
        .into_iter()
        .find(|kind| number_of(*kind) == number)
}

/// The columns that [`entry`] reads, in its order.
pub(crate) const ENTRY_COLUMNS: &str = "seq, msgid, at, author, kind, body";

/// An entry from its row.
pub(crate) fn entry(row: &Row<'_>, room: &RoomName) -> Result<Entry> {
    let Bits(msgid) = row.get(1)?;
    let stamp = Stamp { seq: sequence(row, 0)?, msgid, at: Time(row.get(2)?) };
    let KindNumber(kind) = row.get(4)?;
    let author = author(row.get_ref(3)?.as_str()?);
    let text = row.get_ref(5)?.as_str_or_null()?.map(words);
    Ok(Entry { record: Record { room: room.clone(), author, kind, text }, stamp, account: None })
}

/// A sequence; SQLite's integers have a sign, ours do not.
pub(crate) fn sequence(row: &Row<'_>, column: usize) -> Result<u64> {
    let kept: i64 = row.get(column)?;
    u64::try_from(kept).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, kept))
}

/// A room's name, or `None` when nobody could ask for it today.
pub(crate) fn room(kept: &str) -> Option<RoomName> {
    RoomName::new(kept, Names::Unicode).ok()
}

/// A topic from its three columns; no words, no topic.
pub(crate) fn topic(text: Option<&str>, by: Option<&str>, at: Option<i64>) -> Option<Topic> {
    Some(Topic { text: words(text?), by: author(by.unwrap_or_default()), at: Time(at.unwrap_or(0)) })
}

fn author(kept: &str) -> Name {
    let unknown =
        || Name::new(UNKNOWN, Names::Unicode).expect("seven Latin letters are a name under any rule");
    Name::new(kept, Names::Unicode).unwrap_or_else(|_| unknown())
}

/// Words, as far as they are still allowed.
pub(crate) fn words(kept: &str) -> Text {
    let unreadable =
        || Text::new(UNREADABLE).expect("a dozen printable ASCII characters are text under any rule");
    Text::new(kept).unwrap_or_else(|_| longest_allowed(kept).unwrap_or_else(unreadable))
}

/// The kept words without control characters, cut until they are short enough.
fn longest_allowed(kept: &str) -> Option<Text> {
    let mut left: String = kept.chars().filter(|c| !c.is_control()).collect();
    while !left.is_empty() {
        if let Ok(text) = Text::new(&left) {
            return Some(text);
        }
        left.truncate(left.floor_char_boundary(left.len() * 7 / 8));
    }
    None
}

/// A message id as 16 bytes, big end first, so that the order of the bytes is the order of the ids.
pub(crate) struct Bits(pub(crate) MsgId);

impl FromSql for Bits {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        let bits = bytes
            .try_into()
            .map_err(|_| FromSqlError::InvalidBlobSize { expected_size: 16, blob_size: bytes.len() })?;
        Ok(Bits(MsgId(u128::from_be_bytes(bits))))
    }
}

struct KindNumber(Kind);

impl FromSql for KindNumber {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let number = value.as_i64()?;
        kind_of(number).map(KindNumber).ok_or(FromSqlError::OutOfRange(number))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn words_that_are_no_longer_allowed_are_still_shown() {
        assert_eq!(words("as they were").as_str(), "as they were");
        assert_eq!(words("two\nlines\r\0").as_str(), "twolines");
        assert_eq!(words("").as_str(), UNREADABLE);
        assert_eq!(words("\n").as_str(), UNREADABLE);
        let long = words(&"é".repeat(5000));
        assert!(long.as_str().len() > 300 && long.as_str().chars().all(|c| c == 'é'), "{}", long.as_str());
    }

    #[test]
    fn names_that_are_no_longer_allowed_are_still_shown() {
        assert_eq!(author("ana").as_str(), "ana");
        for bad in ["", "two words", "\u{202e}evil", "a\nb"] {
            assert_eq!(author(bad).as_str(), UNKNOWN, "{bad:?}");
        }
        assert_eq!(topic(Some("hi"), None, None).unwrap().by.as_str(), UNKNOWN);
        assert_eq!(topic(None, Some("ana"), Some(1)), None);
    }

    #[test]
    fn each_kind_comes_back_from_its_number_and_no_other_number_is_one() {
        for kind in [Kind::Message, Kind::Action, Kind::Notice, Kind::Topic] {
            assert_eq!(kind_of(number_of(kind)), Some(kind));
        }
        assert_eq!([-1, 4].map(kind_of), [None, None]);
    }
}
