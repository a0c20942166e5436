//! Who is banned, kept apart from the world and looked up by asking each ban, in the plainest words there are.

use std::collections::BTreeMap;

use throng_chat::ban::Target;
use throng_chat::{Ban, Name, OperatorCommand, SessionId, Time, World};

use crate::script::SESSIONS;

/// All bans, whether they are over or not.
#[derive(Clone, Debug, Default)]
pub struct Banned(BTreeMap<String, Ban>);

impl Banned {
    pub fn hear(&mut self, operation: &OperatorCommand) {
        match operation {
            OperatorCommand::Ban(ban) => drop(self.0.insert(ban.target.key(), (**ban).clone())),
            OperatorCommand::Unban(target) => drop(self.0.remove(&target.key())),
            _ => {}
        }
    }

    /// Nobody who matches a ban that is not over is in, by their name or by the account of any of their sessions.
    pub fn nobody_is_in(&self, world: &World, at: usize) {
        let holds = |ban: &&Ban| ban.until.is_none_or(|until| until > Time(at as i64));
        let hit = |hits: &dyn Fn(&Target) -> bool| {
            self.0.values().filter(holds).map(|ban| &ban.target).find(|target| hits(target)).cloned()
        };
        for (name, _, _) in world.present() {
            assert_eq!(hit(&|target| hits_name(target, &name)), None, "step {at}: {name} is in");
        }
        for session in 0..SESSIONS {
            if let Some(account) = world.account_of(SessionId(session)) {
                let hits = |target: &Target| matches!(target, Target::Account(other) if *other == account);
                assert_eq!(hit(&hits), None, "step {at}: session {session} is of {account}");
            }
        }
    }
}

fn hits_name(target: &Target, name: &Name) -> bool {
    match target {
        Target::Name(other) => other.skeleton() == name.skeleton(),
        Target::Mask(mask) => {
            let letters = |text: &str| text.chars().collect::<Vec<_>>();
            fits(&letters(mask.as_str()), &letters(name.folded()))
        }
        Target::Account(_) | Target::Network(_) => false,
    }
}

fn fits(mask: &[char], name: &[char]) -> bool {
    match (mask, name) {
        ([], []) => true,
        (['*', rest @ ..], _) => (0..=name.len()).any(|from| fits(rest, &name[from..])),
        (['?', rest @ ..], [_, others @ ..]) => fits(rest, others),
        ([wanted, rest @ ..], [letter, others @ ..]) => wanted == letter && fits(rest, others),
        _ => false,
    }
}
