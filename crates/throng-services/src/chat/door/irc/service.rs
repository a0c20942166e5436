//! What NickServ says: NOTICEs of somebody whom no person can be, and what WHOIS shows of it.

use throng_chat::Name;
use throng_wire::numeric::{RPL_ENDOFWHOIS, RPL_WHOISSERVER, RPL_WHOISUSER};

use super::{IrcDoor, oper, words};
use crate::chat::door::{AccountAnswer, Heard};
use crate::identity::Which;
use crate::identity::session::Device;

/// What it is called. No person can be: [`Name`] refuses it, and whatever looks like it.
pub(super) const NICKSERV: &str = "NickServ";

/// How many sessions one answer shows; REVOKE takes the number of any.
const SHOWN_MAX: usize = 20;

/// For what it asked, where the answer does not tell.
pub(super) enum About {
    /// Nothing more is to be known.
    Whatever,
    /// SCRAM's keys were asked for.
    Scram,
    /// To whom does this belong?
    Owner(Name),
    /// Signing out.
    Logout,
}

/// Hears identity's answer.
pub(super) fn learn(door: &mut IrcDoor, about: &About, answer: AccountAnswer, heard: &mut Heard) {
    let out = &mut heard.reply;
    let words = match (answer, about) {
        (AccountAnswer::Registered(signed), _) => {
            format!("The account {} is made, and you are logged in to it.", signed.account)
        }
        (AccountAnswer::SignedIn(signed), _) => format!("You are logged in as {}.", signed.account),
        (AccountAnswer::SignedOut, _) => "You are logged out.".to_owned(),
        (AccountAnswer::PasswordChanged, About::Scram) => {
            "Keys for SCRAM-SHA-256 are kept of your password now. All tokens are void.".to_owned()
        }
        (AccountAnswer::PasswordChanged, _) => {
            "Your password is the new one. All tokens are void.".to_owned()
        }
        (AccountAnswer::NewToken(token), _) => {
            say(door, "Use this in the place of your password. It is shown this once:", out);
            return say(door, token.expose(), out);
        }
        (AccountAnswer::Tokens(devices), _) => return say_devices(door, &devices, out),
        (AccountAnswer::Revoked(Which::All), _) => "All tokens are void.".to_owned(),
        (AccountAnswer::Revoked(Which::Number(number)), _) => format!("Token {number} is void."),
        (AccountAnswer::CertificateSet(true), _) => "That certificate logs you in from now on.".to_owned(),
        (AccountAnswer::CertificateSet(false), _) => "That certificate no longer logs you in.".to_owned(),
        (AccountAnswer::RecognisedSet(true), _) => "You are greeted by your address from now on.".to_owned(),
        (AccountAnswer::RecognisedSet(false), _) => "You are no longer greeted by your address.".to_owned(),
        (AccountAnswer::Operator, _) => return oper::become_operator(door, out),
        (AccountAnswer::Owner(None), About::Owner(name)) => format!("{name} is not registered."),
        (AccountAnswer::Owner(Some(owner)), About::Owner(name)) => {
            format!("{name} belongs to the account {owner}.")
        }
        (AccountAnswer::Refused(why), _) => format!("No: {}.", door.reason_of(&why)),
        _ => return,
    };
    say(door, &words, out);
}

fn say_devices(door: &IrcDoor, devices: &[Device], out: &mut Vec<u8>) {
    if devices.is_empty() {
        return say(door, "No device has a token. You get one by /msg NickServ TOKEN device", out);
    }
    for Device { number, name, used, this, .. } in devices.iter().take(SHOWN_MAX) {
        let this = if *this { ", this one" } else { "" };
        say(door, &format!("{number}: {name}{this}, last used {}", door.house.stamp(*used)), out);
    }
    if let Some(more @ 1..) = devices.len().checked_sub(SHOWN_MAX) {
        say(door, &format!("and {more} more"), out);
    }
}

/// One NOTICE of it.
pub(super) fn say(door: &IrcDoor, words: &str, out: &mut Vec<u8>) {
    let source = format!("{NICKSERV}!{NICKSERV}@{}", door.house.settings.name);
    words::frame(out, |line| line.source(&source).command("NOTICE").param(door.shown_name()).trailing(words));
}

/// WHOIS of it.
pub(super) fn show_whois(door: &IrcDoor, out: &mut Vec<u8>) {
    let server = &door.house.settings.name;
    door.say(RPL_WHOISUSER, &[NICKSERV, NICKSERV, server, "*"], "Accounts: /msg NickServ HELP", out);
    door.say(RPL_WHOISSERVER, &[NICKSERV, server], "throng", out);
    door.say(RPL_ENDOFWHOIS, &[NICKSERV], "End of /WHOIS list", out);
}
