//! Whose a name is, and what becomes of people when accounts come and go.

use throng_chat::output::Output;
use throng_chat::{Command, Event, Guests, Kind, Limits, Name, OperatorCommand, Target, Time};

use crate::scene::{Scene, enter, join, name, say, text};

pub fn sign_in(account: &str) -> Command {
    Command::SignIn(name(account))
}

pub fn reserve(account: &str) -> OperatorCommand {
    OperatorCommand::Reserve(name(account), None)
}

pub fn rename(to: &str) -> Command {
    Command::Rename(name(to))
}

/// A scene where these accounts are, and these guests.
pub fn with(accounts: &[&str], guests: &[&'static str]) -> Scene {
    housed(Guests::default(), accounts, guests)
}

pub fn housed(guests: Guests, accounts: &[&str], people: &[&'static str]) -> Scene {
    let mut scene = Scene::housed(Limits::default(), guests, &[]);
    for account in accounts {
        scene.operate(reserve(account), &[]);
    }
    for person in people {
        scene.check(person, enter(person), &[&format!("{person} hears: welcome {person}")]);
    }
    scene
}

/// Comes as the account of the same name.
pub fn come(scene: &mut Scene, who: &'static str, account: &str) {
    scene.check(who, sign_in(account), &[&format!("{who} hears: signed in as {account}")]);
    scene.ask(who, enter(account));
}

#[test]
fn a_registered_name_and_what_looks_like_it_is_the_account_s() {
    let mut scene = with(&["cop"], &["bo"]);
    for taken in ["cop", "COP", "c0p", "сор"] {
        let refused = format!("x hears: no, {taken} is registered, try {taken}_ {taken}2");
        scene.check("x", enter(taken), &[&refused]);
        scene.check("bo", rename(taken), &[&refused.replace('x', "bo")]);
    }
    scene.check("x", sign_in("cop"), &["x hears: signed in as cop"]);
    scene.check("x", enter("c0p"), &["x hears: welcome c0p"]);
    scene.check("x", rename("cop"), &["x hears: c0p is now cop"]);
    scene.check("y", enter("cop"), &["y hears: no, cop is registered, try cop_ cop2"]);
}

#[test]
fn proposed_names_are_not_registered_to_others() {
    let mut scene = with(&["bo", "bo_", "bo2"], &["bo3"]);
    scene.check("x", enter("bo"), &["x hears: no, bo is registered, try bo4 bo5"]);
    scene.check("y", sign_in("bo2"), &["y hears: signed in as bo2"]);
    scene.check("y", enter("bo"), &["y hears: no, bo is registered, try bo2 bo4"]);
}

#[test]
fn another_rule_for_guests_holds_for_who_comes_and_for_names_of_accounts() {
    let mut scene = housed(Guests::Yes, &["ana"], &["ana", "bo"]);
    let (mark, before) = (scene.world.mark(), scene.world.clone());
    let renamed = ["ana hears: ana is not yours", "ana hears: ana is now ana_"];
    scene.operate(OperatorCommand::SetGuests(Guests::No), &renamed);
    scene.check("cyd", enter("cyd"), &["cyd hears: no, an account is needed"]);
    scene.check("bo", rename("bob"), &["bo hears: bo is now bob"]);
    come(&mut scene, "z", "ana");
    scene.operate(OperatorCommand::SetGuests(Guests::UnregisteredNames), &[]);
    scene.check("cyd", enter("cyd"), &["cyd hears: welcome cyd"]);
    scene.world.rollback(mark);
    assert!(scene.world == before, "there is a way back");
    assert!(OperatorCommand::SetGuests(Guests::No).is_fact(), "and it is done again behind that");
}

#[test]
fn guests_are_let_in_as_the_house_says() {
    for (guests, registered, free) in [
        (Guests::Yes, "x hears: welcome ana", "y hears: welcome bo"),
        (Guests::UnregisteredNames, "x hears: no, ana is registered, try ana_ ana2", "y hears: welcome bo"),
        (Guests::No, "x hears: no, an account is needed", "y hears: no, an account is needed"),
    ] {
        let mut scene = housed(guests, &["ana"], &[]);
        scene.check("x", enter("ana"), &[registered]);
        scene.check("y", enter("bo"), &[free]);
        come(&mut scene, "z", "ana");
        assert_eq!(scene.world.person_of(scene.session("z")).unwrap().1, name("ana"), "{guests:?}");
    }
}

#[test]
fn an_owner_takes_the_name_back_from_a_stranger_and_all_who_watch_see_one_of_them() {
    let mut scene = housed(Guests::Yes, &["ana"], &["ana", "bo"]).after(&[
        ("ana", join("#a")),
        ("bo", join("#a")),
        ("x", sign_in("ana")),
    ]);
    scene.check(
        "x",
        enter("Ana"),
        &[
            "ana hears: ana is not yours",
            "ana hears: ana is now ana_",
            "#a but ana: ana is now ana_",
            "x hears: welcome Ana",
        ],
    );
    scene.check(
        "x",
        join("#a"),
        &["#a but x: Ana arrived in #a as ana", "x hears: inside #a with @ana_ bo Ana"],
    );
}

#[test]
fn an_owner_who_is_here_takes_the_name_back_by_renaming() {
    let mut scene = housed(Guests::Yes, &["cop"], &["c0p", "x"]).after(&[("x", sign_in("cop"))]);
    let told = ["c0p hears: c0p is not yours", "c0p hears: c0p is now c0p_", "x hears: x is now cop"];
    scene.check("x", rename("cop"), &told);
}

#[test]
fn a_name_that_nobody_registered_is_whoever_s_has_it() {
    let mut scene = with(&["ana"], &["bo", "x"]).after(&[("x", sign_in("ana")), ("y", sign_in("ana"))]);
    scene.check("x", rename("bo"), &["x hears: no, bo is taken, try bo_ bo2"]);
    scene.check("y", enter("bo"), &["y hears: no, bo is taken, try bo_ bo2"]);
    scene.check("x", Command::Regain(name("bo")), &["x hears: no, bo is another's"]);
}

#[test]
fn who_has_a_name_when_it_is_registered_is_renamed_unless_it_is_theirs() {
    let mut scene = with(&[], &["c0p", "bo"]).after(&[("c0p", join("#a")), ("bo", join("#a"))]);
    let told = ["c0p hears: c0p is not yours", "c0p hears: c0p is now c0p_", "#a but c0p: c0p is now c0p_"];
    scene.operate(reserve("cop"), &told);
    scene.operate(reserve("COP"), &[]);
    scene.operate(reserve("сор"), &["no, сор is registered, try "]);
    scene.check(
        "bo",
        Command::SignUp(name("bo")),
        &["bo hears: signed in as bo", "bo hears: bo is of bo", "#a but bo: bo is of bo"],
    );
    scene.operate(reserve("bo"), &[]);
}

#[test]
fn who_makes_an_account_has_it_at_once_and_its_name_is_nobody_else_s() {
    let mut scene = with(&["cop"], &["ana"]).after(&[("ana", join("#a"))]);
    scene.check("x", Command::SignUp(name("c0p")), &["x hears: no, c0p is registered, try "]);
    scene.check(
        "x",
        Command::SignUp(name("ana")),
        &[
            "x hears: signed in as ana",
            "ana hears: ana is not yours",
            "ana hears: ana is now ana_",
            "#a but ana: ana is now ana_",
        ],
    );
    scene.check("x", Command::SignUp(name("bo")), &["x hears: no, you are of ana"]);
    scene.check("x", enter("ana"), &["x hears: welcome ana"]);
    assert!(!scene.world.accounts().has(&name("bo")));
}

#[test]
fn a_renamed_stranger_gets_a_name_even_where_all_near_ones_are_taken() {
    let near: Vec<Name> = name("bo").alternatives(throng_chat::Names::Unicode).collect();
    let mut scene = with(&["guest1"], &["bo", "guest2"]);
    for other in near {
        scene.operate(OperatorCommand::Reserve(other, None), &[]);
    }
    scene.operate(reserve("bo"), &["bo hears: bo is not yours", "bo hears: bo is now guest3"]);
}

#[test]
fn an_account_that_is_not_cannot_be_signed_in_to() {
    let mut scene = with(&["cop"], &["bo"]);
    for who in ["x", "bo"] {
        for account in ["ana", "c0p"] {
            scene.check(who, sign_in(account), &[&format!("{who} hears: no, no account {account}")]);
        }
        scene.check(who, Command::SignOut, &[&format!("{who} hears: no, you are a guest")]);
    }
    scene.operate(OperatorCommand::Release(name("ana")), &["no, no account ana"]);
    scene.operate(OperatorCommand::Release(name("c0p")), &["no, no account c0p"]);
}

#[test]
fn another_account_needs_signing_out_of_the_first() {
    let mut scene = with(&["ana", "bo"], &["cyd"]);
    for who in ["x", "cyd"] {
        scene.ask(who, sign_in("ana"));
        scene.check(who, sign_in("Ana"), &[&format!("{who} hears: signed in as ana")]);
        scene.check(who, sign_in("bo"), &[&format!("{who} hears: no, you are of ana")]);
    }
}

#[test]
fn who_signs_in_is_told_so_and_so_are_all_who_share_a_room() {
    let mut scene = with(&["ana"], &["bo"]).after(&[("bo", join("#a")), ("bo", join("#b"))]);
    scene.check(
        "bo",
        sign_in("ANA"),
        &["bo hears: signed in as ana", "bo hears: bo is of ana", "#a+#b but bo: bo is of ana"],
    );
    scene.check("bo", Command::WhoIs(name("bo")), &["bo hears: bo is in #a #b, of ana"]);
    scene.check(
        "bo",
        Command::SignOut,
        &["bo hears: signed out", "bo hears: bo is a guest", "#a+#b but bo: bo is a guest"],
    );
    scene.check("bo", Command::WhoIs(name("bo")), &["bo hears: bo is in #a #b"]);
}

#[test]
fn what_somebody_does_carries_their_account() {
    let mut scene = with(&["ana"], &["bo"]).after(&[("bo", sign_in("ana")), ("bo", join("#a"))]);
    let session = scene.session("bo");
    let outputs = scene.world.apply(Time(0), session, say("#a", "hi"));
    assert!(
        matches!(&outputs[..], [Output::Stored { account: Some(account), .. }] if *account == name("ana"))
    );
    let whisper = Command::Say(Target::Person(name("bo")), Kind::Message, text("psst"));
    for command in [whisper, rename("dee"), Command::Part(crate::scene::room("#a"), None)] {
        let outputs = scene.world.apply(Time(0), session, command);
        let Output::Reply(_, event) = &outputs[0] else { panic!("{outputs:?}") };
        let (Event::Whispered { account, .. } | Event::Renamed { account, .. } | Event::Left { account, .. }) =
            event
        else {
            panic!("{event:?}")
        };
        assert_eq!(*account, Some(name("ana")), "{event:?}");
    }
}

#[test]
fn an_account_that_is_released_signs_everybody_out_and_frees_its_name() {
    let mut scene = with(&["ana", "bo"], &[]);
    come(&mut scene, "x", "ana");
    come(&mut scene, "y", "ana");
    come(&mut scene, "z", "bo");
    scene.check("w", sign_in("ana"), &["w hears: signed in as ana"]);
    let told = [
        "w hears: signed out",
        "x hears: signed out",
        "x hears: ana is not yours",
        "x hears: ana is now ana_",
        "x hears: ana_ is a guest",
        "y hears: signed out",
        "y hears: ana is a guest",
    ];
    scene.operate(OperatorCommand::Release(name("ANA")), &told);
    scene.check("w", enter("ana"), &["w hears: no, ana is taken, try ana2 ana3"]);
    scene.operate(OperatorCommand::ReleaseAll, &["z hears: signed out", "z hears: bo is a guest"]);
    scene.check("w", sign_in("bo"), &["w hears: no, no account bo"]);
    assert_eq!(scene.world.accounts().all().count(), 0);
}

#[test]
fn an_account_whose_sessions_are_all_signed_out_keeps_its_name() {
    let mut scene = with(&["ana", "bo"], &[]);
    come(&mut scene, "x", "ana");
    come(&mut scene, "y", "ana");
    come(&mut scene, "z", "bo");
    scene.check("w", sign_in("ana"), &["w hears: signed in as ana"]);
    for who in ["x", "z"] {
        scene.ask(who, join("#a"));
    }
    let out = || OperatorCommand::SignOutAll(name("ANA"));
    let told = [
        "w hears: signed out",
        "x hears: signed out",
        "x hears: ana left #a: signed out",
        "x departs #a",
        "x hears: ana is not yours",
        "x hears: ana is now ana_",
        "x hears: ana_ is a guest",
        "y hears: signed out",
        "y hears: ana is not yours",
        "y hears: ana is now ana2",
        "#a but y: ana is now ana2",
        "y hears: ana2 is a guest",
        "#a but y: ana2 is a guest",
    ];
    scene.operate(out(), &told);
    scene.operate(out(), &[]);
    scene.check("w", enter("ana"), &["w hears: no, ana is registered, try ana3 ana4"]);
    scene.check(
        "y",
        sign_in("ana"),
        &["y hears: signed in as ana", "y hears: ana2 is of ana", "#a but y: ana2 is of ana"],
    );
    scene.check("z", sign_in("bo"), &["z hears: signed in as bo"]);
    for nobody in ["eve", "an4"] {
        let refused = format!("no, no account {nobody}");
        scene.operate(OperatorCommand::SignOutAll(name(nobody)), &[&refused]);
    }
}

#[test]
fn who_is_signed_out_where_guests_are_not_let_in_is_gone_and_comes_again_as_before() {
    let mut scene = housed(Guests::No, &["ana"], &[]);
    come(&mut scene, "x", "ana");
    come(&mut scene, "y", "ana");
    let (x, y) = (scene.session("x"), scene.session("y"));
    let outputs = scene.world.operate(Time(0), OperatorCommand::SignOutAll(name("ana"))).unwrap();
    let closed =
        |of| outputs.iter().any(|output| matches!(output, Output::Closed(session, _) if *session == of));
    assert!(closed(x) && closed(y), "{outputs:?}");
    assert_eq!(scene.world.people(), 0);
    come(&mut scene, "z", "ana");
    assert_eq!(scene.world.person_of(scene.session("z")).unwrap().1, name("ana"));
}

#[test]
fn a_thousand_names_that_look_registered_are_nobody_s_but_the_owner_s() {
    let mut tried = 0;
    for stem in 0..250 {
        let letters: String =
            format!("{stem:03}").bytes().map(|digit| char::from(b'g' + digit - b'0')).collect();
        let registered = format!("{letters}lo");
        let mut scene = with(&[&registered], &["bo"]);
        for look in ["1o", "l0", "10", "LO"].map(|end| format!("{letters}{end}")) {
            tried += 1;
            for (who, command) in [("x", enter(&look)), ("bo", rename(&look))] {
                let told = scene.ask(who, command);
                assert!(told.len() == 1 && told[0].contains("is registered"), "{look}: {told:?}");
            }
        }
    }
    assert_eq!(tried, 1_000);
}
