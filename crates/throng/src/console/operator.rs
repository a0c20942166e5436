//! Who commands the server, and what he may do.

use throng_services::control::Role;

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
}
