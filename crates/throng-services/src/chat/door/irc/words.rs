//! How the IRC door says what many hear, and the way each of its lines is made.
//!
//! Called by [`crate::chat::rendering`] once per view, and by the door for what it alone is told. A line never
//! grows past what IRC allows ([`LINE_MAX`]): what is too long is cut between two letters.

use throng_chat::{Entry, Event, Kind, MsgId, Name, Text, Time};
use throng_wire::irc::{self, LINE_MAX, Writer};

use super::modes;
use crate::chat::house::House;
use crate::chat::rendering::View;

/// The client wants to know when things were said (IRCv3 server-time).
pub const SERVER_TIME: u16 = 1;
/// The client understands any tag (IRCv3 message-tags).
pub const MESSAGE_TAGS: u16 = 1 << 1;
/// The client wants its own words back, as the confirmation that they are stored (IRCv3 echo-message).
pub const ECHO_MESSAGE: u16 = 1 << 2;
/// The client understands what belongs together (IRCv3 batch).
pub const BATCH: u16 = 1 << 3;
/// The client wants each right of a member shown, not only the highest (IRCv3 multi-prefix).
pub const MULTI_PREFIX: u16 = 1 << 4;
/// The client hears when somebody signs in or out (IRCv3 account-notify).
pub const ACCOUNT_NOTIFY: u16 = 1 << 6;
/// The client wants the account beside each line of somebody who has one (IRCv3 account-tag).
pub const ACCOUNT_TAG: u16 = 1 << 7;
/// The client wants to know whose somebody is who comes into a room (IRCv3 extended-join).
pub const EXTENDED_JOIN: u16 = 1 << 8;

/// The abilities that change how events look which many hear. The others must not split them into more renderings.
pub const SHARED: u16 =
    SERVER_TIME | MESSAGE_TAGS | ECHO_MESSAGE | ACCOUNT_NOTIFY | ACCOUNT_TAG | EXTENDED_JOIN;

/// What stands in the place of everybody's user name: a fixed word keeps frames small.
pub const USER: &str = "~u";
/// What stands in the place of everybody's host: addresses are nobody's business.
pub const HOST: &str = "throng";

/// Shows an event; the same bytes serve everybody with the same view.
pub fn tell(view: View, event: &Event, house: &House, out: &mut Vec<u8>) {
    let pen = Pen { abilities: view.look.abilities, house };
    match event {
        Event::Entry(entry) if view.own && entry.record.kind != Kind::Topic && !pen.can(ECHO_MESSAGE) => {}
        Event::Entry(entry) => pen.entry(entry, None, out),
        Event::Arrived { room, who, account } => pen.now(&mask(who), account, out, |line| {
            let line = line.command("JOIN").param(room.as_str());
            match pen.can(EXTENDED_JOIN) {
                // The real name is the name, as in WHO and WHOIS.
                true => line.param(shown_account(account.as_ref())).trailing(who.as_str()),
                false => line,
            }
        }),
        Event::Left { room, who, account, reason } => {
            pen.now(&mask(who), account, out, |line| {
                maybe(line.command("PART").param(room.as_str()), reason.as_ref())
            });
        }
        Event::Kicked { room, who, by, account, reason } => {
            pen.now(&source(by.as_ref(), house), account, out, |line| {
                let line = line.command("KICK").param(room.as_str()).param(who.as_str());
                line.trailing(reason.as_ref().map_or(who.as_str(), Text::as_str))
            });
        }
        Event::Quit { who, account, reason } => {
            pen.now(&mask(who), account, out, |line| line.command("QUIT").trailing(reason.as_str()));
        }
        Event::Renamed { from, to, account } => {
            pen.now(&mask(from), account, out, |line| line.command("NICK").param(to.as_str()));
        }
        Event::AccountChanged { .. } if !pen.can(ACCOUNT_NOTIFY) => {}
        Event::AccountChanged { who, account } => pen.now(&mask(who), account, out, |line| {
            line.command("ACCOUNT").param(shown_account(account.as_ref()))
        }),
        Event::Moded { room, by, account, changes } => {
            pen.now(&source(by.as_ref(), house), account, out, |line| {
                modes::spell(changes, line.command("MODE").param(room.as_str()))
            });
        }
        Event::Whispered { from, account, to, kind, text, at } => {
            let tags = Tags { at: *at, account: account.as_ref(), msgid: None, batch: None };
            pen.said(tags, from, to.as_str(), *kind, text, out);
        }
        Event::Announced { text, at } => {
            let tags = Tags { at: *at, account: None, msgid: None, batch: None };
            pen.line(tags, &house.settings.name, out, |line| {
                line.command("NOTICE").param("*").trailing(text.as_str())
            });
        }
        Event::Closing { reason } => closing(reason.as_str(), out),
        // Answers to one session alone, which its door says with the name that belongs into each.
        Event::Welcomed { .. }
        | Event::Joined(_)
        | Event::TopicIs { .. }
        | Event::ModesAre { .. }
        | Event::NamesAre { .. }
        | Event::WhoIn { .. }
        | Event::RoomsAre { .. }
        | Event::PersonIs { .. }
        | Event::PeopleAre { .. }
        | Event::NameWithdrawn { .. }
        | Event::SignedIn { .. }
        | Event::SignedOut
        | Event::Refused(_) => {}
    }
}

/// One stored thing of the past, as a part of a batch.
pub fn replay(abilities: u16, entry: &Entry, batch: &str, house: &House, out: &mut Vec<u8>) {
    Pen { abilities, house }.entry(entry, Some(batch), out);
}

/// The last line of a connection.
pub fn closing(why: &str, out: &mut Vec<u8>) {
    frame(out, |line| line.command("ERROR").trailing(&format!("Closing link: {why}")));
}

/// Writes one line of at most [`LINE_MAX`] bytes beside its tags.
pub fn frame(out: &mut Vec<u8>, fill: impl FnOnce(Writer<'_>) -> Writer<'_>) {
    let start = out.len();
    fill(irc::write(out)).end();
    let tags = match out[start] {
        b'@' => out[start..].iter().position(|byte| *byte == b' ').map_or(0, |space| space + 1),
        _ => 0,
    };
    let most = start + tags + LINE_MAX;
    if out.len() > most {
        let mut end = most - 2;
        while is_inside_letter(out[end]) {
            end -= 1;
        }
        out.truncate(end);
        out.extend_from_slice(b"\r\n");
    }
}

/// The beginning of some words, at most so many bytes, cut between two letters.
pub fn cut(words: &str, bytes_max: usize) -> &str {
    &words[..words.floor_char_boundary(bytes_max)]
}

/// `ana!~u@throng`: how IRC names a person.
pub fn mask(who: &Name) -> String {
    format!("{}!{USER}@{HOST}", who.as_str())
}

/// An account as IRC names it; `*` is none, and no name is `*`.
fn shown_account(account: Option<&Name>) -> &str {
    account.map_or("*", Name::as_str)
}

fn source(by: Option<&Name>, house: &House) -> String {
    by.map_or_else(|| house.settings.name.clone(), mask)
}

/// UTF-8 (RFC 3629 §3): the bytes of a letter after its first are 10xxxxxx.
fn is_inside_letter(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn maybe<'a>(line: Writer<'a>, words: Option<&Text>) -> Writer<'a> {
    match words {
        Some(words) => line.trailing(words.as_str()),
        None => line,
    }
}

/// What is said about a line beside its words.
#[derive(Clone, Copy)]
struct Tags<'a> {
    at: Time,
    account: Option<&'a Name>,
    msgid: Option<MsgId>,
    batch: Option<&'a str>,
}

/// Writes lines with the tags that the client agreed to.
struct Pen<'a> {
    abilities: u16,
    house: &'a House,
}

impl Pen<'_> {
    fn can(&self, ability: u16) -> bool {
        self.abilities & ability != 0
    }

    fn entry(&self, entry: &Entry, batch: Option<&str>, out: &mut Vec<u8>) {
        let (record, stamp) = (&entry.record, &entry.stamp);
        let tags = Tags { at: stamp.at, account: entry.account.as_ref(), msgid: Some(stamp.msgid), batch };
        match (record.kind, &record.text) {
            (Kind::Topic, text) => self.line(tags, &mask(&record.author), out, |line| {
                let words = text.as_ref().map_or("", Text::as_str);
                line.command("TOPIC").param(record.room.as_str()).trailing(words)
            }),
            (kind, Some(text)) => self.said(tags, &record.author, record.room.as_str(), kind, text, out),
            // Only a cleared topic has no words.
            (_, None) => {}
        }
    }

    fn said(&self, tags: Tags<'_>, from: &Name, to: &str, kind: Kind, text: &Text, out: &mut Vec<u8>) {
        let command = if kind == Kind::Notice { "NOTICE" } else { "PRIVMSG" };
        self.line(tags, &mask(from), out, |line| {
            let line = line.command(command).param(to);
            match kind {
                Kind::Action => line.trailing(&format!("\u{1}ACTION {}\u{1}", text.as_str())),
                _ => line.trailing(text.as_str()),
            }
        });
    }

    fn now(
        &self,
        source: &str,
        account: &Option<Name>,
        out: &mut Vec<u8>,
        fill: impl FnOnce(Writer<'_>) -> Writer<'_>,
    ) {
        let at = (self.house.now)();
        self.line(Tags { at, account: account.as_ref(), msgid: None, batch: None }, source, out, fill);
    }

    fn line(
        &self,
        tags: Tags<'_>,
        source: &str,
        out: &mut Vec<u8>,
        fill: impl FnOnce(Writer<'_>) -> Writer<'_>,
    ) {
        frame(out, |mut line| {
            if let (Some(batch), true) = (tags.batch, self.can(BATCH)) {
                line = line.tag("batch", batch);
            }
            if self.can(SERVER_TIME) {
                line = line.tag("time", &self.house.stamp(tags.at));
            }
            if let (Some(msgid), true) = (tags.msgid, self.can(MESSAGE_TAGS)) {
                line = line.tag("msgid", &msgid.to_string());
            }
            if let (Some(account), true) = (tags.account, self.can(ACCOUNT_TAG)) {
                line = line.tag("account", account.as_str());
            }
            fill(line.source(source))
        });
    }
}
