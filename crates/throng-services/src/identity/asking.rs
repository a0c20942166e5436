//! The store answers by callback, on its own threads; here one waits for it.

use throng_store::Fault;
use throng_store::accounts::{Accounts, Change, Denied, Found};
use tokio::sync::oneshot;

use super::notice::{Notice, Reserved};
use super::refusal::Refusal;

/// Asks the store for something. A store that forgets its callback is closed.
pub async fn find<T: Send + 'static>(ask: impl FnOnce(Found<T>)) -> Result<T, Fault> {
    let (answer, answered) = oneshot::channel();
    ask(Box::new(move |found| {
        let _ = answer.send(found);
    }));
    answered.await.unwrap_or(Err(Fault::Closed))
}

/// Asks for a change of which nobody else need know.
pub async fn change(accounts: &dyn Accounts, change: Change) -> Result<Result<(), Denied>, Fault> {
    find(|done| accounts.change(change, done)).await
}

/// Asks for a change, and tells others of it when it is made, also when nobody waits for the answer any more.
pub async fn change_and_tell(
    accounts: &dyn Accounts,
    change: Change,
    place: Reserved,
    notice: Notice,
) -> Result<(), Refusal> {
    let made = find(|done| {
        let told: Found<_> = Box::new(move |made| {
            if let Ok(Ok(())) = made {
                place.send(notice);
            }
            done(made);
        });
        accounts.change(change, told);
    });
    Ok(made.await??)
}
