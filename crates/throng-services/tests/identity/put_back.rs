//! All accounts are cleared and put back, over a real store.

use std::sync::Arc;

use throng_chat::{Kind, Names, Record, RoomName, Text};
use throng_services::identity::{Identity, Notice, Proof, Refusal, Secret, Session};
use throng_store::{BackupFault, DataFolder, Durability, History, Opened, Store};
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

use crate::{PASSWORD, kept, name, password, under_tls};

const PEOPLE: [&str; 3] = ["ana", "bo", "Олена"];

struct Real {
    identity: Identity,
    told: Receiver<Notice>,
    opened: Opened,
    _dir: tempfile::TempDir,
}

impl Real {
    fn new() -> Real {
        let dir = tempfile::tempdir().unwrap();
        let folder = DataFolder::open(&dir.path().join("data")).unwrap();
        let opened = throng_store::open(&folder, Durability::Strict).unwrap();
        let (accounts, secret) = (Arc::clone(&opened.accounts), Secret::new([9; 32]));
        let (identity, told) = Identity::start(accounts, kept::light(), kept::now, secret).unwrap();
        Real { identity, told, opened, _dir: dir }
    }

    fn session(&self, host: usize) -> Session {
        self.identity.session(under_tls(u8::try_from(host).unwrap()))
    }

    /// How each proof is answered, from addresses of their own.
    async fn answers(&self, hosts: usize, proofs: &[(usize, Proof)]) -> Vec<Result<(), Refusal>> {
        let mut answers = Vec::new();
        for (place, (who, proof)) in proofs.iter().enumerate() {
            let asked = name(PEOPLE[*who]);
            answers
                .push(self.session(hosts + place).login(Some(&asked), proof.clone(), None).await.map(drop));
        }
        answers
    }

    async fn said(&self) -> Vec<String> {
        let room = RoomName::new("#tea", Names::Unicode).unwrap();
        let (told, heard) = oneshot::channel();
        let query = History { room, upto: u64::MAX, limit: 9 };
        self.opened.store.history(query, Box::new(move |found| told.send(found.unwrap()).unwrap()));
        let words = |entry: throng_store::Entry| entry.record.text.unwrap().as_str().to_owned();
        heard.await.unwrap().into_iter().map(words).collect()
    }
}

fn say(store: &dyn Store) {
    let room = RoomName::new("#tea", Names::Unicode).unwrap();
    let text = Some(Text::new("hello").unwrap());
    store.append(vec![Record { room, author: name("ana"), kind: Kind::Message, text }], Box::new(|_| ()));
}

#[tokio::test]
async fn all_is_cleared_into_a_backup_and_comes_back_from_it() {
    let mut real = Real::new();
    let mut proofs = Vec::new();
    for (who, typed) in PEOPLE.iter().enumerate() {
        let mut session = real.session(1 + who);
        let signed = session.register(&name(typed), PASSWORD.into(), false, Some("phone")).await.unwrap();
        let fingerprint = [who as u8; 32];
        session.set_certificate(fingerprint, true).await.unwrap();
        let token = Proof::Token(signed.token.unwrap());
        proofs.extend([password(PASSWORD), token, Proof::Certificate(fingerprint)].map(|proof| (who, proof)));
    }
    say(&*real.opened.store);
    let operator = real.identity.operator();
    operator.set_operator(&name("bo"), true).await.unwrap();
    let before = operator.page(None).await.unwrap();
    assert!(real.answers(10, &proofs).await.iter().all(Result::is_ok));
    while real.told.try_recv().is_ok() {}

    let backup = operator.clear_with_backup(&*real.opened.backups).await.unwrap();
    assert!(backup.exists());
    assert!(operator.page(None).await.unwrap().is_empty());
    assert!(real.answers(40, &proofs).await.iter().all(|answer| *answer == Err(Refusal::Wrong)));
    assert_eq!(real.said().await, ["hello"]);

    let nowhere = operator.restore(&*real.opened.backups, backup.with_file_name("nowhere.db")).await;
    assert!(matches!(nowhere, Err(BackupFault::File(_))), "{nowhere:?}");
    assert_eq!(operator.restore(&*real.opened.backups, backup).await.unwrap(), 3);
    let mut after = operator.page(None).await.unwrap();
    for (account, before) in after.iter_mut().zip(&before) {
        account.seen = before.seen;
    }
    assert_eq!(after, before);
    let answers = real.answers(70, &proofs).await;
    assert!(answers.iter().all(Result::is_ok), "{answers:?}");
    assert_eq!(real.said().await, ["hello"]);
    let told: Vec<_> = std::iter::from_fn(|| real.told.try_recv().ok()).collect();
    assert_eq!(told, [Notice::Cleared, Notice::Replaced], "and nothing of what failed");
}

#[tokio::test]
async fn where_there_is_no_file_nothing_is_cleared() {
    let opened = throng_store::memory();
    let (accounts, secret) = (Arc::clone(&opened.accounts), Secret::new([9; 32]));
    let (identity, mut told) = Identity::start(accounts, kept::light(), kept::now, secret).unwrap();
    let operator = identity.operator();
    operator.create(&name("ana"), None).await.unwrap();
    let refused = operator.clear_with_backup(&*opened.backups).await;
    assert!(matches!(refused, Err(BackupFault::NoFile)), "{refused:?}");
    assert_eq!(operator.page(None).await.unwrap().len(), 1);
    assert_eq!(told.try_recv(), Ok(Notice::Registered { account: name("ana"), by: None }));
    assert!(told.try_recv().is_err());
}
