//! What of the log people see on the screen while the server runs.

use super::event::{Event, Level};

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sight {
    /// An operator sits at the prompt: what the server does and what is wrong. A busy chat must not flood them.
    Prompt,
    /// Somebody else shows what clients do: all the rest.
    Watched,
    /// The lines are all there is to see: everything but what happens at each message.
    Lines,
}

impl Sight {
    /// Whether they see this.
    pub fn shows(self, event: &Event) -> bool {
        let per_message = ["client.said", "client.whispered"].contains(&event.kind.as_ref());
        match self {
            _ if event.level > Level::Info => true,
            Sight::Lines => !per_message,
            Sight::Watched => !event.kind.starts_with("client."),
            // The banner says what `server.ready` says, and the last line what `server.drained` says.
            Sight::Prompt => match event.kind.as_ref() {
                "server.ready" | "server.draining" | "server.drained" => false,
                "client.kicked" => true,
                kind => kind.starts_with("server.") || kind.starts_with("store."),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_sight_shows_what_it_is_for() {
        for (kind, prompt, lines) in [
            ("client.said", false, false),
            ("client.whispered", false, false),
            ("client.joined", false, true),
            ("client.kicked", true, true),
            ("server.paused", true, true),
            ("server.ready", false, true),
            ("server.drained", false, true),
            ("store.readonly", true, true),
        ] {
            let event = Event::info(kind);
            assert_eq!((Sight::Prompt.shows(&event), Sight::Lines.shows(&event)), (prompt, lines), "{kind}");
        }
        assert!(Sight::Prompt.shows(&Event::warn("client.refused")), "a warning is for the operator");
    }
}
