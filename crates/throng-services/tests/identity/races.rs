//! What changes while somebody is being signed in wins.

use std::sync::{Arc, Mutex};

use throng_services::identity::{Proof, Refusal, Standing};
use throng_store::accounts::{Change, Verifier};

use crate::kept::Kept;
use crate::{FINGERPRINT, OTHER, PASSWORD, Scene, name, password};

/// Ana signs in while this happens in the store, just before it is noted that she came.
async fn meanwhile(proof: fn(&str) -> Proof, then: impl Fn(&Kept) + Send + 'static) -> Result<(), Refusal> {
    let scene = Scene::new();
    let mut owner = scene.session(1);
    let signed = owner.register(&name("ana"), PASSWORD.into(), false, Some("phone")).await.unwrap();
    owner.set_certificate(FINGERPRINT, true).await.unwrap();
    scene.kept.before_changes(move |kept, change| {
        if matches!(change, Change::Seen(..)) {
            then(kept);
        }
    });
    let proof = proof(signed.token.unwrap().expose());
    let had = scene.kept.snapshot().tokens["ana"].len();
    let mut session = scene.session(2);
    let answer = session.login(Some(&name("ana")), proof, Some("tablet")).await;
    if answer.is_err() {
        assert_eq!(session.standing(), Standing::Stranger);
        let has = scene.kept.snapshot().tokens.get("ana").map_or(0, Vec::len);
        assert!(has <= had, "no token is left behind");
    }
    answer.map(drop)
}

fn by_password(_: &str) -> Proof {
    password(PASSWORD)
}

fn by_token(token: &str) -> Proof {
    Proof::Token(token.into())
}

fn by_certificate(_: &str) -> Proof {
    Proof::Certificate(FINGERPRINT)
}

const ALL: [fn(&str) -> Proof; 3] = [by_password, by_token, by_certificate];

#[tokio::test]
async fn where_nothing_happens_all_are_signed_in() {
    for proof in ALL {
        meanwhile(proof, |_| ()).await.unwrap();
    }
}

#[tokio::test]
async fn a_suspension_in_between_wins() {
    for proof in ALL {
        let suspend = |kept: &Kept| kept.apply(&Change::SetSuspended(name("ana"), true)).unwrap();
        assert_eq!(meanwhile(proof, suspend).await, Err(Refusal::Wrong));
    }
}

#[tokio::test]
async fn another_password_in_between_wins() {
    let change = |kept: &Kept| {
        let mut other = kept.account_now("ana").verifier.unwrap();
        other.argon2 = "another".into();
        kept.apply(&Change::SetVerifier(name("ana"), other, None)).unwrap();
    };
    assert_eq!(meanwhile(by_password, change).await, Err(Refusal::Wrong));
    assert_eq!(meanwhile(by_token, change).await, Err(Refusal::Wrong), "the tokens went with it");
    meanwhile(by_certificate, change).await.expect("a certificate is as good as before");
}

#[tokio::test]
async fn what_is_revoked_in_between_is_no_proof() {
    let revoke = |kept: &Kept| kept.apply(&Change::RevokeTokens(name("ana"))).unwrap();
    assert_eq!(meanwhile(by_token, revoke).await, Err(Refusal::Wrong));
    let remove = |kept: &Kept| kept.apply(&Change::RemoveCertificate(name("ana"), FINGERPRINT)).unwrap();
    assert_eq!(meanwhile(by_certificate, remove).await, Err(Refusal::Wrong));
}

#[tokio::test]
async fn an_account_that_is_made_anew_in_between_is_another_one() {
    for proof in ALL {
        let replace = |kept: &Kept| {
            let mut account = kept.account_now("ana");
            account.created.0 += 1;
            kept.apply(&Change::Delete(name("ana"))).unwrap();
            kept.apply(&Change::Create(account)).unwrap();
        };
        assert_eq!(meanwhile(proof, replace).await, Err(Refusal::Wrong));
    }
}

#[tokio::test]
async fn an_account_that_goes_in_between_is_gone() {
    for proof in ALL {
        let delete = |kept: &Kept| kept.apply(&Change::Delete(name("ana"))).unwrap();
        assert_eq!(meanwhile(proof, delete).await, Err(Refusal::Wrong));
    }
}

/// Ana's verifier, as it is after another password was set.
fn another(kept: &Kept) -> Verifier {
    Verifier { argon2: "another".into(), ..kept.account_now("ana").verifier.unwrap() }
}

#[tokio::test]
async fn a_password_that_was_set_in_between_is_not_written_over() {
    for reset in [true, false] {
        let mut scene = Scene::new();
        let mut session = scene.registered("ana").await;
        scene.notices();
        scene.kept.before_changes(move |kept, change| {
            if let Change::SetVerifier(_, _, before) = change {
                let before = before.clone().filter(|_| !reset);
                kept.apply(&Change::SetVerifier(name("ana"), another(kept), before)).unwrap();
            }
        });
        let answer = session.change_password(PASSWORD.into(), OTHER.into(), false).await;
        assert_eq!(answer, Err(Refusal::Wrong), "reset: {reset}");
        assert_eq!(&*scene.kept.account_now("ana").verifier.unwrap().argon2, "another");
        assert_eq!(scene.notices(), [], "nothing was changed");
    }
}

#[tokio::test]
async fn of_two_changes_of_a_password_at_once_one_wins() {
    let scene = Scene::new();
    let mut one = scene.registered("ana").await;
    let mut other = scene.session(2);
    other.login(Some(&name("ana")), password(PASSWORD), None).await.unwrap();
    let (first, second) = tokio::join!(
        one.change_password(PASSWORD.into(), "the first one".into(), false),
        other.change_password(PASSWORD.into(), "the second one".into(), false),
    );
    let (won, lost) = if first.is_ok() { ("first", second) } else { ("second", first) };
    assert_eq!(lost, Err(Refusal::Wrong));
    scene.login(3, "ana", password(&format!("the {won} one"))).await.unwrap();
}

#[tokio::test]
async fn a_token_is_not_stored_when_what_it_is_given_on_has_changed() {
    let change = |kept: &Kept| kept.apply(&Change::SetVerifier(name("ana"), another(kept), None)).unwrap();
    let replace = |kept: &Kept| {
        let mut account = kept.account_now("ana");
        account.created.0 += 1;
        kept.apply(&Change::Delete(name("ana"))).unwrap();
        kept.apply(&Change::Create(account)).unwrap();
    };
    type Case = (fn(&str) -> Proof, fn(&Kept));
    let cases: [Case; 3] = [(by_password, change), (by_password, replace), (by_certificate, replace)];
    for (which, (proof, then)) in cases.into_iter().enumerate() {
        let scene = Scene::new();
        scene.registered("ana").await.set_certificate(FINGERPRINT, true).await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        scene.kept.before_changes(move |kept, change| {
            seen.lock().unwrap().push(change.clone());
            if matches!(change, Change::AddToken(..)) {
                then(kept);
            }
        });
        let mut session = scene.session(2);
        let answer = session.login(Some(&name("ana")), proof(""), Some("tablet")).await;
        assert_eq!(answer.map(drop), Err(Refusal::Wrong), "case {which}");
        // Who hangs up right then leaves none behind either: there is nothing to be taken back.
        let asked = asked.lock().unwrap();
        assert!(matches!(asked[..], [Change::Seen(..), Change::AddToken(..)]), "case {which}: {asked:?}");
        assert!(scene.kept.snapshot().tokens.is_empty(), "case {which}");
    }
}
