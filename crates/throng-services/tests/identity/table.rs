//! State × command: what may not be asked is refused and changes nothing.

use throng_services::identity::{Command, Refusal, Session, Standing, Which};

use crate::{FINGERPRINT, OTHER, PASSWORD, Scene, client, name, password};

/// Who stands how may ask what: `x` may.
const TABLE: [(Command, &str); 14] = [
    // Stranger, Exchanging, Signed, Operating
    (Command::Register, "x..."),
    (Command::Login, "x..."),
    (Command::ScramFirst, "x..."),
    (Command::ScramFinal, ".x.."),
    (Command::Cancel, ".x.."),
    (Command::Logout, "..xx"),
    (Command::ChangePassword, "..xx"),
    (Command::NewToken, "..xx"),
    (Command::Tokens, "..xx"),
    (Command::Revoke, "..xx"),
    (Command::SetCertificate, "..xx"),
    (Command::SetRecognised, "..xx"),
    (Command::BecomeOperator, "..xx"),
    (Command::Operate, "...x"),
];

#[test]
fn the_table_is_whole() {
    assert_eq!(TABLE.map(|(command, _)| command), Command::ALL);
    for (command, row) in TABLE {
        for (standing, may) in Standing::ALL.into_iter().zip(row.chars()) {
            assert_eq!(command.check(standing).is_ok(), may == 'x', "{command:?} as {standing:?}");
        }
    }
}

async fn session_as(scene: &Scene, standing: Standing) -> Session {
    let mut session = scene.session(7);
    match standing {
        Standing::Stranger => {}
        Standing::Exchanging => {
            session.scram_first(client::first("ana").as_bytes()).await.unwrap();
        }
        Standing::Signed | Standing::Operating => {
            scene
                .identity
                .operator()
                .set_operator(&name("ana"), standing == Standing::Operating)
                .await
                .unwrap();
            session.login(Some(&name("ana")), password(PASSWORD), Some("phone")).await.unwrap();
        }
    }
    assert_eq!(session.standing(), standing);
    session
}

/// Asks in a way that would succeed where it may be asked.
async fn ask(scene: &Scene, session: &mut Session, command: Command, challenge: &str) -> Result<(), Refusal> {
    match command {
        Command::Register => session.register(&name("new"), PASSWORD.into(), false, None).await.map(drop),
        Command::Login => session.login(Some(&name("ana")), password(PASSWORD), None).await.map(drop),
        Command::ScramFirst => session.scram_first(client::first("ana").as_bytes()).await.map(drop),
        Command::ScramFinal => {
            let (last, _) = client::last("ana", PASSWORD, challenge);
            session.scram_final(last.as_bytes(), None).await.map(drop)
        }
        Command::Cancel => session.cancel(),
        Command::Logout => session.logout().await,
        Command::ChangePassword => session.change_password(PASSWORD.into(), OTHER.into(), false).await,
        Command::NewToken => session.new_token("tablet").await.map(drop),
        Command::Tokens => session.tokens().await.map(drop),
        Command::Revoke => session.revoke(Which::All).await,
        Command::SetCertificate => session.set_certificate(FINGERPRINT, true).await,
        Command::SetRecognised => session.set_recognised(true).await,
        Command::BecomeOperator => {
            scene.identity.operator().set_operator(&name("ana"), false).await.unwrap();
            let code = scene.identity.first_operator_code().await.unwrap().unwrap();
            session.become_operator(code).await
        }
        Command::Operate => session.operate().await.map(drop),
    }
}

#[tokio::test]
async fn every_forbidden_pair_is_refused_and_changes_nothing() {
    for (command, row) in TABLE {
        for (standing, may) in Standing::ALL.into_iter().zip(row.chars()) {
            let scene = Scene::new();
            let mut owner = scene.session(1);
            owner.register(&name("ana"), PASSWORD.into(), true, None).await.unwrap();
            let mut session = session_as(&scene, standing).await;
            let challenge = match standing {
                Standing::Exchanging if command == Command::ScramFinal => {
                    session.cancel().unwrap();
                    session.scram_first(client::first("ana").as_bytes()).await.unwrap()
                }
                _ => format!("r=fyko+d2lbbFgONRv9qkxdawL,s={},i=4096", "AAAA"),
            };
            let operating = scene.kept.account_now("ana").operator;
            let before = scene.kept.snapshot();
            let answer = ask(&scene, &mut session, command, &challenge).await;
            assert_eq!(answer.is_ok(), may == 'x', "{command:?} as {standing:?}: {answer:?}");
            if may == 'x' {
                continue;
            }
            if command == Command::BecomeOperator {
                // The test itself took the role away, so that there could be a code.
                scene.identity.operator().set_operator(&name("ana"), operating).await.unwrap();
            }
            assert_eq!(session.standing(), standing, "{command:?} as {standing:?}");
            assert_eq!(scene.kept.snapshot(), before, "{command:?} as {standing:?}");
        }
    }
}
