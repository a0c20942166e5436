//! Who is where, and what is said there.

use throng_chat::{Command, Kind, OperatorCommand, Target};

use crate::scene::{Scene, join, kick, name, part, room, say, text, topic};

/// Ana and bo are in #tea, where ana is the operator; cyd is not.
fn tea() -> Scene {
    Scene::of(&["ana", "bo", "cyd"]).after(&[("ana", join("#tea")), ("bo", join("#tea"))])
}

fn whisper(whom: &str, words: &str) -> Command {
    Command::Say(Target::Person(name(whom)), Kind::Notice, text(words))
}

#[test]
fn those_inside_hear_who_comes_and_the_newcomer_sees_who_is_there() {
    let mut scene = tea();
    let expected = ["#tea but cyd: cyd arrived in #tea", "cyd hears: inside #tea with @ana bo cyd"];
    scene.check("cyd", join("#TEA"), &expected);
    scene.check("cyd", join("#tea"), &[]);
}

#[test]
fn a_newcomer_is_shown_the_topic() {
    let mut scene = tea().after(&[("ana", topic("#tea", "green"))]);
    let inside = "cyd hears: inside #tea with @ana bo cyd about green by ana";
    scene.check("cyd", join("#tea"), &["#tea but cyd: cyd arrived in #tea", inside]);
}

#[test]
fn who_leaves_hears_it_first_departs_and_then_those_who_stay_hear_it() {
    let mut scene = tea();
    let expected = ["bo hears: bo left #tea: bye", "bo departs #tea", "#tea but bo: bo left #tea: bye"];
    scene.check("bo", Command::Part(room("#tea"), Some(text("bye"))), &expected);
    scene.check("bo", part("#tea"), &["bo hears: no, you are not in #tea"]);
    scene.check("bo", part("#den"), &["bo hears: no, no room #den"]);
    scene.check("ana", part("#tea"), &["ana hears: ana left #tea", "ana departs #tea"]);
}

#[test]
fn a_room_of_which_nothing_is_stored_goes_with_the_last_one() {
    let mut scene = tea().after(&[("bo", part("#tea")), ("ana", part("#tea"))]);
    scene.check("ana", Command::Rooms, &["ana hears: rooms: , 0 hidden"]);
    scene.check("cyd", join("#Tea"), &["cyd hears: inside #Tea with @cyd"]);
}

#[test]
fn a_room_of_which_something_is_stored_keeps_its_topic_and_no_operator() {
    let mut scene =
        tea().after(&[("ana", topic("#tea", "green")), ("ana", part("#tea")), ("bo", part("#tea"))]);
    scene.check("cyd", Command::AskTopic(room("#tea")), &["cyd hears: no, no room #tea"]);
    scene.check("cyd", say("#tea", "hello?"), &["cyd hears: no, no room #tea"]);
    scene.check("cyd", join("#Tea"), &["cyd hears: inside #tea with @cyd about green by ana"]);
}

#[test]
fn words_go_to_everybody_in_the_room_and_are_stored() {
    let mut scene = tea();
    scene.check("bo", say("#Tea", "hello"), &["#tea: Message #tea <bo> hello, said by bo"]);
    let wave = Command::Say(Target::Room(room("#tea")), Kind::Action, text("waves"));
    scene.check("bo", wave, &["#tea: Action #tea <bo> waves, said by bo"]);
    scene.check("bo", say("#den", "hello"), &["bo hears: no, no room #den"]);
}

#[test]
fn words_to_one_person_are_heard_at_both_ends_and_nowhere_else() {
    let mut scene = tea();
    let words = ["bo hears: Notice from ana to bo: psst", "ana hears: Notice from ana to bo: psst"];
    scene.check("ana", whisper("BO", "psst"), &words);
    scene.check("ana", whisper("ana", "note"), &["ana hears: Notice from ana to ana: note"]);
    scene.check("ana", whisper("dee", "psst"), &["ana hears: no, no person dee"]);
}

#[test]
fn a_topic_is_stored_and_can_be_asked_for_and_cleared() {
    let mut scene = tea();
    scene.check("bo", Command::AskTopic(room("#tea")), &["bo hears: #tea"]);
    scene.check("ana", topic("#tea", "green"), &["#tea: Topic #tea <ana> green, said by ana"]);
    scene.check("cyd", Command::AskTopic(room("#tea")), &["cyd hears: #tea about green by ana"]);
    scene.check("ana", topic("#tea", ""), &["#tea: Topic #tea <ana> , said by ana"]);
    scene.check("bo", Command::AskTopic(room("#tea")), &["bo hears: #tea"]);
    scene.check("cyd", topic("#tea", "black"), &["cyd hears: no, you are not in #tea"]);
}

#[test]
fn who_is_put_out_hears_it_first_and_can_come_back() {
    let mut scene = tea();
    let expected = [
        "bo hears: bo kicked from #tea by ana",
        "bo departs #tea",
        "#tea but bo: bo kicked from #tea by ana",
    ];
    scene.check("ana", kick("#tea", "bo"), &expected);
    scene.check("bo", say("#tea", "hey"), &["bo hears: no, #tea is for members"]);
    scene.check("ana", kick("#tea", "bo"), &["ana hears: no, bo is not in #tea"]);
    scene.check("ana", kick("#tea", "dee"), &["ana hears: no, no person dee"]);
    let back = ["#tea but bo: bo arrived in #tea", "bo hears: inside #tea with @ana bo"];
    scene.check("bo", join("#tea"), &back);
}

#[test]
fn anybody_may_look_at_who_is_where() {
    let mut scene = tea().after(&[("cyd", join("#lobby"))]);
    scene.check("cyd", Command::Names(room("#tea")), &["cyd hears: names of #tea: @ana bo"]);
    scene.check("cyd", Command::WhoRoom(room("#tea")), &["cyd hears: who in #tea: @ana bo"]);
    scene.check("cyd", Command::AskModes(room("#tea")), &["cyd hears: #tea is +nt"]);
    scene.check("cyd", Command::Rooms, &["cyd hears: rooms: #tea 2 #lobby 1, 0 hidden"]);
    scene.check("cyd", Command::People, &["cyd hears: people: ana bo cyd, 0 hidden"]);
    scene.check("cyd", Command::WhoIs(name("bo")), &["cyd hears: bo is in #tea"]);
    scene.check("cyd", Command::WhoIs(name("dee")), &["cyd hears: no, no person dee"]);
}

#[test]
fn a_room_that_the_store_knows_is_there_with_its_topic_when_somebody_comes() {
    use throng_chat::Time;
    let mut scene = Scene::of(&["ana"]);
    let kept = throng_chat::event::Topic { text: text("green"), by: name("bo"), at: Time(0) };
    scene.world.keep_room(room("#tea"), Some(kept));
    scene.world.keep_room(room("#Tea"), None);
    scene.check("ana", Command::Rooms, &["ana hears: rooms: , 0 hidden"]);
    scene.check("ana", join("#tea"), &["ana hears: inside #tea with @ana about green by bo"]);
    scene.check("ana", part("#tea"), &["ana hears: ana left #tea", "ana departs #tea"]);
    scene.check("ana", join("#tea"), &["ana hears: inside #tea with @ana about green by bo"]);
}

#[test]
fn what_is_forgotten_of_a_name_are_the_topics_that_it_set() {
    let mut scene = tea().after(&[
        ("ana", topic("#tea", "green")),
        ("bo", join("#lobby")),
        ("bo", topic("#lobby", "hi")),
    ]);
    let before = scene.world.mark();
    scene.operate(OperatorCommand::Forget(name("ANA")), &[]);
    scene.check("bo", Command::AskTopic(room("#tea")), &["bo hears: #tea"]);
    scene.check("bo", Command::AskTopic(room("#lobby")), &["bo hears: #lobby about hi by bo"]);
    scene.world.rollback(before);
    scene.check("bo", Command::AskTopic(room("#tea")), &["bo hears: #tea about green by ana"]);
    assert!(
        OperatorCommand::Forget(name("ana")).is_fact(),
        "what is deleted stays so whatever the store does next"
    );
}
