//! A password, a token and a code go through everything, and nobody sees them.

use std::fmt::Debug;
use std::sync::Mutex;

use throng_services::identity::password::{self as passwords, Cost};
use throng_services::identity::scram::{Keys, Opened};
use throng_services::identity::{Proof, Secret, Which};

use crate::{FINGERPRINT, Scene, client, kept, name};

const CANARY: &str = "canary-of-a-password-7d1f";
const SECOND: &str = "canary-of-another-one-55aa";

/// Everything that anybody logged, at every level.
static LOGGED: Mutex<String> = Mutex::new(String::new());

struct Capture;

impl log::Log for Capture {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let mut logged = LOGGED.lock().unwrap();
        logged.push_str(&format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

/// What was seen, by `{:?}` and `{:#?}` of whatever came by.
#[derive(Default)]
struct Seen(String);

impl Seen {
    fn look<T: Debug>(&mut self, thing: T) -> T {
        self.0.push_str(&format!("{thing:?}\n{thing:#?}\n"));
        thing
    }
}

#[tokio::test]
async fn nobody_sees_a_secret() {
    log::set_logger(&Capture).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    log::trace!("the capture works");
    let seen = &mut Seen::default();
    let mut scene = Scene::with(throng_services::identity::Settings { scram: true, ..kept::light() });
    let told = std::sync::Arc::new(Mutex::new(String::new()));
    let changes = std::sync::Arc::clone(&told);
    scene.kept.before_changes(move |_, change| changes.lock().unwrap().push_str(&format!("{change:#?}\n")));

    let secret = || Secret::from(CANARY);
    let ana = name("ana");
    let mut session = seen.look(scene.session(1));
    let signed = seen.look(session.register(&ana, secret(), true, Some("phone")).await).unwrap();
    let token = signed.token.clone().unwrap();
    seen.look(&session);
    seen.look(session.tokens().await).unwrap();
    seen.look(session.set_certificate(FINGERPRINT, true).await).unwrap();
    seen.look(scene.identity.owner(&ana).await).unwrap();

    for proof in [Proof::Password(secret()), Proof::typed(token.clone()), Proof::Certificate(FINGERPRINT)] {
        let mut other = scene.session(2);
        let proof = seen.look(proof);
        seen.look(other.login(Some(&ana), proof, None).await).unwrap();
        seen.look(&other);
    }
    for wrong in [Proof::Password(Secret::from(SECOND)), Proof::Token(Secret::from(SECOND))] {
        let mut other = scene.session(3);
        let refused = seen.look(other.login(Some(&ana), wrong, None).await).unwrap_err();
        seen.0.push_str(&refused.to_string());
    }
    let mut by_scram = scene.session(4);
    let first = client::first("ana");
    seen.look(Opened::hear(first.as_bytes())).unwrap();
    let challenge = seen.look(by_scram.scram_first(first.as_bytes()).await).unwrap();
    seen.look(&by_scram);
    let (last, _) = client::last("ana", CANARY, &challenge);
    let (signed, ours) = by_scram.scram_final(last.as_bytes(), Some("tablet")).await.unwrap();
    seen.look((signed, ours));
    seen.look(Keys::new(&secret(), 1.try_into().unwrap())).unwrap();

    let code = scene.identity.first_operator_code().await.unwrap().unwrap();
    seen.look(code.clone());
    seen.look(session.become_operator(code.clone()).await).unwrap();
    seen.look(session.change_password(secret(), Secret::from(SECOND), true).await).unwrap();
    seen.look(session.revoke(Which::All).await).unwrap();
    let operator = seen.look(session.operate().await).unwrap();
    seen.look(operator.create(&name("bo"), Some(secret())).await).unwrap();
    let generated = seen.look(passwords::generate()).unwrap();
    seen.look(operator.reset(&name("bo"), generated.clone()).await).unwrap();
    seen.look(operator.page(None).await).unwrap();
    seen.look(session.logout().await).unwrap();
    seen.look(scene.notices());
    seen.look(&scene.identity);
    seen.look(passwords::check(&Secret::from(&*CANARY.repeat(99)))).unwrap_err();
    seen.look(passwords::hash(&Secret::from(""), Cost::default())).unwrap_err();

    let verifier = scene.kept.account_now("ana").verifier.unwrap();
    let kept = format!("{:#?}", scene.kept.snapshot());
    let hidden = [
        CANARY,
        SECOND,
        token.expose(),
        &token.expose()[7..],
        code.expose(),
        &code.expose().replace('-', ""),
        generated.expose(),
        &verifier.argon2,
        verifier.scram.as_deref().unwrap(),
    ];
    let logged = LOGGED.lock().unwrap().clone();
    assert!(logged.contains("the capture works"));
    let changes = told.lock().unwrap().clone();
    assert!(changes.contains("SetVerifier") && seen.0.len() > 5_000, "it was looked at");
    for secret in hidden {
        for (place, text) in
            [("values", &seen.0), ("changes", &changes), ("the store", &kept), ("logs", &logged)]
        {
            assert!(!text.contains(secret), "{secret} was seen in {place}");
        }
    }
    // What the store keeps is no way back to what it was made from.
    let rows = scene.kept.snapshot();
    for account in rows.accounts.values() {
        let stored = account.verifier.clone().unwrap();
        let stored = format!("{}{}", stored.argon2, stored.scram.unwrap_or_default());
        assert!(hidden[..7].iter().all(|secret| !stored.contains(secret)));
    }
}
