//! What works, and what works no longer.

use std::time::Duration;

use throng_services::identity::password::{BadPassword, Cost};
use throng_services::identity::{Channel, Identity, Origin, Proof, Refusal, Secret, Standing, Which};
use throng_store::Fault;
use throng_store::accounts::Change;

use crate::{FINGERPRINT, OTHER, PASSWORD, Scene, client, kept, name, password, under_tls};

const DAY: i64 = 24 * 60 * 60 * 1000;

#[tokio::test]
async fn one_account_by_password_scram_certificate_and_token() {
    let scene = Scene::new();
    let mut first = scene.session(1);
    let signed = first.register(&name("Ana"), PASSWORD.into(), true, Some("phone")).await.unwrap();
    assert_eq!((signed.account.as_str(), signed.operator, signed.device), ("Ana", false, Some(1)));
    let token = signed.token.unwrap();
    first.set_certificate(FINGERPRINT, true).await.unwrap();

    let by_password = scene.login(2, "ana", password(PASSWORD)).await.unwrap();
    let by_token = scene.login(3, "ANA", Proof::Token(token)).await.unwrap();
    assert_eq!((by_token.device, by_token.token.is_none()), (Some(1), true));
    let by_certificate = scene.session(4).login(None, Proof::Certificate(FINGERPRINT), None).await.unwrap();
    let mut session = scene.session(5);
    let challenge = session.scram_first(client::first("ana").as_bytes()).await.unwrap();
    assert_eq!(session.standing(), Standing::Exchanging);
    let (last, expected) = client::last("ana", PASSWORD, &challenge);
    let (by_scram, ours) = session.scram_final(last.as_bytes(), Some("tablet")).await.unwrap();
    assert_eq!(ours, expected, "the client can be sure of us too");
    assert_eq!((by_scram.device, by_scram.token.is_some()), (Some(2), true));
    for signed in [by_password, by_token, by_certificate, by_scram] {
        assert_eq!(signed.account.as_str(), "Ana");
    }
    assert_eq!(session.account().unwrap().as_str(), "Ana");
}

#[tokio::test]
async fn a_name_is_registered_once_and_so_is_what_looks_like_it() {
    let scene = Scene::new();
    scene.registered("paul").await;
    let refused = |typed: &'static str| {
        let mut session = scene.session(2);
        async move { session.register(&name(typed), PASSWORD.into(), false, None).await.unwrap_err() }
    };
    assert_eq!(refused("PAUL").await, Refusal::Exists);
    assert_eq!(refused("pau1").await, Refusal::LooksLike(name("paul")));
    let mut session = scene.session(2);
    let short = session.register(&name("bo"), "1234567".into(), false, None).await.unwrap_err();
    assert_eq!(short, Refusal::Password(BadPassword::TooShort));
    assert_eq!(scene.kept.snapshot().accounts.len(), 1);
    assert_eq!(scene.identity.owner(&name("Paul")).await, Ok(Some(name("paul"))));
    assert_eq!(scene.identity.owner(&name("bo")).await, Ok(None));
}

#[tokio::test]
async fn another_password_ends_the_old_one_and_all_tokens() {
    let scene = Scene::new();
    let mut session = scene.session(1);
    let signed = session.register(&name("ana"), PASSWORD.into(), true, Some("phone")).await.unwrap();
    let token = Proof::Token(signed.token.unwrap());
    assert_eq!(session.change_password("wrong horse".into(), OTHER.into(), false).await, Err(Refusal::Wrong));
    session.change_password(PASSWORD.into(), OTHER.into(), false).await.unwrap();
    assert_eq!(scene.login(2, "ana", password(PASSWORD)).await.unwrap_err(), Refusal::Wrong);
    assert_eq!(scene.login(3, "ana", token).await.unwrap_err(), Refusal::Wrong);
    scene.login(4, "ana", password(OTHER)).await.unwrap();
    assert_eq!(session.tokens().await, Ok(Vec::new()), "who changed it is still here");
    let scram = scene.kept.account_now("ana").verifier.unwrap().scram;
    assert!(scram.is_some(), "who asked for keys once keeps them");
}

#[tokio::test]
async fn a_revoked_token_never_works_again() {
    let scene = Scene::new();
    let mut here = scene.registered("ana").await;
    let mut phone = scene.session(2);
    let signed = phone.login(Some(&name("ana")), password(PASSWORD), Some("phone")).await.unwrap();
    let token = Proof::Token(signed.token.unwrap());
    let mut second = scene.session(3);
    second.login(None, token.clone(), None).await.unwrap();
    let listed = here.tokens().await.unwrap();
    assert_eq!(
        listed.iter().map(|device| (&*device.name, device.this)).collect::<Vec<_>>(),
        [("phone", false)]
    );
    assert!(phone.tokens().await.unwrap()[0].this);

    assert_eq!(here.revoke(Which::Number(99)).await, Err(Refusal::NoSuch));
    here.revoke(Which::Number(listed[0].number)).await.unwrap();
    assert_eq!(scene.login(4, "ana", token).await.unwrap_err(), Refusal::Wrong);
    for session in [&mut phone, &mut second] {
        assert_eq!(session.tokens().await, Err(Refusal::NotSignedIn), "what stood on it has ended");
        assert_eq!(session.standing(), Standing::Stranger);
    }
    assert_eq!(here.standing(), Standing::Signed);
}

#[tokio::test]
async fn who_logs_out_takes_the_token_along() {
    let scene = Scene::new();
    let mut session = scene.session(1);
    let signed = session.register(&name("ana"), PASSWORD.into(), false, Some("phone")).await.unwrap();
    session.logout().await.unwrap();
    assert_eq!(session.standing(), Standing::Stranger);
    assert_eq!(scene.login(2, "ana", Proof::Token(signed.token.unwrap())).await.unwrap_err(), Refusal::Wrong);
    session.login(Some(&name("ana")), password(PASSWORD), None).await.unwrap();
}

#[tokio::test]
async fn a_token_is_good_for_thirty_days_and_for_its_own_name() {
    let scene = Scene::new();
    scene.registered("bo").await;
    let mut session = scene.session(1);
    let signed = session.register(&name("ana"), PASSWORD.into(), false, Some("phone")).await.unwrap();
    let token = Proof::Token(signed.token.unwrap());
    assert_eq!(scene.login(2, "bo", token.clone()).await.unwrap_err(), Refusal::Wrong);
    kept::set_now(1_000_000 + 30 * DAY - 1);
    scene.login(3, "ana", token.clone()).await.unwrap();
    assert_eq!(scene.kept.snapshot().tokens["ana"][0].used, kept::now());
    kept::set_now(1_000_000 + 30 * DAY);
    assert_eq!(scene.login(4, "ana", token).await.unwrap_err(), Refusal::Wrong);
    assert_eq!(session.tokens().await, Ok(Vec::new()), "what has expired is not listed");
}

#[tokio::test]
async fn a_certificate_is_only_good_under_tls_and_while_it_is_wanted() {
    let scene = Scene::new();
    let mut session = scene.registered("ana").await;
    session.set_certificate(FINGERPRINT, true).await.unwrap();
    let proof = || Proof::Certificate(FINGERPRINT);
    let local = Origin { address: None, channel: Channel { tls: false, loopback: true } };
    let mut plain = scene.identity.session(local);
    assert_eq!(plain.login(None, proof(), None).await.unwrap_err(), Refusal::NoCertificate);
    scene.registered("bo").await;
    assert_eq!(scene.login(2, "bo", proof()).await.unwrap_err(), Refusal::Wrong, "whose it is not");
    let mut bo = scene.session(3);
    bo.login(Some(&name("bo")), password(PASSWORD), None).await.unwrap();
    assert_eq!(bo.set_certificate(FINGERPRINT, true).await, Err(Refusal::Foreign));
    scene.login(4, "ana", proof()).await.unwrap();
    session.set_certificate(FINGERPRINT, false).await.unwrap();
    assert_eq!(scene.login(5, "ana", proof()).await.unwrap_err(), Refusal::Wrong);
    assert_eq!(session.set_certificate(FINGERPRINT, false).await, Err(Refusal::NoSuch));
}

#[tokio::test]
async fn no_secret_comes_in_plain_text_over_a_network() {
    let over = |allowed, tls, loopback| async move {
        let scene =
            Scene::with(throng_services::identity::Settings { allow_plaintext: allowed, ..kept::light() });
        scene.registered("ana").await;
        let origin = Origin { channel: Channel { tls, loopback }, ..under_tls(2) };
        let session = || scene.identity.session(origin.clone());
        let before = scene.kept.snapshot();
        let (ana, token) = (name("ana"), format!("throng_{}", "A".repeat(43)));
        let answers = [
            session().login(Some(&ana), password(PASSWORD), None).await.err(),
            session().login(Some(&ana), Proof::typed(token.as_str().into()), None).await.err(),
            session().register(&name("bo"), PASSWORD.into(), false, None).await.err(),
            session().scram_first(client::first("ana").as_bytes()).await.err(),
        ];
        (answers, before == scene.kept.snapshot())
    };
    let (answers, unchanged) = over(false, false, false).await;
    assert!(answers.iter().all(|answer| *answer == Some(Refusal::PlaintextRefused)), "{answers:?}");
    assert!(unchanged);
    for (allowed, tls, loopback) in [(true, false, false), (false, true, false), (false, false, true)] {
        let (answers, _) = over(allowed, tls, loopback).await;
        assert_eq!(answers, [None, Some(Refusal::Wrong), None, None], "{allowed} {tls} {loopback}");
    }
}

#[tokio::test]
async fn what_the_operator_changes_holds_for_the_next_who_asks() {
    let scene = Scene::new();
    scene.registered("ana").await;
    let origin = Origin { channel: Channel { tls: false, loopback: false }, ..under_tls(2) };
    for (allowed, expected) in
        [(false, Some(Refusal::PlaintextRefused)), (true, None), (false, Some(Refusal::PlaintextRefused))]
    {
        scene.identity.set_allow_plaintext(allowed);
        let mut session = scene.identity.session(origin.clone());
        assert_eq!(session.login(Some(&name("ana")), password(PASSWORD), None).await.err(), expected);
        assert_eq!(scene.identity.settings().allow_plaintext, allowed);
    }
    let has_keys = || scene.kept.account_now("ana").verifier.unwrap().scram.is_some();
    assert!(!has_keys());
    scene.identity.set_scram(true);
    scene.login(3, "ana", password(PASSWORD)).await.unwrap();
    assert!(has_keys());
}

#[tokio::test]
async fn what_has_risen_is_hashed_anew_on_login() {
    let scene = Scene::new();
    scene.registered("ana").await;
    let had = scene.kept.account_now("ana").verifier.unwrap();
    scene.login(2, "ana", password(PASSWORD)).await.unwrap();
    assert!(scene.kept.account_now("ana").verifier.unwrap() == had, "nothing has risen");

    let cost = Cost { rounds: 2, ..kept::light().cost };
    let risen =
        Scene::over(scene.kept.clone(), throng_services::identity::Settings { cost, ..kept::light() });
    assert_eq!(risen.login(3, "ana", password("wrong horse")).await.unwrap_err(), Refusal::Wrong);
    assert!(scene.kept.account_now("ana").verifier.unwrap() == had, "who is wrong changes nothing");
    risen.login(4, "ana", password(PASSWORD)).await.unwrap();
    let has = scene.kept.account_now("ana").verifier.unwrap();
    assert!(has.argon2.contains("t=2") && has.scram.is_none());

    let settings = throng_services::identity::Settings { scram: true, ..kept::light() };
    let wanted = Scene::over(scene.kept.clone(), settings);
    wanted.login(5, "ana", password(PASSWORD)).await.unwrap();
    let has = scene.kept.account_now("ana").verifier.unwrap();
    assert!(has.scram.unwrap().starts_with("SCRAM-SHA-256$4096:"), "kept of everybody now");
    let more =
        throng_services::identity::Settings { scram_rounds: 5000.try_into().unwrap(), ..kept::light() };
    let more = Scene::over(scene.kept.clone(), more);
    more.login(6, "ana", password(PASSWORD)).await.unwrap();
    let has = scene.kept.account_now("ana").verifier.unwrap();
    assert!(has.scram.unwrap().starts_with("SCRAM-SHA-256$5000:"));
    more.login(7, "ana", password(PASSWORD)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn three_wrong_tries_shut_an_account_but_not_its_devices() {
    let scene = Scene::new();
    let mut session = scene.session(1);
    let signed = session.register(&name("ana"), PASSWORD.into(), false, Some("phone")).await.unwrap();
    for host in 2..5 {
        assert_eq!(scene.login(host, "ana", password("wrong horse")).await.unwrap_err(), Refusal::Wrong);
    }
    let again_in = Duration::from_secs(60);
    assert_eq!(scene.login(5, "ana", password(PASSWORD)).await.unwrap_err(), Refusal::Throttled { again_in });
    scene.login(6, "ana", Proof::Token(signed.token.unwrap())).await.unwrap();
    tokio::time::advance(again_in).await;
    scene.login(7, "ana", password(PASSWORD)).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn guesses_at_once_are_counted_like_guesses_in_turn() {
    let scene = Scene::new();
    scene.registered("ana").await;
    let mut answers = Vec::new();
    let guesses: Vec<_> = (2..32)
        .map(|host| {
            let mut session = scene.session(host);
            tokio::spawn(
                async move { session.login(Some(&name("ana")), password("wrong horse"), None).await },
            )
        })
        .collect();
    for guess in guesses {
        answers.push(guess.await.unwrap().unwrap_err());
    }
    assert_eq!(answers.iter().filter(|answer| **answer == Refusal::Wrong).count(), 3);
    assert!(answers.iter().all(|answer| matches!(answer, Refusal::Wrong | Refusal::Throttled { .. })));
}

#[tokio::test]
async fn a_full_queue_answers_at_once() {
    let scene = Scene::new();
    scene.registered("ana").await;
    scene.kept.hold();
    let threads = scene.identity.settings().hashing_threads;
    let places = throng_services::identity::pool::QUEUE + threads;
    let waiting: Vec<_> = (0..places)
        .map(|number| {
            let mut session = scene.session(u8::try_from(number + 2).unwrap());
            let name = name(&format!("user{number}"));
            tokio::spawn(async move { session.login(Some(&name), password(PASSWORD), None).await })
        })
        .collect();
    while scene.kept.held() < places {
        tokio::task::yield_now().await;
    }
    // The store is held, so whoever is answered now has waited for nothing.
    assert_eq!(scene.login(1, "ana", password(PASSWORD)).await.unwrap_err(), Refusal::Busy);
    let mut other = scene.session(1);
    assert_eq!(other.register(&name("bo"), PASSWORD.into(), false, None).await.unwrap_err(), Refusal::Busy);
    scene.kept.release();
    for waiting in waiting {
        assert_eq!(waiting.await.unwrap().unwrap_err(), Refusal::Wrong);
    }
    scene.login(1, "ana", password(PASSWORD)).await.unwrap();
}

#[tokio::test]
async fn a_store_that_fails_is_nobodys_wrong_password() {
    let scene = Scene::new();
    scene.registered("ana").await;
    for fault in [Fault::Busy, Fault::Full, Fault::Closed, Fault::Io("fire".to_owned())] {
        scene.kept.fail_with(fault.clone());
        let expected = Refusal::from(fault);
        assert_eq!(scene.login(2, "ana", password(PASSWORD)).await.unwrap_err(), expected);
        let token = Proof::Token(format!("throng_{}", "A".repeat(43)).as_str().into());
        assert_eq!(scene.login(2, "ana", token).await.unwrap_err(), expected);
        assert_eq!(scene.login(2, "ana", Proof::Certificate(FINGERPRINT)).await.unwrap_err(), expected);
        let mut session = scene.session(2);
        assert_eq!(session.register(&name("bo"), PASSWORD.into(), false, None).await.unwrap_err(), expected);
    }
    scene.kept.fail_with(None);
    scene.login(2, "ana", password(PASSWORD)).await.expect("nothing was counted");
    scene.kept.forget();
    let closed = Refusal::Store(Fault::Closed);
    assert_eq!(scene.login(2, "ana", password(PASSWORD)).await.unwrap_err(), closed, "not a wait for ever");
}

#[tokio::test]
async fn who_runs_the_server_makes_resets_suspends_and_deletes() {
    let scene = Scene::new();
    let operator = scene.identity.operator();
    operator.create(&name("ana"), Some(PASSWORD.into())).await.unwrap();
    operator.create(&name("bo"), None).await.unwrap();
    assert_eq!(operator.create(&name("Ana"), None).await, Err(Refusal::Exists));
    assert_eq!(scene.login(2, "bo", password(PASSWORD)).await.unwrap_err(), Refusal::Wrong, "none is none");
    let mut ana = scene.session(3);
    ana.login(Some(&name("ana")), password(PASSWORD), None).await.unwrap();

    operator.suspend(&name("ana"), true).await.unwrap();
    assert_eq!(ana.tokens().await, Err(Refusal::NotSignedIn), "who is signed in is not any more");
    assert_eq!(scene.login(4, "ana", password(PASSWORD)).await.unwrap_err(), Refusal::Wrong);
    operator.suspend(&name("ana"), false).await.unwrap();
    scene.login(5, "ana", password(PASSWORD)).await.unwrap();

    operator.reset(&name("ana"), OTHER.into()).await.unwrap();
    assert_eq!(scene.login(6, "ana", password(PASSWORD)).await.unwrap_err(), Refusal::Wrong);
    ana.login(Some(&name("ana")), password(OTHER), None).await.unwrap();
    // Deleted and made anew within one millisecond would be the same account; so time goes on.
    kept::set_now(2_000_000);
    operator.delete(&name("ana")).await.unwrap();
    operator.create(&name("ana"), Some(OTHER.into())).await.unwrap();
    assert_eq!(ana.tokens().await, Err(Refusal::NotSignedIn), "another account of that name");
    assert_eq!(operator.page(Some(name("ana"))).await.unwrap().len(), 1);
    operator.clear().await.unwrap();
    assert_eq!(operator.page(None).await, Ok(Vec::new()));
    for nobody in [
        operator.suspend(&name("ana"), true).await,
        operator.delete(&name("ana")).await,
        operator.reset(&name("ana"), OTHER.into()).await,
        operator.set_operator(&name("ana"), true).await,
        operator.account(&name("ana")).await.map(drop),
    ] {
        assert_eq!(nobody, Err(Refusal::NoAccount));
    }
}

#[tokio::test]
async fn the_first_operator_comes_by_a_code_that_is_good_once() {
    let scene = Scene::new();
    let code = scene.identity.first_operator_code().await.unwrap().expect("there is no operator yet");
    let mut ana = scene.registered("ana").await;
    assert_eq!(ana.operate().await.unwrap_err(), Refusal::NotOperator);
    assert_eq!(ana.become_operator("AAAAA-AAAAA-AAAAA-AAAAA".into()).await, Err(Refusal::Wrong));
    scene.kept.before_changes(|kept, _| kept.fail_with(Fault::Full));
    assert_eq!(ana.become_operator(code.clone()).await, Err(Refusal::Store(Fault::Full)));
    scene.kept.before_changes(|_, _| ());
    scene.kept.fail_with(None);
    assert_eq!(ana.standing(), Standing::Signed);
    ana.become_operator(code.clone()).await.expect("what could not be stored has used nothing up");
    assert_eq!(ana.standing(), Standing::Operating);
    ana.operate().await.unwrap().page(None).await.unwrap();
    let mut bo = scene.session(2);
    bo.register(&name("bo"), PASSWORD.into(), false, None).await.unwrap();
    assert_eq!(bo.become_operator(code).await, Err(Refusal::Wrong));
    assert!(scene.identity.first_operator_code().await.unwrap().is_none());
    scene.identity.operator().set_operator(&name("ana"), false).await.unwrap();
    assert_eq!(ana.operate().await.unwrap_err(), Refusal::NotOperator, "no longer");
}

#[tokio::test]
async fn who_agreed_is_greeted_by_their_address() {
    let scene = Scene::new();
    let mut ana = scene.registered("ana").await;
    scene.login(2, "ana", password(PASSWORD)).await.unwrap();
    assert_eq!(scene.identity.greeting(&under_tls(2)).await, Ok(None), "nobody asked for it");
    assert_eq!(scene.identity.greeting(&under_tls(1)).await, Ok(None), "nor there");
    ana.set_recognised(true).await.unwrap();
    assert_eq!(scene.identity.greeting(&under_tls(1)).await, Ok(Some(name("ana"))), "from where she asked");
    scene.login(2, "ana", password(PASSWORD)).await.unwrap();
    assert_eq!(scene.identity.greeting(&under_tls(2)).await, Ok(Some(name("ana"))));
    assert_eq!(scene.identity.greeting(&under_tls(3)).await, Ok(None));
    ana.set_recognised(false).await.unwrap();
    assert_eq!(scene.identity.greeting(&under_tls(2)).await, Ok(None), "and forgotten");
}

#[tokio::test]
async fn nobody_is_kept_out_by_a_full_disk() {
    let scene = Scene::new();
    scene.registered("ana").await;
    // Each change fails, and the store can be read again before the next look.
    let mut refused = 0;
    scene.kept.before_changes(move |kept, change| {
        refused += 1;
        assert!(matches!(change, Change::Seen(..) | Change::AddToken(..)), "{change:?}");
        assert!(refused <= 2);
        kept.fail_next_change();
    });
    let mut session = scene.session(2);
    let signed = session.login(Some(&name("ana")), password(PASSWORD), Some("phone")).await.unwrap();
    assert!(signed.token.is_none() && signed.device.is_none());
    assert_eq!(session.standing(), Standing::Signed);
}

#[tokio::test]
async fn the_server_can_share_it_between_threads() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    fn sent<T: Send>(_: T) {}
    let scene = Scene::new();
    shared(&scene.identity);
    let mut session = scene.session(1);
    sent(session.login(Some(&name("ana")), password(PASSWORD), None));
    let identity: Identity = scene.identity.clone();
    drop(scene);
    let mut session = identity.session(under_tls(1));
    session.register(&name("ana"), Secret::new(PASSWORD.to_owned()), false, None).await.unwrap();
}
