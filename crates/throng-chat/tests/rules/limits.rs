//! What may be how many: each limit is filled here, and what is one more is refused.

use throng_chat::name::{NAME_BYTES_MAX, NAME_CHARS_MAX, ROOM_BYTES_MAX};
use throng_chat::text::TEXT_BYTES_MAX;
use throng_chat::{Command, Limits, Name, Names, RoomName, Text};

use crate::scene::{Scene, enter, join, part, say, text};

#[test]
fn people_fill_the_world_until_one_goes() {
    let mut scene = Scene::limited(Limits { people_max: 2, ..Limits::default() }, &["ana", "bo"]);
    scene.check("cyd", enter("cyd"), &["cyd hears: no, 2 are here"]);
    scene.check("bo", Command::Quit(None), &["bo is closed: quit"]);
    scene.check("cyd", enter("cyd"), &["cyd hears: welcome cyd"]);
}

#[test]
fn rooms_fill_the_world_and_kept_ones_count_while_they_are_empty() {
    let mut scene = Scene::limited(Limits { rooms_max: 2, ..Limits::default() }, &["ana", "bo"])
        .after(&[("ana", join("#a")), ("ana", join("#b"))]);
    scene.check("ana", join("#c"), &["ana hears: no, #c would be one more than all 2"]);
    let mut scene = scene.after(&[("bo", join("#a")), ("ana", part("#b"))]);
    scene.check("ana", join("#c"), &["ana hears: inside #c with @ana"]);
    let mut scene = scene.after(&[("ana", say("#c", "kept")), ("ana", part("#c"))]);
    scene.check("ana", join("#d"), &["ana hears: no, #d would be one more than all 2"]);
    scene.check("ana", join("#c"), &["ana hears: inside #c with @ana"]);
}

#[test]
fn one_person_is_in_so_many_rooms_and_no_more() {
    let mut scene = Scene::limited(Limits { rooms_per_person_max: 2, ..Limits::default() }, &["ana", "bo"])
        .after(&[("ana", join("#a")), ("ana", join("#b")), ("bo", join("#c"))]);
    scene.check("ana", join("#c"), &["ana hears: no, #c would be more than 2"]);
    scene.check("ana", join("#d"), &["ana hears: no, #d would be more than 2"]);
    scene.check("ana", join("#a"), &[]);
    scene.check("bo", join("#d"), &["bo hears: inside #d with @bo"]);
}

#[test]
fn lists_are_cut_and_tell_how_many_are_hidden() {
    let limits = Limits { list_people_max: 2, list_rooms_max: 1, ..Limits::default() };
    let mut scene = Scene::limited(limits, &["cyd", "ana", "bo"]).after(&[
        ("ana", join("#a")),
        ("ana", join("#b")),
        ("bo", join("#b")),
    ]);
    scene.check("ana", Command::People, &["ana hears: people: ana bo, 1 hidden"]);
    scene.check("ana", Command::Rooms, &["ana hears: rooms: #b 2, 1 hidden"]);
    assert_eq!(scene.world.present().len(), 2);
}

#[test]
fn names_and_words_have_a_length() {
    let name = |length, letter: &str| Name::new(&letter.repeat(length), Names::Unicode).is_ok();
    assert_eq!([NAME_CHARS_MAX, NAME_CHARS_MAX + 1].map(|length| name(length, "a")), [true, false]);
    let of_three_bytes = NAME_BYTES_MAX / "李".len();
    assert_eq!([of_three_bytes, of_three_bytes + 1].map(|length| name(length, "李")), [true, false]);
    // Three bytes that fold to two: what is shown counts, and not only what is compared.
    assert_eq!([of_three_bytes, of_three_bytes + 1].map(|length| name(length, "Ɫ")), [true, false]);
    let room = |length| RoomName::new(&format!("#{}", "r".repeat(length - 1)), Names::Unicode).is_ok();
    assert_eq!([ROOM_BYTES_MAX, ROOM_BYTES_MAX + 1].map(room), [true, false]);
    let words = |length| Text::new(&"w".repeat(length)).is_ok();
    assert_eq!([TEXT_BYTES_MAX, TEXT_BYTES_MAX + 1].map(words), [true, false]);
}

#[test]
fn the_longest_of_everything_fits_into_a_frame_of_irc() {
    let name = "я".repeat(NAME_BYTES_MAX / "я".len());
    let (room, words) = (format!("#{}", "r".repeat(ROOM_BYTES_MAX - 1)), "w".repeat(TEXT_BYTES_MAX));
    assert!(Name::new(&name, Names::Unicode).is_ok() && RoomName::new(&room, Names::Unicode).is_ok());
    let frame = format!(":{name}!~u@throng PRIVMSG {room} :\u{1}ACTION {words}\u{1}\r\n");
    assert!(frame.len() <= 512, "{}", frame.len());
}

#[test]
fn a_reason_given_with_the_longest_words_is_cut_and_never_refused() {
    use throng_chat::{OperatorCommand, Time};
    let mut scene = Scene::of(&["ana"]);
    let kick = OperatorCommand::Kick(crate::scene::name("ana"), Some(text(&"w".repeat(TEXT_BYTES_MAX))));
    let outputs = scene.world.operate(Time(0), kick).unwrap();
    let told = scene.words(&outputs);
    assert_eq!(told.last().unwrap().len(), "ana is closed: ".len() + TEXT_BYTES_MAX);
    assert_eq!(scene.world.people(), 0);
}
