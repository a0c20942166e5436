//! Several sessions of one account, and how they part.

use throng_chat::{Command, Guests, Kind, Limits, SeatKey, SessionId, Target, Time};

use crate::accounts::{come, housed, rename, reserve, sign_in, with};
use crate::scene::{Scene, enter, join, name, text};

#[test]
fn sessions_of_one_account_share_a_name_and_nobody_else_hears_of_it() {
    let mut scene = with(&["ana"], &["bo"]).after(&[("bo", join("#a"))]);
    come(&mut scene, "x", "ana");
    scene.ask("x", join("#a"));
    scene.check("y", sign_in("ana"), &["y hears: signed in as ana"]);
    scene.check("y", enter("ANA"), &["y hears: welcome ana", "y hears: inside #a with @bo ana"]);
    assert_eq!(scene.world.people(), 2);
    // What either does is the person's.
    scene.check("y", join("#b"), &["x hears: inside #b with @ana", "y hears: inside #b with @ana"]);
    scene.check(
        "x",
        rename("Ana"),
        &["x hears: ana is now Ana", "y hears: ana is now Ana", "#a+#b but y: ana is now Ana"],
    );
    let whisper = Command::Say(Target::Person(name("bo")), Kind::Message, text("psst"));
    let heard = "Message from Ana to bo: psst";
    let expected = ["bo", "x", "y"].map(|who| format!("{who} hears: {heard}"));
    scene.check("y", whisper, &expected.each_ref().map(String::as_str));
    // One goes, the person stays.
    scene.check("x", Command::Quit(None), &["x departs #a", "x departs #b", "x is closed: quit"]);
    scene.check(
        "y",
        Command::Quit(None),
        &["#a+#b but y: Ana quit: quit", "y departs #a", "y departs #b", "y is closed: quit"],
    );
}

#[test]
fn a_person_has_only_so_many_sessions() {
    let limits = Limits { sessions_per_person_max: 2, ..Limits::default() };
    let mut scene = Scene::limited(limits, &[]);
    scene.operate(reserve("ana"), &[]);
    for who in ["x", "y", "z"] {
        scene.ask(who, sign_in("ana"));
    }
    scene.check("x", enter("ana"), &["x hears: welcome ana"]);
    scene.check("y", enter("ana"), &["y hears: welcome ana"]);
    scene.check("z", enter("ana"), &["z hears: no, ana is here 2 times"]);
}

#[test]
fn two_names_of_one_account_stay_two_people_until_one_regains_the_other() {
    let mut scene = with(&["ana"], &["bo"]);
    come(&mut scene, "x", "ana");
    scene.ask("bo", sign_in("ana"));
    scene.ask("x", join("#a"));
    scene.ask("bo", join("#a"));
    scene.check("bo", rename("ana"), &["bo hears: no, ana is taken, try ana_ ana2"]);
    scene.check(
        "bo",
        Command::Regain(name("ana")),
        &[
            "#a but x: ana quit: ended by another connection of yours",
            "x departs #a",
            "x hears: goodbye, ended by another connection of yours",
            "x is closed: ended by another connection of yours",
            "bo hears: bo is now ana",
            "#a but bo: bo is now ana",
        ],
    );
}

#[test]
fn who_regains_the_name_that_they_have_is_the_only_session_behind_it() {
    let mut scene = with(&["ana"], &["bo"]);
    come(&mut scene, "x", "ana");
    scene.ask("x", join("#a"));
    come(&mut scene, "y", "ana");
    let ended = [
        "x departs #a",
        "x hears: goodbye, ended by another connection of yours",
        "x is closed: ended by another connection of yours",
    ];
    scene.check("y", Command::Ghost(name("ana")), &ended);
    scene.check("y", Command::Ghost(name("ana")), &[]);
    scene.check("y", Command::Regain(name("ana")), &[]);
    scene.check("y", Command::Regain(name("ANA")), &["y hears: ana is now ANA", "#a but y: ana is now ANA"]);
}

#[test]
fn a_ghost_is_put_out_and_a_stranger_renamed_and_only_by_the_owner() {
    let mut scene = housed(Guests::Yes, &["ana", "bo"], &["ana", "cyd", "dee"]);
    scene.check("dee", Command::Ghost(name("ana")), &["dee hears: no, you are a guest"]);
    scene.ask("cyd", sign_in("bo"));
    scene.check("cyd", Command::Ghost(name("ana")), &["cyd hears: no, ana is another's"]);
    scene.check("cyd", Command::Regain(name("dee")), &["cyd hears: no, dee is another's"]);
    scene.check("cyd", Command::Ghost(name("eve")), &["cyd hears: no, no person eve"]);
    scene.ask("dee", sign_in("ana"));
    scene.check(
        "dee",
        Command::Ghost(name("ana")),
        &["ana hears: ana is not yours", "ana hears: ana is now ana_"],
    );
    scene.check("dee", Command::Regain(name("ana")), &["dee hears: dee is now ana"]);
    // A name that is not registered is the account's while another connection of it has the name.
    come(&mut scene, "x", "bo");
    scene.ask("x", rename("bob"));
    scene.check("cyd", Command::Regain(name("b0b")), &["cyd hears: no, b0b is another's"]);
    let ended = "ended by another connection of yours";
    let told = [format!("x hears: goodbye, {ended}"), format!("x is closed: {ended}")];
    scene.check("cyd", Command::Ghost(name("bob")), &told.each_ref().map(String::as_str));
}

#[test]
fn who_signs_out_never_keeps_the_name_of_an_account() {
    let mut scene = with(&["ana", "bo"], &["cyd"]).after(&[("cyd", join("#a"))]);
    come(&mut scene, "x", "ana");
    scene.ask("x", join("#a"));
    let told = [
        "x hears: signed out",
        "x hears: ana is not yours",
        "x hears: ana is now ana_",
        "#a but x: ana is now ana_",
        "x hears: ana_ is a guest",
        "#a but x: ana_ is a guest",
    ];
    scene.check("x", Command::SignOut, &told);
    // Where guests may have any free name it stays theirs until the owner comes.
    let mut scene = housed(Guests::Yes, &["ana"], &[]);
    come(&mut scene, "x", "ana");
    scene.check("x", Command::SignOut, &["x hears: signed out", "x hears: ana is a guest"]);
    // Where there are no guests it is the end.
    let mut scene = housed(Guests::No, &["ana"], &[]);
    come(&mut scene, "x", "ana");
    let told = ["x hears: signed out", "x hears: goodbye, signed out", "x is closed: signed out"];
    scene.check("x", Command::SignOut, &told);
    scene.check("y", sign_in("ana"), &["y hears: signed in as ana"]);
    scene.check("y", Command::SignOut, &["y hears: signed out"]);
    scene.check("y", enter("ana"), &["y hears: no, an account is needed"]);
}

#[test]
fn of_several_sessions_the_one_that_signs_out_goes_its_own_way() {
    let mut scene = with(&["ana"], &["bo"]).after(&[("bo", join("#a"))]);
    come(&mut scene, "x", "ana");
    scene.ask("x", join("#a"));
    come(&mut scene, "y", "ana");
    let told = [
        "x hears: signed out",
        "x hears: ana left #a: signed out",
        "x departs #a",
        "x hears: ana is not yours",
        "x hears: ana is now ana_",
        "x hears: ana_ is a guest",
    ];
    scene.check("x", Command::SignOut, &told);
    scene.check("bo", Command::Names(crate::scene::room("#a")), &["bo hears: names of #a: @bo ana"]);
    assert_eq!(scene.world.account_of(scene.session("x")), None);
    assert_eq!(scene.world.account_of(scene.session("y")), Some(name("ana")));
    scene.check(
        "y",
        Command::SignOut,
        &[
            "y hears: signed out",
            "y hears: ana is not yours",
            "y hears: ana is now ana2",
            "#a but y: ana is now ana2",
            "y hears: ana2 is a guest",
            "#a but y: ana2 is a guest",
        ],
    );
}

#[test]
fn a_session_that_finds_no_place_of_its_own_ends_when_it_signs_out() {
    let limits = Limits { people_max: 1, ..Limits::default() };
    for guests in [Guests::default(), Guests::No] {
        let mut scene = Scene::housed(limits.clone(), guests, &[]);
        scene.operate(reserve("ana"), &[]);
        come(&mut scene, "x", "ana");
        come(&mut scene, "y", "ana");
        let told = ["y hears: signed out", "y hears: goodbye, signed out", "y is closed: signed out"];
        scene.check("y", Command::SignOut, &told);
        assert_eq!(scene.world.people(), 1);
    }
}

#[test]
fn a_session_that_goes_before_it_has_a_name_leaves_no_account_behind() {
    let mut scene = with(&["ana"], &[]);
    let before = scene.world.clone();
    for farewell in [Command::Quit(None), Command::Gone(text("lost"))] {
        let world = &mut scene.world;
        world.apply(Time(0), SessionId(9), sign_in("ana"));
        assert_eq!(world.account_of(SessionId(9)), Some(name("ana")));
        assert!(world.apply(Time(0), SessionId(9), farewell).is_empty());
        assert!(*world == before);
    }
}

#[test]
fn a_seat_is_taken_over_by_its_key_and_only_within_the_account() {
    let key = |digit: &str| SeatKey::from_hex(&digit.repeat(32)).unwrap();
    let mut scene = with(&["ana"], &[]);
    scene.ask("x", sign_in("ana"));
    scene.ask("x", Command::EnterAs(name("ana"), key("a")));
    scene.ask("x", join("#a"));
    scene.ask("y", sign_in("ana"));
    scene.ask("y", Command::EnterAs(name("ana"), key("b")));
    // The key alone is no account.
    let refused = ["z hears: no, ana is registered, try ana_ ana2"];
    scene.check("z", Command::EnterAs(name("ana"), key("a")), &refused);
    scene.ask("z", sign_in("ana"));
    // Only the session with this key goes.
    let reason = "taken over by a newer connection";
    let told = [
        "x departs #a",
        &format!("x hears: goodbye, {reason}"),
        &format!("x is closed: {reason}"),
        "z hears: welcome ana",
        "z hears: inside #a with @ana",
    ];
    scene.check("z", Command::EnterAs(name("ana"), key("a")), &told);
    assert_eq!(scene.world.present()[0].1.len(), 2);
}

#[test]
fn a_guest_who_comes_back_with_the_key_and_an_account_has_both() {
    let key = SeatKey::from_hex(&"a".repeat(32)).unwrap();
    let mut scene = with(&["ana"], &["cyd"]).after(&[("cyd", join("#a"))]);
    scene.ask("x", Command::EnterAs(name("bo"), key));
    scene.ask("x", join("#a"));
    scene.ask("y", sign_in("ana"));
    let reason = "taken over by a newer connection";
    let told = [
        "x departs #a",
        &format!("x hears: goodbye, {reason}"),
        &format!("x is closed: {reason}"),
        "y hears: welcome bo",
        "y hears: inside #a with @cyd bo",
        "y hears: bo is of ana",
        "#a but y: bo is of ana",
    ];
    scene.check("y", Command::EnterAs(name("bo"), key), &told);
}
