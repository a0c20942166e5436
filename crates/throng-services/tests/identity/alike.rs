//! Unknown, wrong and suspended: the same answer after the same work.

use throng_services::identity::{Proof, Refusal};

use crate::{OTHER, PASSWORD, Scene, client, name, password};

/// Accounts of every kind that cannot be signed in to, and a name that is none.
async fn scene() -> Scene {
    let scene = Scene::new();
    let operator = scene.identity.operator();
    for typed in ["ana", "sus"] {
        let mut session = scene.session(1);
        session.register(&name(typed), PASSWORD.into(), true, None).await.unwrap();
    }
    operator.suspend(&name("sus"), true).await.unwrap();
    operator.create(&name("bare"), None).await.unwrap();
    scene
}

#[tokio::test]
async fn a_password_tells_nothing_of_the_account() {
    let scene = scene().await;
    let before = scene.kept.snapshot();
    let mut host = 10;
    for (typed, words) in [
        ("nobody", PASSWORD),
        ("ana", OTHER),
        ("sus", PASSWORD),
        ("sus", OTHER),
        ("bare", PASSWORD),
        ("nobody", OTHER),
    ] {
        scene.kept.take_asked();
        host += 1;
        let answer = scene.login(host, typed, password(words)).await.unwrap_err();
        assert_eq!(answer, Refusal::Wrong, "{typed}");
        assert_eq!(answer.to_string(), "the name or the password is wrong");
        assert_eq!(scene.kept.take_asked(), ["account"], "{typed}: the store is asked the same");
    }
    assert_eq!(scene.kept.snapshot(), before);
}

#[tokio::test]
async fn what_is_no_password_is_wrong_for_everybody() {
    let scene = scene().await;
    for typed in ["nobody", "ana"] {
        for (host, words) in [(20, String::new()), (21, "x".repeat(7)), (22, "x".repeat(1025))] {
            let answer = scene.login(host, typed, password(&words)).await.unwrap_err();
            assert_eq!(answer, Refusal::Wrong, "{typed}, {} bytes", words.len());
        }
    }
}

#[tokio::test]
async fn a_token_tells_nothing_of_the_account() {
    let scene = scene().await;
    let made_up = format!("throng_{}", "A".repeat(43));
    for (host, typed) in ["nobody", "ana", "sus", "bare"].into_iter().enumerate() {
        let proof = Proof::Token(made_up.as_str().into());
        scene.kept.take_asked();
        let answer = scene.login(u8::try_from(host).unwrap(), typed, proof).await.unwrap_err();
        assert_eq!(answer, Refusal::Wrong, "{typed}");
        assert_eq!(scene.kept.take_asked(), ["by_token"], "{typed}");
    }
}

#[tokio::test]
async fn scram_looks_alike_to_the_end() {
    let scene = scene().await;
    let mut seen = Vec::new();
    for typed in ["nobody", "ana", "sus", "bare"] {
        let mut salts = Vec::new();
        for host in 30..32 {
            let mut session = scene.session(host);
            scene.kept.take_asked();
            let challenge = session.scram_first(client::first(typed).as_bytes()).await.unwrap();
            salts.push(client::read(&challenge).salt);
            let words = if typed == "ana" { OTHER } else { PASSWORD };
            let (last, _) = client::last(typed, words, &challenge);
            let answer = session.scram_final(last.as_bytes(), None).await.unwrap_err();
            assert_eq!(answer, Refusal::Wrong, "{typed}");
            assert_eq!(scene.kept.take_asked(), ["account"], "{typed}");
            seen.push((challenge.len(), client::read(&challenge).rounds, last.len()));
            session.login(Some(&name("ana")), password(PASSWORD), None).await.expect("the exchange is over");
        }
        assert_eq!(salts[0], salts[1], "{typed}: asked twice it is the same salt");
        // Failures of the network itself are none of this test's.
        tokio::time::pause();
        tokio::time::advance(std::time::Duration::from_secs(3600)).await;
        tokio::time::resume();
    }
    assert!(seen.iter().all(|each| *each == seen[0]), "{seen:?}");
}

#[tokio::test]
async fn scram_for_a_name_that_nobody_can_have_is_no_special_case() {
    let scene = scene().await;
    let mut session = scene.session(1);
    let challenge = session.scram_first(client::first("9 lives").as_bytes()).await.unwrap();
    let (last, _) = client::last("9 lives", PASSWORD, &challenge);
    assert_eq!(session.scram_final(last.as_bytes(), None).await.unwrap_err(), Refusal::Wrong);
    let for_another = session.scram_first(b"n,a=bo,n=ana,r=abc").await.unwrap_err();
    assert_eq!(for_another, Refusal::Wrong, "nobody acts for somebody else");
    session.scram_first(b"n,a=ANA,n=ana,r=abc").await.unwrap();
}
