//! No, in the numbers of IRC.

use throng_chat::{Name, Refusal};
use throng_wire::numeric::{
    ERR_ALREADYREGISTERED, ERR_CANNOTSENDTOCHAN, ERR_CHANOPRIVSNEEDED, ERR_ERRONEUSNICKNAME,
    ERR_NICKNAMEINUSE, ERR_NOSUCHCHANNEL, ERR_NOSUCHNICK, ERR_NOTONCHANNEL, ERR_SASLALREADY,
    ERR_TOOMANYCHANNELS, ERR_UNAVAILRESOURCE, ERR_USERNOTINCHANNEL, ERR_YOUREBANNEDCREEP, RPL_ENDOFNAMES,
    RPL_ENDOFWHO, RPL_ENDOFWHOIS,
};

use super::awaited::{Asked, Purpose};
use super::{IrcDoor, State, words};
use crate::bans;

/// `ERR_UNKNOWNERROR` (modern.ircdocs.horse): for what no other number says.
const ERR_UNKNOWNERROR: &str = "400";

impl IrcDoor {
    pub(super) fn refuse(&mut self, refusal: &Refusal, out: &mut Vec<u8>) {
        // That signing in or out was refused says nothing of the name that was asked for beside it.
        let about_account = matches!(
            refusal,
            Refusal::NoSuchAccount(_) | Refusal::AlreadySignedIn { .. } | Refusal::NotSignedIn
        );
        if let (State::Nameless(registration), false) = (&mut self.state, about_account) {
            // The client picks another name and asks again.
            (registration.asking, registration.nick) = (false, None);
        }
        match refusal {
            Refusal::NameTaken { name, alternatives } => {
                let explained = format!("Nickname is already in use{}", try_one(alternatives));
                self.say(ERR_NICKNAMEINUSE, &[name.as_str()], &explained, out);
            }
            Refusal::NameLooksTaken { name, other, alternatives } => {
                let explained = format!("Nickname looks like {other}, who is here{}", try_one(alternatives));
                self.say(ERR_NICKNAMEINUSE, &[name.as_str()], &explained, out);
            }
            // Clients try another name at 433, and a registered one is in use, whether its owner is here or not.
            Refusal::NameRegistered { name, alternatives } => {
                let explained =
                    format!("Nickname is registered, or looks like one that is{}", try_one(alternatives));
                self.say(ERR_NICKNAMEINUSE, &[name.as_str()], &explained, out);
                self.say_how_to_sign_in(name, out);
            }
            // IRC has no number for it; IRCv3's standard-replies has a word.
            Refusal::AccountNeeded => words::frame(out, |line| {
                let line = line.source(&self.house.settings.name).command("FAIL").param("*");
                line.param("ACCOUNT_REQUIRED_TO_CONNECT").trailing("An account is needed to come in here")
            }),
            Refusal::NoSuchAccount(account) => {
                self.say(ERR_UNKNOWNERROR, &["*"], &format!("There is no account {account}"), out);
            }
            Refusal::AlreadySignedIn { account } => {
                let explained = format!("You are already logged in as {account}; log out first");
                self.say(ERR_SASLALREADY, &[], &explained, out);
            }
            Refusal::NotSignedIn => self.say(ERR_UNKNOWNERROR, &["*"], "You are not logged in", out),
            Refusal::NotYourName(name) => {
                let explained = format!("{name} is not a nickname of your account");
                self.say(ERR_UNKNOWNERROR, &["*"], &explained, out);
            }
            Refusal::TooManySessions { name, max } => {
                let explained = format!("{name} has {max} connections, and that is as many as one may have");
                self.say(ERR_NICKNAMEINUSE, &[name.as_str()], &explained, out);
            }
            Refusal::AlreadyHere => self.say(ERR_ALREADYREGISTERED, &[], "You may not reregister", out),
            Refusal::NoSuchPerson(who) => self.refuse_person(who, out),
            Refusal::NoSuchRoom(room) => self.refuse_room(room, out),
            Refusal::NotInRoom(room) => {
                self.say(ERR_NOTONCHANNEL, &[room.as_str()], "You're not on that channel", out);
            }
            Refusal::PersonNotInRoom(who, room) => {
                self.say(
                    ERR_USERNOTINCHANNEL,
                    &[who.as_str(), room.as_str()],
                    "They aren't on that channel",
                    out,
                );
            }
            Refusal::MembersOnly(room) => {
                self.say(
                    ERR_CANNOTSENDTOCHAN,
                    &[room.as_str()],
                    "Cannot send to channel: join it first (+n)",
                    out,
                );
            }
            Refusal::NeedsOperator(room) => {
                self.say(ERR_CHANOPRIVSNEEDED, &[room.as_str()], "You're not channel operator", out);
            }
            Refusal::TooManyRooms { room, max } => {
                let explained = format!("You have joined too many channels, {max} is the limit");
                self.say(ERR_TOOMANYCHANNELS, &[room.as_str()], &explained, out);
            }
            Refusal::RoomsFull { room, max } => {
                let explained = format!("There are {max} channels, and no further one can be made");
                self.say(ERR_UNAVAILRESOURCE, &[room.as_str()], &explained, out);
            }
            Refusal::Banned { name, reason, until } => {
                let clock = |at| self.house.clock(at);
                let explained = |who| bans::word::words(who, reason.as_ref(), *until, clock);
                if let Some(name) = name {
                    self.say(ERR_ERRONEUSNICKNAME, &[name.as_str()], &explained("That name is"), out);
                } else {
                    self.say(ERR_YOUREBANNEDCREEP, &[], &explained("You are"), out);
                }
            }
            Refusal::PeopleFull { max } => {
                let explained = format!("{max} people are here, and that is as many as fit; try later");
                self.say(ERR_UNKNOWNERROR, &["*"], &explained, out);
            }
            Refusal::NotStored { why } => {
                // What was asked beside it is taken back as well, so its answers never come.
                self.awaited.forget();
                self.say(ERR_UNKNOWNERROR, &["*"], &format!("Not done, it could not be stored: {why}"), out);
            }
            Refusal::ReadOnly { why } => {
                let explained = format!("Not sent, nothing can be stored now: {why}");
                self.say(ERR_UNKNOWNERROR, &["*"], &explained, out);
            }
        }
    }

    /// Whose it is may have forgotten to say so.
    fn say_how_to_sign_in(&self, name: &Name, out: &mut Vec<u8>) {
        let way = match (self.footing.accounts, self.footing.secrets) {
            (false, _) => return,
            (true, true) => format!("by SASL, or by PASS {name}:password ahead of NICK"),
            (true, false) => "over TLS: passwords are not taken in plain text over a network".to_owned(),
        };
        words::frame(out, |line| {
            let line = line.source(&self.house.settings.name).command("NOTICE").param(self.shown_name());
            line.trailing(&format!("If {name} is yours, log in {way}"))
        });
    }

    /// A question about somebody who is not here ends as its command does.
    fn refuse_person(&mut self, who: &Name, out: &mut Vec<u8>) {
        match self.awaited.purpose(who) {
            None => self.say(ERR_NOSUCHNICK, &[who.as_str()], "No such nick", out),
            Some(Purpose::WhoIs) => {
                self.say(ERR_NOSUCHNICK, &[who.as_str()], "No such nick", out);
                self.say(RPL_ENDOFWHOIS, &[who.as_str()], "End of /WHOIS list", out);
            }
            Some(Purpose::Who) => self.say(RPL_ENDOFWHO, &[who.as_str()], "End of WHO list", out),
            Some(Purpose::IsOn { last }) => self.show_found_names(last, out),
            Some(Purpose::UserHost { last }) => self.show_found_hosts(last, out),
            Some(Purpose::Ghost) => self.end_ghost(out),
        }
    }

    /// A list of a room that does not exist is an empty list.
    fn refuse_room(&mut self, room: &throng_chat::RoomName, out: &mut Vec<u8>) {
        let asked = self.awaited.take(|asked| match asked {
            Asked::Names(asked) | Asked::Who(asked) => asked == room,
            _ => false,
        });
        match asked {
            Some(Asked::Names(_)) => self.say(RPL_ENDOFNAMES, &[room.as_str()], "End of /NAMES list", out),
            Some(_) => self.say(RPL_ENDOFWHO, &[room.as_str()], "End of WHO list", out),
            None => self.say(ERR_NOSUCHCHANNEL, &[room.as_str()], "No such channel", out),
        }
    }
}

fn try_one(alternatives: &[Name]) -> String {
    match alternatives {
        [] => String::new(),
        [one] => format!("; {one} is free"),
        [one, other, ..] => format!("; {one} and {other} are free"),
    }
}
