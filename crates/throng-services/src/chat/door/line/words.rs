//! How the line door says things. Everything that another person typed passes `printable` here.

use std::borrow::Cow;

use throng_chat::event::Joined;
use throng_chat::{Entry, Event, Kind, Name, Refusal, RoomName, Text, Time};
use throng_store::Fault;
use throng_wire::printable::{printable, strip_irc_formatting};

use super::MARKS;
use crate::bans;
use crate::chat::door::{AccountAnswer, Errand};
use crate::chat::house::House;
use crate::chat::rendering::View;
use crate::identity::session::Device;
use crate::identity::{Secret, Which};

/// How many names a person is shown in one go.
const NAMES_SHOWN_MAX: usize = 40;

/// Appends one line.
pub fn say(out: &mut Vec<u8>, line: &str) {
    out.extend_from_slice(line.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Shows an event; the same bytes serve everybody with the same view.
pub fn tell(view: View, event: &Event, house: &House, out: &mut Vec<u8>) {
    match event {
        Event::Entry(entry) if view.own && view.look.abilities & MARKS != 0 => {
            let place = if view.here { String::new() } else { format!(" {}", room(&entry.record.room)) };
            say(out, &format!("+{place}"));
        }
        Event::Entry(entry) => say(out, &shown(entry, view.here, house)),
        Event::Arrived { room: to, who, .. } => say(out, &format!("* {} came into {}.", name(who), room(to))),
        Event::Left { room: from, who, reason, .. } => {
            say(out, &format!("* {} left {}{}.", name(who), room(from), because(reason.as_ref())));
        }
        Event::Kicked { room: from, who, by, reason, .. } => {
            let by = by.as_ref().map_or(Cow::Borrowed("the operator"), name);
            say(out, &format!("* {by} put {} out of {}{}.", name(who), room(from), because(reason.as_ref())));
        }
        Event::Quit { who, reason, .. } => {
            say(out, &format!("* {} is gone{}.", name(who), because(Some(reason))));
        }
        Event::AccountChanged { who, account } => say(out, &signed(who, account.as_ref())),
        Event::SignedIn { account } => say(out, &format!("* You are signed in as {}.", name(account))),
        Event::SignedOut => say(out, "* You are signed out."),
        Event::NameWithdrawn { name: gone } => {
            let gone = name(gone);
            say(out, &format!("* {gone} belongs to an account that you are not signed in to."));
        }
        Event::Renamed { from, to, .. } => say(out, &format!("* {} is {} now.", name(from), name(to))),
        Event::Moded { room: of, by, changes, .. } => moded(of, by.as_ref(), changes, out),
        Event::Announced { text, at } => {
            say(out, &format!("{} *** {}", house.clock(*at), words(text)));
        }
        Event::TopicIs { room: of, topic } => match topic {
            Some(topic) => {
                let (at, by) = (house.clock(topic.at), name(&topic.by));
                say(out, &format!("* The topic of {} is: {} ({by}, {at})", room(of), words(&topic.text)));
            }
            None => say(out, &format!("* {} has no topic. Set one: /topic words", room(of))),
        },
        Event::ModesAre { room: of, modes } => say(out, &format!("* {} has the modes {modes}.", room(of))),
        Event::NamesAre { room: of, members } | Event::WhoIn { room: of, members } => {
            let names = members.iter().map(|member| &member.name);
            say(out, &format!("In {}: {}.", room(of), listed(names, members.len())));
        }
        Event::RoomsAre { rooms, hidden } => list_rooms(rooms, *hidden, out),
        Event::PersonIs { who, account, rooms } => {
            let account =
                account.as_ref().map_or(String::new(), |account| format!(", signed in as {}", name(account)));
            say(out, &format!("{} is in {}{account}.", name(who), listed_rooms(rooms)));
        }
        Event::PeopleAre { people, hidden } => list_people(people, *hidden, out),
        Event::Refused(refusal) => refused(refusal, false, house, out),
        // Told to one session alone, and said there by the door itself.
        Event::Welcomed { .. } | Event::Joined(_) | Event::Whispered { .. } | Event::Closing { .. } => {}
    }
}

/// One stored thing: `19:02 <ana> hello`, with its room where that is not the current one.
fn shown(entry: &Entry, here: bool, house: &House) -> String {
    let (record, at) = (&entry.record, house.clock(entry.stamp.at));
    let place = if here { String::new() } else { format!("{} ", room(&record.room)) };
    let who = name(&record.author);
    match (record.kind, &record.text) {
        (Kind::Message, Some(text)) => format!("{at} {place}<{who}> {}", words(text)),
        (Kind::Action, Some(text)) => format!("{at} {place}* {who} {}", words(text)),
        (Kind::Notice, Some(text)) => format!("{at} {place}-{who}- {}", words(text)),
        (_, Some(text)) => format!("{at} {place}* {who} set the topic: {}", words(text)),
        (_, None) => format!("{at} {place}* {who} cleared the topic"),
    }
}

/// Somebody else signed in or out.
fn signed(who: &Name, account: Option<&Name>) -> String {
    match account {
        Some(account) if account == who => format!("* {} is signed in.", name(who)),
        Some(account) => format!("* {} is signed in as {}.", name(who), name(account)),
        None => format!("* {} is signed out.", name(who)),
    }
}

/// What somebody who enters a room reads first.
pub fn joined(you: &Name, joined: &Joined, first: bool, current: &RoomName, out: &mut Vec<u8>) {
    let others = joined.members.iter().map(|member| &member.name).filter(|name| *name != you);
    let count = joined.members.len().saturating_sub(1);
    let company = match count {
        0 => "; nobody else is here".to_owned(),
        _ => format!(" with {}", listed(others, count)),
    };
    let place = room(&joined.room);
    if first {
        say(out, &format!("Hello {}. You are in {place}{company}.", name(you)));
        say(out, &format!("What you type goes to {place}. /help lists commands, /quit leaves."));
    } else {
        let goes = if *current == joined.room { "there".to_owned() } else { format!("to {}", room(current)) };
        say(out, &format!("You are in {place}{company}. What you type goes {goes}."));
    }
    if let Some(topic) = &joined.topic {
        say(out, &format!("Topic: {}", words(&topic.text)));
    }
}

/// History, each line with its time.
pub fn history(
    errand: &Errand,
    here: bool,
    found: Result<&[Entry], &Fault>,
    house: &House,
    out: &mut Vec<u8>,
) {
    match found {
        Ok([]) if errand.asked => say(out, "--- no messages yet ---"),
        Ok([]) => {}
        Ok(entries) => {
            let place = if here { String::new() } else { format!(" of {}", room(&errand.room)) };
            say(out, &format!("--- last {}{place} ---", counted(entries.len(), "message")));
            entries.iter().for_each(|entry| say(out, &shown(entry, true, house)));
        }
        Err(why) => say(out, &format!("! The history cannot be shown: {}.", printable(&why.to_string()))),
    }
}

/// Words to one person.
#[derive(Debug)]
pub struct Whisper<'a> {
    /// Who said it.
    pub from: &'a Name,
    /// To whom.
    pub to: &'a Name,
    /// What kind.
    pub kind: Kind,
    /// The words.
    pub text: &'a Text,
    /// When.
    pub at: Time,
    /// Does the reader see their own words?
    pub own: bool,
}

/// Shows words to one person, at either end.
pub fn whispered(whisper: &Whisper<'_>, house: &House, out: &mut Vec<u8>) {
    let at = house.clock(whisper.at);
    let head = match whisper.own {
        true => format!("{at} [to {}]", name(whisper.to)),
        false => format!("{at} [from {}]", name(whisper.from)),
    };
    let said = words(whisper.text);
    match whisper.kind {
        Kind::Action => say(out, &format!("{head} * {} {said}", name(whisper.from))),
        _ => say(out, &format!("{head} {said}")),
    }
}

/// The reader left a room, or was put out of it.
pub fn put_out(event: &Event, current: Option<&RoomName>, out: &mut Vec<u8>) {
    let goes = match current {
        Some(current) => format!("What you type goes to {} now.", room(current)),
        None => "You are in no room now: /join #lobby".to_owned(),
    };
    match event {
        Event::Left { room: from, .. } => say(out, &format!("* You left {}. {goes}", room(from))),
        Event::Kicked { room: from, by, reason, .. } => {
            let by = by.as_ref().map_or(Cow::Borrowed("the operator"), name);
            say(out, &format!("* {by} put you out of {}{}. {goes}", room(from), because(reason.as_ref())));
        }
        _ => {}
    }
}

/// The last line.
pub fn bye(you: &Name, why: &Text, stayed_ms: i64, said: u32, out: &mut Vec<u8>) {
    let minutes = stayed_ms / 60_000;
    let stayed = match minutes {
        0 => counted(usize::try_from(stayed_ms / 1000).unwrap_or(0), "second"),
        _ => counted(usize::try_from(minutes).unwrap_or(0), "minute"),
    };
    if why.as_str() != "quit" {
        say(out, &format!("*** {}", words(why)));
    }
    say(out, &format!("Bye {}. {stayed}, {}.", name(you), counted(said as usize, "message")));
}

/// Why not, and what could be done instead.
pub fn refused(refusal: &Refusal, nameless: bool, house: &House, out: &mut Vec<u8>) {
    let again = if nameless { " Pick another:" } else { "" };
    let said = match refusal {
        Refusal::NameTaken { name: taken, alternatives } => {
            format!("{} is taken.{}{again}", name(taken), try_one(alternatives))
        }
        Refusal::NameLooksTaken { name: asked, other, alternatives } => {
            format!(
                "{} looks like {}, who is here.{}{again}",
                name(asked),
                name(other),
                try_one(alternatives)
            )
        }
        Refusal::NameRegistered { name: asked, alternatives } => {
            let tried = try_one(alternatives);
            format!("{} is registered, or looks like a name that is.{tried}{again}", name(asked))
        }
        Refusal::AccountNeeded => "Only those who have an account come in here.".to_owned(),
        Refusal::NoSuchAccount(account) => format!("There is no account {}.", name(account)),
        Refusal::AlreadySignedIn { account } => {
            format!("You are signed in as {} already; sign out first.", name(account))
        }
        Refusal::NotSignedIn => "You are not signed in.".to_owned(),
        Refusal::NotYourName(asked) => format!("{} is not a name of your account.", name(asked)),
        Refusal::TooManySessions { name: who, max } => {
            format!("{} is here {max} times, and that is as often as one may be.{again}", name(who))
        }
        Refusal::AlreadyHere => "You have a name already; /nick takes another.".to_owned(),
        Refusal::NoSuchPerson(who) => format!("Nobody called {} is here. /who shows who is.", name(who)),
        Refusal::NoSuchRoom(which) => {
            format!("There is no room {}. /rooms shows which there are.", room(which))
        }
        Refusal::NotInRoom(which) => format!("You are not in {0}. /join {0}", room(which)),
        Refusal::PersonNotInRoom(who, which) => format!("{} is not in {}.", name(who), room(which)),
        Refusal::MembersOnly(which) => format!("Only those in {0} may speak there. /join {0}", room(which)),
        Refusal::NeedsOperator(which) => format!("Only an operator of {} may do that.", room(which)),
        Refusal::TooManyRooms { max, .. } => {
            format!("You are in {max} rooms, and that is as many as one may be in. /part leaves one.")
        }
        Refusal::RoomsFull { max, .. } => format!("There are {max} rooms, and no further one can be made."),
        Refusal::Banned { name: asked, reason, until } => {
            let who =
                asked.as_ref().map_or(Cow::Borrowed("You are"), |asked| format!("{} is", name(asked)).into());
            bans::word::words(&who, reason.as_ref(), *until, |at| house.clock(at))
        }
        Refusal::PeopleFull { max } => {
            format!("{max} people are here, and that is as many as fit. Try later.")
        }
        Refusal::NotStored { why } => format!("Not sent: it could not be stored ({}).", printable(why)),
        Refusal::ReadOnly { why } => {
            format!("Not sent: nothing can be stored now ({}). Reading goes on.", printable(why))
        }
    };
    say(out, &format!("! {said}"));
}

/// What came of something about one's account.
pub fn account(answer: &AccountAnswer, house: &House, out: &mut Vec<u8>) {
    let said = match answer {
        AccountAnswer::Refused(why) => format!("! Not done: {}.", printable(&why.to_string())),
        AccountAnswer::PasswordChanged => {
            "Your password is another one now. Devices that were signed in by a token are signed out."
                .to_owned()
        }
        AccountAnswer::Tokens(devices) => return list_devices(devices, house, out),
        AccountAnswer::Revoked(Which::Number(number)) => format!("Device {number} is signed out."),
        AccountAnswer::Revoked(Which::All) => "All your devices are signed out.".to_owned(),
        AccountAnswer::CertificateSet(true) => {
            "The certificate of this connection is as good as your password now.".to_owned()
        }
        AccountAnswer::CertificateSet(false) => {
            "The certificate of this connection signs nobody in any more.".to_owned()
        }
        AccountAnswer::RecognisedSet(true) => {
            "From now on you are greeted by your name when you come from the same address.".to_owned()
        }
        AccountAnswer::RecognisedSet(false) => "Your addresses are forgotten.".to_owned(),
        AccountAnswer::Operator => "You operate this server now.".to_owned(),
        // Said by the world, or asked by other doors only.
        _ => return,
    };
    say(out, &said);
}

/// A new token, this once.
pub fn token(device: &str, account: &str, token: &Secret<String>, out: &mut Vec<u8>) {
    say(out, &format!("Token for {}, shown this once:", printable(device)));
    say(out, &format!("  {}", token.expose()));
    say(out, &format!("It signs in like a password: /login {account} token TOKEN, or in IRC in its place."));
}

fn list_devices(devices: &[Device], house: &House, out: &mut Vec<u8>) {
    if devices.is_empty() {
        say(out, "No device is signed in by a token. /token DEVICE gives one.");
    }
    for device in devices {
        let (created, used) = (house.clock(device.created), house.clock(device.used));
        let this = if device.this { ", this one" } else { "" };
        let (number, name) = (device.number, printable(&device.name));
        let expires = house.clock(device.expires);
        say(out, &format!("{number:>3}  {name}: since {created}, last used {used}, until {expires}{this}"));
    }
}

/// A name, safe for a terminal. Names are letters and digits, so nothing ever changes; no sink trusts that.
pub fn name(name: &Name) -> Cow<'_, str> {
    printable(name.as_str())
}

/// A room's name, safe for a terminal.
pub fn room(room: &RoomName) -> Cow<'_, str> {
    printable(room.as_str())
}

/// What was typed, as the person saw it: a terminal in raw mode sends its backspaces.
pub fn without_edits(typed: &str) -> Cow<'_, str> {
    if !typed.contains(['\u{8}', '\u{7f}']) {
        return Cow::Borrowed(typed);
    }
    let mut kept = String::with_capacity(typed.len());
    for letter in typed.chars() {
        match letter {
            '\u{8}' | '\u{7f}' => drop(kept.pop()),
            letter => kept.push(letter),
        }
    }
    Cow::Owned(kept)
}

fn words(text: &Text) -> String {
    printable(&strip_irc_formatting(text.as_str())).into_owned()
}

fn because(reason: Option<&Text>) -> String {
    reason.map_or(String::new(), |reason| format!(" ({})", words(reason)))
}

fn try_one(alternatives: &[Name]) -> String {
    match alternatives {
        [] => String::new(),
        [one] => format!(" Try {}.", name(one)),
        [one, other, ..] => format!(" Try {} or {}.", name(one), name(other)),
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// `bo, cy and dee`, or the first of them and how many more.
fn listed<'a>(names: impl Iterator<Item = &'a Name>, count: usize) -> String {
    let mut shown: Vec<_> = names.take(NAMES_SHOWN_MAX).map(name).collect();
    if count > shown.len() {
        return format!("{} and {} more", shown.join(", "), count - shown.len());
    }
    let last = shown.pop().unwrap_or_default();
    if shown.is_empty() { last.into_owned() } else { format!("{} and {last}", shown.join(", ")) }
}

fn listed_rooms(rooms: &[RoomName]) -> String {
    let shown: Vec<_> = rooms.iter().map(room).collect();
    if shown.is_empty() { "no room".to_owned() } else { shown.join(" ") }
}

fn list_rooms(rooms: &[throng_chat::event::RoomLine], hidden: usize, out: &mut Vec<u8>) {
    if rooms.is_empty() {
        say(out, "There is no room yet. /join #lobby makes one.");
    }
    for line in rooms {
        let topic = line.topic.as_ref().map_or(String::new(), |topic| format!("  {}", words(topic)));
        say(out, &format!("{:>5} in {}{topic}", line.members, room(&line.room)));
    }
    if hidden > 0 {
        say(out, &format!("… and {} with fewer people.", counted(hidden, "room")));
    }
}

fn list_people(people: &[throng_chat::event::PersonLine], hidden: usize, out: &mut Vec<u8>) {
    say(out, &format!("{} here:", counted(people.len() + hidden, "person")).replace("persons", "people"));
    for line in people {
        say(out, &format!("  {}  {}", name(&line.name), listed_rooms(&line.rooms)));
    }
    if hidden > 0 {
        say(out, &format!("  … and {hidden} more."));
    }
}

fn moded(of: &RoomName, by: Option<&Name>, changes: &[throng_chat::ModeChange], out: &mut Vec<u8>) {
    let by = by.map_or(Cow::Borrowed("the server"), name);
    let changes: Vec<_> = changes.iter().map(ToString::to_string).collect();
    say(out, &format!("* {by} set {} in {}.", printable(&changes.join(" ")), room(of)));
}
