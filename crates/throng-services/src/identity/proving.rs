//! Is it theirs? What somebody says to prove that an account is theirs is looked at here, and counted by the throttle until it is
//! known to be right. Called by [`super::session`]; what follows a proof is in [`super::sign_in`].

use throng_chat::Name;
use throng_store::accounts::Change;

use super::asking::{change, find};
use super::core::{Checked, Core};
use super::refusal::Refusal;
use super::secret::Secret;
use super::sign_in::{By, Proven};
use super::throttle::Network;
use super::token;

/// Whatever is wrong, the work is the same until the answer is known, and the answer is the same.
pub async fn by_password(
    core: &Core,
    network: Network,
    name: &Name,
    password: Secret<String>,
) -> Result<Proven, Refusal> {
    let place = core.place(network)?;
    let attempt = core.admission.begin(Some(name.folded()), network).await?;
    let account = match core.account(name).await {
        Ok(account) => account,
        Err(why) => {
            attempt.forgive();
            return Err(why);
        }
    };
    let verifier = account.as_ref().and_then(|account| account.verifier.clone());
    let Checked { right, better } = match core.check(place, password, verifier.clone()).await {
        Ok(checked) => checked,
        Err(why) => {
            attempt.forgive();
            return Err(why);
        }
    };
    let good = account.filter(|account| right && !account.suspended).zip(verifier);
    // Dropped when it was wrong, and so counted.
    let (account, had) = good.ok_or(Refusal::Wrong)?;
    attempt.forgive();
    let kept = match better {
        None => had,
        Some(better) => {
            let rehash = Change::Rehash(account.name.clone(), had.clone(), better.clone());
            let stored = change(&*core.accounts, rehash).await;
            if matches!(stored, Ok(Ok(()))) { better } else { had }
        }
    };
    Ok(Proven { account, by: By::Password(kept) })
}

/// A token is found by its hash; how long that takes tells nothing of others.
pub async fn by_token(
    core: &Core,
    network: Network,
    name: Option<&Name>,
    token: &Secret<String>,
) -> Result<Proven, Refusal> {
    let attempt = core.admission.begin(None, network).await?;
    let hash = token::hash_of(token.expose()).ok_or(Refusal::Wrong)?;
    let found = match find(|done| core.accounts.by_token(hash, done)).await {
        Ok(found) => found,
        Err(why) => {
            attempt.forgive();
            return Err(why.into());
        }
    };
    let now = (core.now)();
    let good = found.filter(|(account, kept)| {
        token::is_good(kept, now) && !account.suspended && name.is_none_or(|name| *name == account.name)
    });
    let (account, _) = good.ok_or(Refusal::Wrong)?;
    attempt.forgive();
    Ok(Proven { account, by: By::Token(hash) })
}

/// The handshake of TLS has shown that the client has its key.
pub async fn by_certificate(
    core: &Core,
    network: Network,
    name: Option<&Name>,
    fingerprint: [u8; 32],
) -> Result<Proven, Refusal> {
    let attempt = core.admission.begin(None, network).await?;
    let found = match find(|done| core.accounts.by_certificate(fingerprint, done)).await {
        Ok(found) => found,
        Err(why) => {
            attempt.forgive();
            return Err(why.into());
        }
    };
    let good = found.filter(|account| !account.suspended && name.is_none_or(|name| *name == account.name));
    let account = good.ok_or(Refusal::Wrong)?;
    attempt.forgive();
    Ok(Proven { account, by: By::Certificate(fingerprint) })
}
