//! Who may be called what.

use throng_chat::name::BadName;
use throng_chat::{Command, Name, Names, OperatorCommand, Time};

use crate::scene::{Scene, enter, join, name, text};

#[test]
fn letters_of_any_one_script_are_a_name_and_mixed_ones_are_told_why_not() {
    for good in ["ana", "Олена", "Ελένη", "李雷", "ana_2"] {
        assert!(Name::new(good, Names::Unicode).is_ok(), "{good}");
    }
    let mixed = Name::new("anа", Names::Unicode).unwrap_err();
    assert_eq!(mixed, BadName::Mixed("Latin and Cyrillic".to_owned()));
    assert_eq!(mixed.to_string(), "it mixes letters of Latin and Cyrillic");
}

#[test]
fn where_names_are_ascii_other_letters_are_refused() {
    assert!(Name::new("ana", Names::Ascii).is_ok());
    for bad in ["Олена", "Ελένη", "añа", "é"] {
        assert!(matches!(Name::new(bad, Names::Ascii), Err(BadName::Contains(_))), "{bad}");
    }
}

#[test]
fn a_name_is_one_session_s_however_it_is_spelled() {
    let mut scene = Scene::of(&["Ana"]);
    scene.check("x", enter("ana"), &["x hears: no, ana is taken, try ana_ ana2"]);
    scene.check("x", enter("ANA"), &["x hears: no, ANA is taken, try ANA_ ANA2"]);
    scene.check("x", enter("bo"), &["x hears: welcome bo"]);
}

#[test]
fn a_name_that_looks_like_another_is_taken_as_well() {
    let mut scene = Scene::of(&["cop"]);
    scene.check("x", enter("сор"), &["x hears: no, сор looks like cop, try сор_ сор2"]);
    scene.check("x", enter("c0p"), &["x hears: no, c0p looks like cop, try c0p_ c0p2"]);
}

#[test]
fn proposed_names_are_free() {
    let mut scene = Scene::of(&["bo", "bo_", "bo2", "bo4"]);
    scene.check("x", enter("bo"), &["x hears: no, bo is taken, try bo3 bo5"]);
}

#[test]
fn who_has_no_name_can_ask_for_nothing_but_one() {
    let mut scene = Scene::of(&["ana"]);
    for command in [join("#tea"), Command::People, Command::Rename(name("bo")), Command::Quit(None)] {
        scene.check("x", command, &[]);
    }
    assert_eq!(scene.world.people(), 1);
}

#[test]
fn who_has_a_name_enters_once() {
    let mut scene = Scene::of(&["ana"]);
    scene.check("ana", enter("bo"), &["ana hears: no, you are here already"]);
}

#[test]
fn a_new_name_is_told_to_the_person_and_once_to_each_who_shares_a_room() {
    let mut scene = Scene::of(&["ana", "bo"]).after(&[("ana", join("#a")), ("ana", join("#b"))]);
    let rename = Command::Rename(name("Cyd"));
    scene.check("ana", rename, &["ana hears: ana is now Cyd", "#a+#b but ana: ana is now Cyd"]);
    scene.check("bo", Command::WhoIs(name("cyd")), &["bo hears: Cyd is in #a #b"]);
    scene.check("bo", Command::WhoIs(name("ana")), &["bo hears: no, no person ana"]);
    scene.check("bo", Command::Names(crate::scene::room("#a")), &["bo hears: names of #a: @Cyd"]);
}

#[test]
fn a_new_name_can_differ_from_the_old_one_only_in_its_letters_case() {
    let mut scene = Scene::of(&["ana", "bo"]);
    scene.check("ana", Command::Rename(name("Ana")), &["ana hears: ana is now Ana"]);
    scene.check("ana", Command::Rename(name("Ana")), &[]);
    scene.check("ana", Command::Rename(name("BO")), &["ana hears: no, BO is taken, try BO_ BO2"]);
    scene.check("ana", Command::Rename(name("dee")), &["ana hears: Ana is now dee"]);
    scene.check("bo", Command::Rename(name("ana")), &["bo hears: bo is now ana"]);
}

#[test]
fn who_quits_is_told_of_once_and_the_name_is_free() {
    let mut scene =
        Scene::of(&["ana", "bo"]).after(&[("ana", join("#a")), ("bo", join("#a")), ("ana", join("#b"))]);
    scene.check(
        "ana",
        Command::Quit(Some(text("tea time"))),
        &["#a+#b but ana: ana quit: tea time", "ana departs #a", "ana departs #b", "ana is closed: tea time"],
    );
    scene.check("bo", Command::Names(crate::scene::room("#a")), &["bo hears: names of #a: bo"]);
    scene.check("bo", Command::Names(crate::scene::room("#b")), &["bo hears: no, no room #b"]);
    scene.check("x", enter("ana"), &["x hears: welcome ana"]);
}

#[test]
fn who_was_alone_goes_without_a_word() {
    let mut scene = Scene::of(&["ana", "bo"]);
    scene.check("ana", Command::Quit(None), &["ana is closed: quit"]);
    scene.check("bo", Command::Gone(text("connection lost")), &["bo is closed: connection lost"]);
    assert_eq!(scene.world.people(), 0);
}

#[test]
fn the_server_s_operator_can_end_anybody() {
    let mut scene = Scene::of(&["ana", "bo"]).after(&[("ana", join("#a")), ("bo", join("#a"))]);
    let outputs =
        scene.world.operate(Time(0), OperatorCommand::Kick(name("ANA"), Some(text("enough")))).unwrap();
    scene.world.check();
    let told = scene.words(&outputs);
    let expected = [
        "#a but ana: ana quit: kicked: enough",
        "ana departs #a",
        "ana hears: goodbye, kicked: enough",
        "ana is closed: kicked: enough",
    ];
    assert_eq!(told, expected);
    assert!(scene.world.operate(Time(0), OperatorCommand::Kick(name("ana"), None)).is_err());
    let outputs = scene.world.operate(Time(0), OperatorCommand::Announce(text("tea"))).unwrap();
    assert_eq!(scene.words(&outputs), ["everybody: announced: tea"]);
}
