//! What changes while somebody is being signed in wins.

use throng_services::identity::{Proof, Refusal, Standing};
use throng_store::accounts::Change;

use crate::kept::Kept;
use crate::{FINGERPRINT, PASSWORD, Scene, name, password};

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
        kept.apply(&Change::SetVerifier(name("ana"), other)).unwrap();
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
