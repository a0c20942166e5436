//! The herald: hears from [`crate::identity`] what changes in accounts, also when the operator or another door changed it, and
//! tells the hub. One task beside the hub; it waits for the hub's mailbox and never the other way round.

use throng_chat::{OperatorCommand, SessionId};
use tokio::sync::mpsc;

use super::mailbox::{HubHandle, Mail};
use crate::identity::{Identity, Notice, Which};

/// Tells the hub for as long as both live.
pub async fn tell(hub: HubHandle, identity: Identity, mut notices: mpsc::Receiver<Notice>) {
    while let Some(notice) = notices.recv().await {
        let is_replaced = notice == Notice::Replaced;
        for mail in mails(notice) {
            hub.send(mail).await;
        }
        // Only reads, so it waits for nobody who waits for us. What changes meanwhile is told behind this, and is heard twice
        // then. Accounts that cannot be read are taken up at the next start.
        for account in if is_replaced { identity.names().await.unwrap_or_default() } else { Vec::new() } {
            hub.send(Mail::Fact(OperatorCommand::Reserve(account, None))).await;
        }
    }
}

/// What the hub must hear of it.
fn mails(notice: Notice) -> Vec<Mail> {
    match notice {
        Notice::Registered { account, by } => {
            vec![Mail::Fact(OperatorCommand::Reserve(account, by.map(SessionId)))]
        }
        Notice::Unregistered(account) => vec![Mail::Fact(OperatorCommand::Release(account))],
        Notice::Cleared | Notice::Replaced => vec![Mail::Fact(OperatorCommand::ReleaseAll)],
        Notice::Revoked { account, which, by } => vec![Mail::Revoked(account, which, by.map(SessionId))],
        Notice::PasswordChanged { account, reset: false, by } => {
            vec![Mail::Revoked(account, Which::All, by.map(SessionId))]
        }
        Notice::Suspended(account) | Notice::PasswordChanged { account, reset: true, .. } => {
            vec![Mail::Fact(OperatorCommand::SignOutAll(account))]
        }
        // Nobody's session begins or ends by these; what an operator may do is looked up each time.
        Notice::Restored(_) | Notice::Operator(..) => Vec::new(),
    }
}
