//! Whose a name is, and what becomes of people when accounts come and go.

use throng_chat::output::Output;
use throng_chat::{
    Command, Event, Guests, Kind, Limits, Name, OperatorCommand, SeatKey, SessionId, Target, Time,
};

use crate::scene::{Scene, enter, join, name, say, text};

fn sign_in(account: &str) -> Command {
    Command::SignIn(name(account))
}

fn reserve(account: &str) -> OperatorCommand {
    OperatorCommand::Reserve(name(account))
}

fn rename(to: &str) -> Command {
    Command::Rename(name(to))
}

/// A scene where these accounts are, and these guests.
fn with(accounts: &[&str], guests: &[&'static str]) -> Scene {
    housed(Guests::default(), accounts, guests)
}

fn housed(guests: Guests, accounts: &[&str], people: &[&'static str]) -> Scene {
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
fn come(scene: &mut Scene, who: &'static str, account: &str) {
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
        scene.operate(OperatorCommand::Reserve(other), &[]);
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
