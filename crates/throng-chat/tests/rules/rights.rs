//! Who may do what: operators, voices, and the modes n and t of a room.

use throng_chat::ModeChange::{NoExternal, Operator, TopicLocked, Voice};
use throng_chat::{Command, ModeChange};

use crate::scene::{Scene, join, kick, modes, name, part, room, say, topic};

/// Ana and bo are in #tea, where ana is the operator; cyd is not.
fn tea() -> Scene {
    Scene::of(&["ana", "bo", "cyd"]).after(&[("ana", join("#tea")), ("bo", join("#tea"))])
}

fn names(typed: &str) -> Command {
    Command::Names(room(typed))
}

#[test]
fn the_first_one_in_a_room_is_its_operator_but_the_lobby_is_a_commons() {
    let mut scene = Scene::of(&["ana", "bo"]);
    scene.check("ana", join("#tea"), &["ana hears: inside #tea with @ana"]);
    scene.check("ana", join("#Lobby"), &["ana hears: inside #Lobby with ana"]);
    scene.check("bo", Command::AskModes(room("#lobby")), &["bo hears: #Lobby is +n"]);
    let outputs = ["#Lobby but bo: bo arrived in #Lobby", "bo hears: inside #Lobby with ana bo"];
    scene.check("bo", join("#lobby"), &outputs);
    scene.check("bo", topic("#lobby", "all welcome"), &["#Lobby: Topic #Lobby <bo> all welcome, said by bo"]);
    scene.check("bo", kick("#lobby", "ana"), &["bo hears: no, #Lobby has operators"]);
    scene.check("bo", modes("#lobby", &[TopicLocked(true)]), &["bo hears: no, #Lobby has operators"]);
}

#[test]
fn only_operators_put_out_and_set_modes() {
    let mut scene = tea();
    scene.check("bo", kick("#tea", "ana"), &["bo hears: no, #tea has operators"]);
    scene.check("bo", modes("#tea", &[NoExternal(false)]), &["bo hears: no, #tea has operators"]);
    scene.check("bo", modes("#tea", &[Operator(name("bo"), true)]), &["bo hears: no, #tea has operators"]);
    scene.check("cyd", kick("#tea", "ana"), &["cyd hears: no, you are not in #tea"]);
    scene.check("cyd", modes("#tea", &[NoExternal(false)]), &["cyd hears: no, you are not in #tea"]);
    scene.check("cyd", modes("#den", &[NoExternal(false)]), &["cyd hears: no, no room #den"]);
}

#[test]
fn with_mode_t_only_operators_change_the_topic() {
    let mut scene = tea();
    scene.check("bo", topic("#tea", "black"), &["bo hears: no, #tea has operators"]);
    scene.check("ana", modes("#tea", &[TopicLocked(false)]), &["#tea: modes of #tea by ana: -t"]);
    scene.check("bo", topic("#tea", "black"), &["#tea: Topic #tea <bo> black, said by bo"]);
    scene.check("cyd", topic("#tea", "black"), &["cyd hears: no, you are not in #tea"]);
}

#[test]
fn with_mode_n_only_members_speak() {
    let mut scene = tea();
    scene.check("cyd", say("#tea", "hello"), &["cyd hears: no, #tea is for members"]);
    scene.check("ana", modes("#tea", &[NoExternal(false)]), &["#tea: modes of #tea by ana: -n"]);
    scene.check("cyd", say("#tea", "hello"), &["#tea: Message #tea <cyd> hello, said by cyd"]);
}

#[test]
fn operators_give_and_take_rights_and_a_voice_is_a_mark() {
    let mut scene = tea();
    let given = [Voice(name("BO"), true), Operator(name("bo"), true)];
    scene.check("ana", modes("#tea", &given), &["#tea: modes of #tea by ana: +v bo, +o bo"]);
    scene.check("cyd", names("#tea"), &["cyd hears: names of #tea: @ana @+bo"]);
    let taken = [Operator(name("ana"), false)];
    scene.check("bo", modes("#tea", &taken), &["#tea: modes of #tea by bo: -o ana"]);
    scene.check("ana", kick("#tea", "bo"), &["ana hears: no, #tea has operators"]);
    let taken = [Operator(name("bo"), false)];
    scene.check("bo", modes("#tea", &taken), &["#tea: modes of #tea by bo: -o bo"]);
    scene.check("cyd", names("#tea"), &["cyd hears: names of #tea: ana +bo"]);
}

#[test]
fn changes_are_made_all_or_none_and_only_real_ones_are_told() {
    let mut scene = tea();
    let half = [TopicLocked(false), Voice(name("cyd"), true)];
    scene.check("ana", modes("#tea", &half), &["ana hears: no, cyd is not in #tea"]);
    let half = [TopicLocked(false), Voice(name("dee"), true)];
    scene.check("ana", modes("#tea", &half), &["ana hears: no, no person dee"]);
    scene.check("bo", Command::AskModes(room("#tea")), &["bo hears: #tea is +nt"]);
    let idle = [TopicLocked(true), NoExternal(true), Operator(name("ana"), true), Voice(name("bo"), false)];
    scene.check("ana", modes("#tea", &idle), &[]);
    let real = [TopicLocked(true), TopicLocked(false), Voice(name("bo"), true), Voice(name("bo"), true)];
    scene.check("ana", modes("#tea", &real), &["#tea: modes of #tea by ana: -t, +v bo"]);
}

#[test]
fn rights_stay_with_a_renamed_member_and_go_with_one_who_leaves() {
    let mut scene = tea().after(&[("ana", modes("#tea", &[Operator(name("bo"), true)]))]);
    let renamed = ["ana hears: ana is now dee", "#tea but ana: ana is now dee"];
    scene.check("ana", Command::Rename(name("dee")), &renamed);
    scene.check("cyd", names("#tea"), &["cyd hears: names of #tea: @dee @bo"]);
    let mut scene = scene.after(&[("ana", part("#tea")), ("ana", join("#tea"))]);
    scene.check("cyd", names("#tea"), &["cyd hears: names of #tea: dee @bo"]);
}

#[test]
fn a_room_without_an_operator_has_none_until_it_was_empty() {
    let mut scene = tea().after(&[("ana", part("#tea")), ("cyd", join("#tea"))]);
    scene.check("cyd", names("#tea"), &["cyd hears: names of #tea: bo cyd"]);
    scene.check("bo", modes("#tea", &[Voice(name("bo"), true)]), &["bo hears: no, #tea has operators"]);
}

#[test]
fn a_kept_room_that_was_empty_has_its_first_modes_again() {
    let changes: [ModeChange; 2] = [NoExternal(false), TopicLocked(false)];
    let mut scene = tea().after(&[
        ("ana", modes("#tea", &changes)),
        ("ana", say("#tea", "kept")),
        ("ana", part("#tea")),
        ("bo", Command::Quit(None)),
    ]);
    scene.check("cyd", join("#tea"), &["cyd hears: inside #tea with @cyd"]);
    scene.check("cyd", Command::AskModes(room("#tea")), &["cyd hears: #tea is +nt"]);
}
