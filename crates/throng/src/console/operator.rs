//! Who commands the server, what he may do, and how long he waits.

use std::time::Duration;

use throng_services::control::Role;

/// How long the prompt waits for what takes long, since nothing else can be typed there meanwhile.
const PROMPT_PATIENCE: Duration = Duration::from_secs(10);

/// How long who came by the socket does, who has a thread of their own.
const SOCKET_PATIENCE: Duration = Duration::from_secs(600);

/// Somebody who commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operator {
    /// Where from.
    pub who: Who,
    /// What he may do.
    pub role: Role,
}

/// From where somebody commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// The server's own prompt.
    Prompt,
    /// The socket, as this user.
    User(u32),
}

impl Operator {
    /// Whoever sits at the server's own prompt may do all: he can end it by Ctrl-C as well.
    pub const PROMPT: Operator = Operator { who: Who::Prompt, role: Role::Admin };

    /// As the event log names him.
    pub fn name(&self) -> String {
        match self.who {
            Who::Prompt => "console".to_owned(),
            Who::User(uid) => format!("uid {uid}"),
        }
    }

    /// How long he waits for an answer before it is told him later.
    pub fn patience(&self) -> Duration {
        match self.who {
            Who::Prompt => PROMPT_PATIENCE,
            Who::User(_) => SOCKET_PATIENCE,
        }
    }
}
