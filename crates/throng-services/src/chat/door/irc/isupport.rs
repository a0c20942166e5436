//! What 005 tells a client of this server (modern.ircdocs.horse/#rplisupport-parameters). Each value is the limit that
//! is really kept, taken from where it is kept.

use throng_chat::Names;
use throng_chat::name::{NAME_CHARS_MAX, ROOM_BYTES_MAX};
use throng_wire::numeric::RPL_ISUPPORT;

use super::{IrcDoor, REASON_BYTES_MAX, TARGETS_MAX, modes::CHANGES_MAX, words};
use crate::chat::house::Settings;

/// A line of 005 holds no more than 13 (RFC 1459 §2.3: a message has at most 15 parameters).
const TOKENS_PER_LINE: usize = 13;

/// All tokens, in the order in which they are told.
pub fn tokens(settings: &Settings) -> Vec<String> {
    // Names are compared as RFC 8265 says. Clients that do not know that word fall back to comparing ASCII, and the
    // server spells every name in one way only, so nothing is mixed up.
    let casemapping = match settings.names {
        Names::Ascii => "ascii",
        Names::Unicode => "rfc8265",
    };
    vec![
        "NETWORK=throng".to_owned(),
        format!("CASEMAPPING={casemapping}"),
        "CHANTYPES=#".to_owned(),
        "PREFIX=(ov)@+".to_owned(),
        "CHANMODES=,,,nt".to_owned(),
        format!("MODES={CHANGES_MAX}"),
        format!("NICKLEN={NAME_CHARS_MAX}"),
        format!("CHANNELLEN={ROOM_BYTES_MAX}"),
        format!("TOPICLEN={REASON_BYTES_MAX}"),
        format!("KICKLEN={REASON_BYTES_MAX}"),
        format!("CHANLIMIT=#:{}", settings.limits.rooms_per_person_max),
        format!("MAXTARGETS={TARGETS_MAX}"),
        format!(
            "TARGMAX=JOIN:,KICK:{TARGETS_MAX},LIST:,NAMES:,NOTICE:{TARGETS_MAX},PART:,PRIVMSG:{TARGETS_MAX},WHOIS:1"
        ),
        "UTF8ONLY".to_owned(),
    ]
}

/// Tells them.
pub(super) fn tell(door: &IrcDoor, out: &mut Vec<u8>) {
    let tokens = tokens(&door.house.settings);
    for line in tokens.chunks(TOKENS_PER_LINE) {
        // Our own words: they are not cut as those of a client are.
        words::frame(out, |begun| {
            let begun =
                begun.source(&door.house.settings.name).command(RPL_ISUPPORT).param(door.shown_name());
            line.iter()
                .fold(begun, |begun, token| begun.param(token))
                .trailing("are supported by this server")
        });
    }
}
