//! One scene, acted through each door and watched through each door: everybody is told the same.

#![allow(clippy::unwrap_used)]

mod guests;

use guests::{DOORS, Door, Place, Tell};

fn own(text: &str) -> String {
    text.to_owned()
}

#[test]
fn one_scene_gives_the_same_tells_through_every_door() {
    for actor_door in DOORS {
        let place = Place::open();
        let mut watchers: Vec<_> =
            DOORS.iter().zip(["wan", "wen", "win"]).map(|(door, name)| place.enter(*door, name)).collect();
        let mut actor = place.enter(actor_door, "ana");
        actor.say("hello");
        actor.act("waves");
        actor.set_topic("tea at five");
        actor.rename("anna");
        actor.say("it is me");
        actor.part();
        // Who comes through another connection may be faster than what was asked before through this one.
        let parted = Tell::Left(own("anna"));
        let mut heard: Vec<_> = watchers.iter_mut().map(|watcher| watcher.hear_until_told(&parted)).collect();
        let mut last = place.enter(Door::Line, "zoe");
        last.say("end");
        let expected = [
            Tell::Came(own("ana")),
            Tell::Said(own("ana"), own("hello")),
            Tell::Did(own("ana"), own("waves")),
            Tell::Topic(own("ana"), own("tea at five")),
            Tell::Renamed(own("ana"), own("anna")),
            Tell::Said(own("anna"), own("it is me")),
            Tell::Left(own("anna")),
            Tell::Came(own("zoe")),
            Tell::Said(own("zoe"), own("end")),
        ];
        for (watcher, heard) in watchers.iter_mut().zip(&mut heard) {
            heard.extend(watcher.hear_until("end"));
            // Those who came later were seen coming by those who came before.
            heard.retain(|tell| !matches!(tell, Tell::Came(who) if who.starts_with('w')));
            assert_eq!(*heard, expected, "{} watches somebody at {actor_door:?}", watcher.name);
        }
    }
}

#[test]
fn a_message_reaches_all_others_exactly_once_and_its_sender_as_its_door_does() {
    for door in DOORS {
        let place = Place::open();
        let mut others: Vec<_> =
            DOORS.iter().zip(["wan", "wen", "win"]).map(|(door, name)| place.enter(*door, name)).collect();
        let mut sender = place.enter(door, "ana");
        sender.say("once");
        let once = Tell::Said(own("ana"), own("once"));
        let mut heard: Vec<_> = others.iter_mut().map(|other| other.hear_until_told(&once)).collect();
        let mut last = place.enter(Door::Line, "zoe");
        last.say("end");
        for (other, heard) in others.iter_mut().zip(&mut heard) {
            heard.extend(other.hear_until("end"));
            assert_eq!(
                heard.iter().filter(|tell| **tell == once).count(),
                1,
                "{} hears {door:?}",
                other.name
            );
        }
        let heard = sender.hear_until("end");
        let times = usize::from(sender.hears_itself());
        assert_eq!(heard.iter().filter(|tell| **tell == once).count(), times, "a sender at {door:?}");
    }
}

#[test]
fn a_name_is_unique_over_all_doors() {
    let place = Place::open();
    let _ana = place.enter(Door::Web, "ana");
    let mut irc = place.enter(Door::Irc, "bo");
    irc.send("NICK ana");
    let answer = std::iter::from_fn(|| irc.read_line()).find(|line| line.contains(" 433 ")).unwrap();
    assert!(answer.contains("ana"), "{answer}");
    let mut line = place.enter(Door::Line, "cy");
    line.send("/nick Ana");
    let answer = std::iter::from_fn(|| line.read_line()).find(|line| line.starts_with('!')).unwrap();
    assert!(answer.contains("taken") && answer.contains("Try "), "{answer}");
}

#[test]
fn people_of_every_script_are_at_home_at_every_door() {
    let place = Place::open();
    let mut guests: Vec<_> =
        DOORS.iter().zip(["Олена", "Ελένη", "ana"]).map(|(door, name)| place.enter(*door, name)).collect();
    for index in 0..3 {
        guests[index].say(&format!("hello {index}"));
        let name = guests[index].name.clone();
        for (other, guest) in guests.iter_mut().enumerate() {
            if other != index || guest.hears_itself() {
                let heard = guest.hear_until(&format!("hello {index}"));
                assert_eq!(heard.last(), Some(&Tell::Said(name.clone(), format!("hello {index}"))));
            }
        }
    }
}
