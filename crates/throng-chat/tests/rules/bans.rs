//! Who is not wanted.

use throng_chat::{Ban, Command, Guests, OperatorCommand, SeatKey, Time};

use crate::scene::{Scene, enter, join, name, say, text};

/// The scene's clock stands at 1,000.
const NOW: i64 = 1_000;

fn ban(target: &str, until: Option<i64>, reason: Option<&str>) -> OperatorCommand {
    OperatorCommand::Ban(Box::new(Ban {
        target: target.parse().unwrap(),
        since: Time(0),
        until: until.map(Time),
        reason: reason.map(text),
        by: text("console"),
    }))
}

fn unban(target: &str) -> OperatorCommand {
    OperatorCommand::Unban(target.parse().unwrap())
}

fn reserve(typed: &str) -> OperatorCommand {
    OperatorCommand::Reserve(name(typed), None)
}

fn sign_in(typed: &str) -> Command {
    Command::SignIn(name(typed))
}

#[test]
fn who_is_hit_hears_why_and_is_gone_and_nobody_comes_in_so() {
    let mut scene = Scene::of(&["troll1", "bo"]).after(&[("troll1", join("#a")), ("bo", join("#a"))]);
    let told = [
        "troll1 hears: no, you are banned until 2000: flood",
        "#a but troll1: troll1 quit: banned: flood",
        "troll1 departs #a",
        "troll1 hears: goodbye, banned: flood",
        "troll1 is closed: banned: flood",
    ];
    scene.operate(ban("Troll*", Some(2_000), Some("flood")), &told);
    let again = [
        "x hears: no, you are banned until 2000: flood",
        "x hears: goodbye, banned: flood",
        "x is closed: banned: flood",
    ];
    scene.check("x", enter("TROLL2"), &again);
    scene.check(
        "bo",
        Command::Rename(name("trolley")),
        &["bo hears: no, trolley is banned until 2000: flood"],
    );
    scene.check("y", enter("patroller"), &["y hears: welcome patroller"]);
    scene.operate(unban("troll*"), &[]);
    scene.check("z", enter("troll1"), &["z hears: welcome troll1"]);
}

#[test]
fn a_key_gives_no_seat_back_and_a_look_is_the_name() {
    let key = SeatKey::from_hex(&"a".repeat(32)).unwrap();
    let mut scene = Scene::of(&["bo"]);
    scene.ask("x", Command::EnterAs(name("loggg"), key));
    scene.operate(
        ban("Ioggg", None, None),
        &["x hears: no, you are banned", "x hears: goodbye, banned", "x is closed: banned"],
    );
    let told = ["y hears: no, you are banned", "y hears: goodbye, banned", "y is closed: banned"];
    scene.check("y", Command::EnterAs(name("loggg"), key), &told);
}

#[test]
fn an_account_is_nobodys_seat_however_they_are_called() {
    let mut scene = Scene::of(&["bo"]);
    scene.operate(reserve("ana"), &[]);
    for who in ["x", "y"] {
        scene.ask(who, sign_in("ana"));
        scene.ask(who, enter("nick"));
    }
    // One without a name yet.
    scene.ask("z", sign_in("ana"));
    scene.operate(
        ban("account:ANA", None, Some("spam")),
        &[
            "z hears: no, you are banned: spam",
            "z hears: goodbye, banned: spam",
            "z is closed: banned: spam",
            "x hears: no, you are banned: spam",
            "y hears: no, you are banned: spam",
            "x hears: goodbye, banned: spam",
            "x is closed: banned: spam",
            "y hears: goodbye, banned: spam",
            "y is closed: banned: spam",
        ],
    );
    for (who, first) in [("w", "w hears"), ("bo", "bo hears")] {
        let told = scene.ask(who, sign_in("ana"));
        assert_eq!(told[0], format!("{first}: no, you are banned: spam"));
        assert_eq!(told.last().unwrap(), &format!("{who} is closed: banned: spam"));
    }
    assert_eq!(scene.world.people(), 0);
    // Another one of that name is banned too; that there is one is known all the same.
    scene.operate(OperatorCommand::Release(name("ana")), &[]);
    let told = scene.ask("v", Command::SignUp(name("ana")));
    assert_eq!(told[0], "v hears: no, you are banned: spam");
    assert!(scene.world.accounts().has(&name("ana")));
    scene.check("u", enter("ana"), &["u hears: no, ana is registered, try ana_ ana2"]);
}

#[test]
fn a_ban_that_is_over_has_no_effect() {
    let mut scene = Scene::of(&["ana"]);
    for target in ["ana", "a*"] {
        scene.operate(ban(target, Some(NOW), None), &[]);
    }
    scene.check("x", enter("al"), &["x hears: welcome al"]);
    scene.operate(ban("10.0.0.0/8", None, None), &[]);
    assert!(scene.world.bans().of_name(&name("bo"), Time(NOW)).is_none());
}

#[test]
fn of_several_bans_the_longest_is_told_and_a_later_one_takes_the_place_of_the_same() {
    let mut scene = Scene::of(&[]);
    for (target, until) in [("ana", Some(3_000)), ("a*", Some(2_000)), ("*a", Some(2_500))] {
        scene.operate(ban(target, until, None), &[]);
    }
    let first = |scene: &mut Scene, who| scene.ask(who, enter("Ana"))[0].clone();
    assert_eq!(first(&mut scene, "x"), "x hears: no, you are banned until 3000");
    scene.operate(ban("a*", None, None), &[]);
    assert_eq!(first(&mut scene, "y"), "y hears: no, you are banned");
    scene.operate(ban("a*", Some(NOW), None), &[]);
    scene.operate(unban("Ana"), &[]);
    assert_eq!(first(&mut scene, "z"), "z hears: no, you are banned until 2500");
}

#[test]
fn who_is_renamed_gets_no_banned_name_and_goes_where_there_is_no_other() {
    let mut scene = Scene::housed(Default::default(), Guests::default(), &["ana", "bo"]);
    scene.operate(ban("ana_", None, None), &[]);
    scene.operate(reserve("ana"), &["ana hears: ana is not yours", "ana hears: ana is now ana2"]);
    for target in ["bo?*", "guest*"] {
        scene.operate(ban(target, None, None), &[]);
    }
    let why = "no other name is left that is not banned";
    let closed = format!("bo is closed: {why}");
    let goodbye = format!("bo hears: goodbye, {why}");
    scene.operate(reserve("bo"), &["bo hears: bo is not yours", &goodbye, &closed]);
    // Of several sessions, the one that signs out has to go too.
    for who in ["x", "y"] {
        scene.ask(who, sign_in("bo"));
        scene.ask(who, enter("bo"));
    }
    let told = scene.ask("y", Command::SignOut);
    assert_eq!(told.last().unwrap(), &format!("y is closed: {why}"));
    let told = scene.ask("x", Command::SignOut);
    assert_eq!(told.last().unwrap(), &format!("x is closed: {why}"));
}

#[test]
fn who_has_gone_asks_for_nothing_more() {
    let mut scene = Scene::of(&["ana"]).after(&[("ana", join("#a"))]);
    scene.operate(
        ban("a*", None, None),
        &[
            "ana hears: no, you are banned",
            "#a but ana: ana quit: banned",
            "ana departs #a",
            "ana hears: goodbye, banned",
            "ana is closed: banned",
        ],
    );
    scene.check("ana", say("#a", "still here"), &[]);
    scene.check("ana", Command::Gone(text("connection closed")), &[]);
}
