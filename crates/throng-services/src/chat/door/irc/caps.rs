//! CAP: which abilities of ours a client wants to use (IRCv3 capability-negotiation, version 302).

use throng_wire::irc::Message;
use throng_wire::numeric::ERR_INVALIDCAPCMD;

use super::words::{
    ACCOUNT_NOTIFY, ACCOUNT_TAG, BATCH, ECHO_MESSAGE, EXTENDED_JOIN, MESSAGE_TAGS, MULTI_PREFIX, SERVER_TIME,
    frame,
};
use super::{IrcDoor, State, sasl, signup};
use crate::chat::door::Heard;

/// The client hears when an ability comes or goes. None ever does, so this changes nothing in how things look.
const CAP_NOTIFY: u16 = 1 << 5;

/// The client wants to sign in by AUTHENTICATE (IRCv3 sasl-3.2).
const SASL: u16 = 1 << 9;

/// The client wants to make accounts by REGISTER.
const REGISTRATION: u16 = 1 << 10;

/// All that may be asked for.
const ABILITIES: &[(&str, u16)] = &[
    ("account-notify", ACCOUNT_NOTIFY),
    ("account-tag", ACCOUNT_TAG),
    ("batch", BATCH),
    ("cap-notify", CAP_NOTIFY),
    ("draft/account-registration", REGISTRATION),
    ("echo-message", ECHO_MESSAGE),
    ("extended-join", EXTENDED_JOIN),
    ("message-tags", MESSAGE_TAGS),
    ("multi-prefix", MULTI_PREFIX),
    ("sasl", SASL),
    ("server-time", SERVER_TIME),
];

/// What says something only where people can sign in.
const ABOUT_ACCOUNTS: u16 = ACCOUNT_NOTIFY | ACCOUNT_TAG | EXTENDED_JOIN;

/// From this version on a client knows of cap-notify without asking for it.
const VERSION_WITH_NOTIFY: u32 = 302;

pub(super) fn cap(door: &mut IrcDoor, message: &Message<'_>, heard: &mut Heard) {
    let verb = message.params[0];
    match verb.to_ascii_uppercase().as_str() {
        "LS" => {
            door.negotiate(true);
            let version = message.param(1).and_then(|version| version.parse().ok()).unwrap_or(301);
            if version >= VERSION_WITH_NOTIFY {
                door.abilities |= CAP_NOTIFY;
                door.knows_302 = true;
            }
            let offered = offered(door);
            let words =
                if version >= VERSION_WITH_NOTIFY { with_values(door, offered) } else { listed(offered) };
            answer(door, "LS", &words, heard);
        }
        "LIST" => answer(door, "LIST", &listed(door.abilities), heard),
        "REQ" => {
            door.negotiate(true);
            let wanted = message.param(1).unwrap_or("").trim();
            match agreed(door, wanted) {
                Some(abilities) => {
                    door.abilities = abilities;
                    answer(door, "ACK", wanted, heard);
                }
                None => answer(door, "NAK", wanted, heard),
            }
        }
        "END" => {
            door.negotiate(false);
            door.enter_when_ready(heard);
        }
        _ => door.say(ERR_INVALIDCAPCMD, &[verb], "Invalid CAP subcommand", &mut heard.reply),
    }
}

/// The abilities after all that is wanted was done, or nothing if any of it cannot be: a request is granted whole.
fn agreed(door: &IrcDoor, wanted: &str) -> Option<u16> {
    let mut abilities = door.abilities;
    for word in wanted.split_ascii_whitespace() {
        let (name, removed) = word.strip_prefix('-').map_or((word, false), |name| (name, true));
        let (_, ability) = ABILITIES.iter().find(|(known, _)| *known == name)?;
        if offered(door) & ability == 0 {
            return None;
        }
        match removed {
            // Version 302 includes it for good.
            true if *ability == CAP_NOTIFY && door.knows_302 => return None,
            true => abilities &= !ability,
            false => abilities |= ability,
        }
    }
    Some(abilities)
}

/// What may be asked for in this house.
fn offered(door: &IrcDoor) -> u16 {
    let accounts = if door.house.settings.accounts { u16::MAX } else { !ABOUT_ACCOUNTS };
    let sasl = if sasl::mechanisms(door.footing).is_empty() { !SASL } else { u16::MAX };
    let registration = if door.footing.accounts && door.footing.secrets { u16::MAX } else { !REGISTRATION };
    accounts & sasl & registration
}

/// The words of 302, which say more of some abilities.
fn with_values(door: &IrcDoor, abilities: u16) -> String {
    let offered = ABILITIES.iter().filter(|(_, ability)| abilities & ability != 0);
    let words = offered.map(|(name, ability)| match *ability {
        SASL => format!("{name}={}", sasl::mechanisms(door.footing)),
        REGISTRATION => format!("{name}={}", signup::VALUE),
        _ => (*name).to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

fn listed(abilities: u16) -> String {
    let names = ABILITIES.iter().filter(|(_, ability)| abilities & ability != 0).map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(" ")
}

fn answer(door: &IrcDoor, verb: &str, words: &str, heard: &mut Heard) {
    let server = &door.house.settings.name;
    frame(&mut heard.reply, |line| {
        line.source(server).command("CAP").param(door.shown_name()).param(verb).trailing(words)
    });
}

impl IrcDoor {
    /// Negotiation holds registration back until it ends; afterwards it holds nothing back.
    fn negotiate(&mut self, under_way: bool) {
        if let State::Nameless(registration) = &mut self.state {
            registration.negotiating = under_way;
        }
    }
}
