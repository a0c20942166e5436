//! Others hear of every change, in order, and none is lost.

use std::time::Duration;

use throng_chat::Name;
use throng_services::identity::{NOTICES_MAX, Notice, Refusal, Which};

use crate::{OTHER, PASSWORD, Scene, name, password};

#[tokio::test]
async fn every_change_that_others_must_know_is_told_in_order() {
    let mut scene = Scene::new();
    let ana = || name("ana");
    let mut session = scene.session(1).numbered(7);
    session.register(&ana(), PASSWORD.into(), false, Some("phone")).await.unwrap();
    session.revoke(Which::Number(1)).await.unwrap();
    session.login(Some(&ana()), password(PASSWORD), None).await.unwrap();
    session.revoke(Which::All).await.unwrap();
    session.change_password(PASSWORD.into(), OTHER.into(), false).await.unwrap();
    let code = scene.identity.first_operator_code().await.unwrap().unwrap();
    session.become_operator(code).await.unwrap();
    let operator = session.operate().await.unwrap();
    operator.create(&name("bo"), None).await.unwrap();
    operator.reset(&ana(), PASSWORD.into()).await.unwrap();
    operator.suspend(&ana(), true).await.unwrap();
    operator.suspend(&ana(), false).await.unwrap();
    operator.revoke(&ana()).await.unwrap();
    operator.set_operator(&ana(), false).await.unwrap();
    operator.delete(&ana()).await.unwrap();
    operator.clear().await.unwrap();
    let changed = |reset, by| Notice::PasswordChanged { account: ana(), reset, by };
    let revoked = |which, by| Notice::Revoked { account: ana(), which, by };
    assert_eq!(
        scene.notices(),
        [
            Notice::Registered { account: ana(), by: Some(7) },
            revoked(Which::Number(1), Some(7)),
            revoked(Which::All, Some(7)),
            changed(false, Some(7)),
            Notice::Operator(ana(), true),
            registered(name("bo")),
            changed(true, None),
            Notice::Suspended(ana()),
            Notice::Restored(ana()),
            revoked(Which::All, None),
            Notice::Operator(ana(), false),
            Notice::Unregistered(ana()),
            Notice::Cleared,
        ]
    );
}

#[tokio::test]
async fn nothing_is_told_of_what_was_not_done() {
    let mut scene = Scene::new();
    scene.registered("ana").await;
    scene.notices();
    let mut session = scene.session(2);
    session.register(&name("ana"), PASSWORD.into(), false, None).await.unwrap_err();
    session.login(Some(&name("ana")), password(OTHER), None).await.unwrap_err();
    let operator = scene.identity.operator();
    operator.delete(&name("bo")).await.unwrap_err();
    scene.kept.fail_with(throng_store::Fault::Full);
    operator.clear().await.unwrap_err();
    assert_eq!(scene.notices(), []);
}

#[tokio::test]
async fn a_change_is_told_although_who_asked_has_gone() {
    let mut scene = Scene::new();
    scene.kept.hold();
    let operator = scene.identity.operator();
    {
        let ana = name("ana");
        let mut asked = Box::pin(operator.create(&ana, None));
        assert!(tokio::time::timeout(Duration::ZERO, &mut asked).await.is_err(), "the store has it");
    }
    assert_eq!(scene.notices(), []);
    scene.kept.release();
    assert_eq!(scene.notices(), [registered(name("ana"))]);
}

#[tokio::test]
async fn who_finds_the_channel_full_waits_before_anything_is_changed() {
    let mut scene = Scene::new();
    let operator = scene.identity.operator();
    for _ in 0..NOTICES_MAX {
        operator.clear().await.unwrap();
    }
    let ana = name("ana");
    {
        let mut asked = Box::pin(operator.create(&ana, None));
        assert!(tokio::time::timeout(Duration::ZERO, &mut asked).await.is_err());
        assert!(scene.kept.snapshot().accounts.is_empty(), "nothing is changed that cannot be told");
        assert_eq!(scene.told.recv().await, Some(Notice::Cleared));
        asked.await.unwrap();
    }
    assert_eq!(scene.notices().last(), Some(&registered(ana)));
}

#[tokio::test]
async fn where_nobody_listens_changes_are_made_all_the_same() {
    let scene = Scene::new();
    let Scene { identity, told, .. } = scene;
    drop(told);
    let operator = identity.operator();
    for _ in 0..=NOTICES_MAX {
        operator.clear().await.unwrap();
    }
    operator.create(&name("ana"), None).await.unwrap();
    assert_eq!(operator.create(&name("ana"), None).await, Err(Refusal::Exists));
}

fn registered(account: Name) -> Notice {
    Notice::Registered { account, by: None }
}
