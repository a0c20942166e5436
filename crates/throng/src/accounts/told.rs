//! What the event log hears of accounts: which change, of whose account, and by whom. Never a password.

use super::shown::By;
use super::wish::Done;
use crate::banner::shown;
use crate::log::Event;

/// The event of what came of a wish; none where nothing was changed.
pub(super) fn event(done: &Done, by: &By) -> Option<Event> {
    let event = match done {
        Done::Listed(..) | Done::Shown(..) => return None,
        Done::Created { name, operator, .. } => {
            let event = Event::info("account.created").with("name", name.as_str());
            if *operator { event.with("operator", "yes") } else { event }
        }
        Done::Reset(name, _) => Event::info("account.reset").with("name", name.as_str()),
        Done::Suspended(name) => Event::info("account.suspended").with("name", name.as_str()),
        Done::Unsuspended(name) => Event::info("account.unsuspended").with("name", name.as_str()),
        Done::Deleted(name) => Event::info("account.deleted").with("name", name.as_str()),
        Done::OperatorSet(name, may) => {
            let may = if *may { "yes" } else { "no" };
            Event::info("account.operator").with("name", name.as_str()).with("operator", may)
        }
        Done::Revoked(name) => Event::info("account.revoked").with("name", name.as_str()),
        Done::Exported(to, accounts) => {
            Event::info("account.exported").count("accounts", *accounts).with("file", shown(to))
        }
        Done::Imported { from, accounts, replaced, backup } => {
            let event =
                Event::info("account.imported").count("accounts", *accounts).count("replaced", *replaced);
            event.with("file", shown(from)).with("backup", shown(backup))
        }
        Done::Cleared(census, backup) => {
            Event::info("account.cleared").count("accounts", census.accounts).with("backup", shown(backup))
        }
        Done::Restored { from, accounts, backup } => {
            let event = Event::info("account.restored").count("accounts", *accounts);
            event.with("file", shown(from)).with("backup", shown(backup))
        }
    };
    Some(event.with("by", by.name()))
}
