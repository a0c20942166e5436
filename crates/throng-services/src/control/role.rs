//! What an operator may do. Each role may do what the one before it may.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    View,
    /// Deal with clients: kick, ban, pause.
    Operate,
    /// All: settings, accounts, history, the end of the server.
    Admin,
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Role; 3] = [Role::View, Role::Operate, Role::Admin];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Role::View => "view",
            Role::Operate => "operate",
            Role::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(typed: &str) -> Result<Role, String> {
        let found = Role::ALL.into_iter().find(|role| role.name() == typed);
        found.ok_or_else(|| "expected view, operate or admin".to_owned())
    }
}
