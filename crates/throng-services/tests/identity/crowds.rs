//! What one address may take of what is there for all.

use std::time::Duration;

use throng_services::identity::registrations::{REGISTRATIONS_MAX, REGISTRATIONS_PER_ADDRESS};
use throng_services::identity::share::QUEUE_PER_ADDRESS;
use throng_services::identity::{Channel, Origin, Refusal};

use crate::{PASSWORD, Scene, name, password};

#[tokio::test]
async fn one_address_has_its_share_of_the_queue_and_others_are_served() {
    let scene = Scene::new();
    scene.registered("ana").await;
    let local = || {
        let channel = Channel { tls: false, loopback: true };
        scene.identity.session(Origin { address: Some([127, 0, 0, 1].into()), channel })
    };
    scene.kept.hold();
    let mut waiting = Vec::new();
    let mut ask = |mut session: throng_services::identity::Session, who: usize| {
        let who = name(&format!("who{who}"));
        let mut login =
            Box::pin(async move { session.login(Some(&who), password(PASSWORD), None).await.map(drop) });
        let mut poll = std::task::Context::from_waker(std::task::Waker::noop());
        let answer = match login.as_mut().poll(&mut poll) {
            std::task::Poll::Ready(answer) => Some(answer),
            std::task::Poll::Pending => None,
        };
        waiting.push(login);
        answer
    };
    for who in 0..QUEUE_PER_ADDRESS {
        assert_eq!(ask(scene.session(7), who), None, "it waits");
    }
    assert_eq!(ask(scene.session(7), 90), Some(Err(Refusal::Busy)), "at once");
    for who in 0..=QUEUE_PER_ADDRESS {
        assert_eq!(ask(local(), 30 + who), None, "this machine itself");
    }
    assert_eq!(ask(scene.session(8), 91), None, "somebody else");
    drop(waiting);
    scene.kept.release();
    scene.login(8, "ana", password(PASSWORD)).await.unwrap();
    scene.login(7, "ana", password(PASSWORD)).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn strangers_make_so_many_accounts_in_ten_minutes_and_operators_any_number() {
    let scene = Scene::new();
    let register = |host: u8, who: usize| {
        let mut session = scene.session(host);
        async move { session.register(&name(&format!("p{who}x")), PASSWORD.into(), false, None).await.map(drop) }
    };
    let throttled = Err(Refusal::Throttled { again_in: Duration::from_secs(600) });
    for who in 0..REGISTRATIONS_PER_ADDRESS {
        register(1, who).await.unwrap();
    }
    assert_eq!(register(1, 98).await, throttled);
    // What makes nothing does not count.
    assert_eq!(register(2, 0).await, Err(Refusal::Exists));
    for who in REGISTRATIONS_PER_ADDRESS..REGISTRATIONS_MAX {
        register(u8::try_from(2 + who).unwrap(), who).await.unwrap();
    }
    assert_eq!(register(200, 99).await, throttled);
    scene.identity.operator().create(&name("zoe"), None).await.unwrap();
    tokio::time::advance(Duration::from_secs(600)).await;
    register(1, 98).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_could_not_be_stored_does_not_count() {
    let scene = Scene::new();
    for _ in 0..2 * REGISTRATIONS_MAX {
        scene.kept.fail_next_change();
        let failed = scene.session(1).register(&name("ana"), PASSWORD.into(), false, None).await;
        assert_eq!(failed.map(drop), Err(Refusal::Store(throng_store::Fault::Full)));
    }
    scene.registered("ana").await;
}
