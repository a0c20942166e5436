//! What a banned one is told, in the same words at every door.

use throng_chat::{Text, Time};
use throng_wire::printable::{printable, strip_irc_formatting};

/// `You are banned until 20:06: flood`. `who` is who, with the verb.
pub fn words(
    who: &str,
    reason: Option<&Text>,
    until: Option<Time>,
    clock: impl Fn(Time) -> String,
) -> String {
    let until = until.map_or(String::new(), |until| format!(" until {}", clock(until)));
    let reason = reason.map(|reason| strip_irc_formatting(reason.as_str()));
    let reason = reason.map_or(String::new(), |reason| format!(": {}", printable(&reason)));
    format!("{who} banned{until}{reason}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_there_is_to_say_is_said() {
        let text = |words: &str| Text::new(words).unwrap();
        for (reason, until, expected) in [
            (None, None, "You are banned"),
            (Some(text("flood")), None, "You are banned: flood"),
            (None, Some(Time(7)), "You are banned until 7"),
            (Some(text("\u{2}be \u{3}04kind")), Some(Time(7)), "You are banned until 7: be kind"),
        ] {
            assert_eq!(words("You are", reason.as_ref(), until, |at| at.0.to_string()), expected);
        }
    }
}
