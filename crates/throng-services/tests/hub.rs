//! The hub against a store that is slow, fails, hangs or is full at each step.

#![allow(clippy::unwrap_used)]

mod scripted;

use scripted::{Scene, name, room, say, text};
use throng_chat::{Command, Event, OperatorCommand, Refusal, RoomName};
use throng_services::chat::delivery::Delivery;
use throng_services::chat::held::HELD_BYTES_MAX;
use throng_services::chat::mailbox::MAILBOX_MAX;
use throng_services::chat::routes::seat_number;
use throng_store::{Fault, Health};

fn broken() -> Fault {
    Fault::Io("the disk is on fire".to_owned())
}

#[tokio::test]
async fn nobody_is_told_before_it_is_stored() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.ask(ana, say("hello")).await;
    assert_eq!(scene.told(), Vec::<String>::new());
    scene.store.succeed();
    scene.settle().await;
    assert_eq!(scene.told(), ["hello"]);
}

#[tokio::test]
async fn what_comes_behind_a_message_waits_behind_it() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.ask(ana, say("hello")).await;
    let bo = scene.enter(2, "bo").await;
    assert!(scene.told_to(bo).is_empty(), "bo's welcome is behind ana's message");
    scene.store.succeed();
    scene.settle().await;
    let Some(Event::Joined(joined)) = scene.told_to(bo).last().copied() else { panic!("bo is in") };
    assert_eq!(joined.seq, 1, "history is what was stored before bo came");
}

#[tokio::test]
async fn all_that_waits_goes_into_the_next_commit() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    for number in 0..10 {
        scene.ask(ana, say(&format!("{number}"))).await;
    }
    assert_eq!(scene.store.waiting_records(), 1, "one commit is under way");
    scene.store.succeed();
    scene.settle().await;
    assert_eq!(scene.store.waiting(), 1);
    assert_eq!(scene.store.waiting_records(), 9);
}

#[tokio::test]
async fn a_failed_commit_becomes_refusals_and_leaves_no_trace() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.ask(ana, Command::SetTopic(RoomName::lobby(), Some(text("tea")))).await;
    let bo = scene.enter(2, "bo").await;
    scene.ask(ana, Command::Join(room("#other"))).await;
    scene.ask(ana, say("lost")).await;
    scene.store.fail(broken());
    scene.settle().await;

    assert_eq!(scene.told(), Vec::<String>::new());
    let refused = |event: &&Event| matches!(event, Event::Refused(Refusal::NotStored { .. }));
    assert_eq!(scene.told_to(ana).into_iter().filter(refused).count(), 3);
    assert_eq!(scene.told_to(bo).into_iter().filter(refused).count(), 2, "bo's entering was refused whole");
    assert_eq!(scene.told_to(bo).len(), 2);

    // The world is as if none of it had been asked: bo's name is free, the topic is none, and ana is not there.
    let before = scene.log.len();
    let cy = scene.enter(3, "bo").await;
    scene.ask(cy, Command::AskTopic(RoomName::lobby())).await;
    assert!(matches!(scene.told_to(cy).last(), Some(Event::TopicIs { topic: None, .. })));
    let Some(Event::Joined(joined)) = scene.told_to(cy).get(1).copied() else { panic!("in") };
    assert_eq!(joined.members.len(), 2);
    scene.ask(cy, Command::Names(room("#other"))).await;
    assert!(matches!(scene.told_to(cy).last(), Some(Event::Refused(Refusal::NoSuchRoom(_)))));
    assert!(scene.log.len() > before);
}

#[tokio::test]
async fn who_left_has_left_even_when_the_commit_fails() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    let bo = scene.enter(2, "bo").await;
    scene.ask(ana, say("lost")).await;
    scene.ask(ana, Command::Gone(text("connection lost"))).await;
    scene.store.fail(broken());
    scene.settle().await;
    let closed = |delivery: &Delivery| matches!(delivery, Delivery::Close(session, _) if *session == ana);
    assert_eq!(scene.log.iter().filter(|delivery| closed(delivery)).count(), 1);
    scene.ask(bo, Command::Names(RoomName::lobby())).await;
    let Some(Event::NamesAre { members, .. }) = scene.told_to(bo).last().copied() else { panic!("names") };
    assert_eq!(members.len(), 1);
}

#[tokio::test]
async fn a_ban_holds_when_the_commit_before_it_fails() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    let bo = scene.enter(2, "bo").await;
    scene.ask(ana, say("lost")).await;
    let ban = throng_chat::Ban {
        target: "bo*".parse().unwrap(),
        since: throng_chat::Time(0),
        until: None,
        reason: None,
        by: text("console"),
    };
    scene.operate(OperatorCommand::Ban(Box::new(ban))).await;
    scene.store.fail(broken());
    scene.settle().await;
    let closed = |delivery: &Delivery| matches!(delivery, Delivery::Close(session, _) if *session == bo);
    assert_eq!(scene.log.iter().filter(|delivery| closed(delivery)).count(), 1);
    let again = seat_number(0, 3);
    scene.ask(again, Command::Enter(name("bobby"))).await;
    assert!(matches!(scene.told_to(again)[0], Event::Refused(Refusal::Banned { .. })));
    scene.ask(ana, Command::Names(RoomName::lobby())).await;
    let Some(Event::NamesAre { members, .. }) = scene.told_to(ana).last().copied() else { panic!("names") };
    assert_eq!(members.len(), 1);
}

#[tokio::test]
async fn while_nothing_can_be_stored_reading_joining_and_leaving_go_on() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.store.tell_health(Health::ReadOnly { why: "the disk is full".into() });
    scene.ask(ana, say("no")).await;
    assert_eq!(scene.store.waiting(), 0);
    assert!(matches!(scene.told_to(ana).last(), Some(Event::Refused(Refusal::ReadOnly { .. }))));
    let bo = scene.enter(2, "bo").await;
    assert!(matches!(scene.told_to(bo).last(), Some(Event::Joined(_))));
    scene.ask(bo, Command::Part(RoomName::lobby(), None)).await;
    assert!(matches!(scene.told_to(bo).last(), Some(Event::Left { .. })));

    scene.store.tell_health(Health::Writable);
    scene.ask(ana, say("yes")).await;
    scene.succeed_all().await;
    assert_eq!(scene.told(), ["yes"]);
}

#[tokio::test]
async fn a_store_that_hangs_fills_bounded_queues_and_then_nobody_is_heard() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    let long = "x".repeat(400);
    let mut asked = 0_usize;
    // Each ask that is taken waits in the mailbox or in the queue; both have an end.
    let taken_max = MAILBOX_MAX + HELD_BYTES_MAX / 400 + 600;
    while asked <= taken_max {
        let hub = scene.hub.clone();
        let ask = hub.ask(ana, say(&long));
        tokio::pin!(ask);
        let mut went = false;
        for _ in 0..5 {
            tokio::select! {
                biased;
                () = &mut ask => { went = true; break; }
                () = tokio::task::yield_now() => {}
            }
        }
        if !went {
            break;
        }
        asked += 1;
    }
    assert!(asked < taken_max, "the hub never stopped taking commands");
    assert!(asked > MAILBOX_MAX, "the hub stopped too early: {asked}");
    // And when the store is back, everything taken is stored once, in order.
    scene.succeed_all().await;
    assert_eq!(scene.told().len(), asked);
    assert_eq!(scene.store.stored().len(), asked);
}

#[tokio::test]
async fn a_drain_waits_for_the_store_and_says_farewell_once() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.ask(ana, say("last words")).await;
    let hub = scene.hub.clone();
    let told = tokio::task::spawn_blocking(move || hub.drain(text("bye")).unwrap()).await.unwrap();
    scene.settle().await;
    scene.hub.ask(ana, say("too late")).await;
    scene.settle().await;
    assert!(scene.runs());
    assert!(!scene.log.iter().any(|delivery| matches!(delivery, Delivery::Farewell(_))));
    scene.store.succeed();
    scene.settle().await;
    assert_eq!(told.recv(), Ok(1));
    assert_eq!(scene.told(), ["last words"]);
    let farewells = scene.log.iter().filter(|delivery| matches!(delivery, Delivery::Farewell(_))).count();
    assert_eq!(farewells, 1);
    assert!(matches!(scene.log.last(), Some(Delivery::Farewell(_))));
    assert!(!scene.runs());
}

/// Random asks of several people against a store that succeeds and fails at random. At the end, what was told is
/// what is stored, in that order, and every ask to say something was answered: stored, or refused.
#[tokio::test]
async fn whatever_the_store_does_told_is_stored_and_every_ask_is_answered() {
    for seed in 1..=300 {
        run_script(seed).await;
    }
}

async fn run_script(seed: u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut scene = Scene::new();
    let mut people = Vec::new();
    for (place, shown) in ["ana", "bo", "cy"].into_iter().enumerate() {
        people.push(scene.enter(place as u64 + 1, shown).await);
    }
    let mut asked = 0;
    for step in 0..120 {
        let who = people[random.below(people.len())];
        match random.below(10) {
            0..=4 => {
                asked += 1;
                scene.ask(who, say(&format!("{step}"))).await;
            }
            5 => scene.ask(who, Command::Join(room("#b"))).await,
            6 => scene.ask(who, Command::Rename(name(["ana", "bo", "cy", "dee"][random.below(4)]))).await,
            7 if scene.store.waiting() > 0 => {
                scene.store.fail(broken());
                scene.settle().await;
            }
            _ if scene.store.waiting() > 0 => {
                scene.store.succeed();
                scene.settle().await;
            }
            _ => scene.ask(who, Command::Part(room("#b"), None)).await,
        }
    }
    scene.succeed_all().await;
    let stored: Vec<String> =
        scene.store.stored().iter().filter_map(|e| e.record.text.clone()).map(|t| t.to_string()).collect();
    assert_eq!(scene.told(), stored, "seed {seed}");
    let refusals = |event: &&Event| matches!(event, Event::Refused(Refusal::NotStored { .. }));
    let refused: usize =
        people.iter().map(|who| scene.told_to(*who).into_iter().filter(refusals).count()).sum();
    // Asks that were not messages can be refused with the batch as well, so this is an upper bound.
    assert!(
        stored.len() + refused >= asked,
        "seed {seed}: {asked} asked, {} stored, {refused} refused",
        stored.len()
    );
    assert!(stored.len() <= asked, "seed {seed}");
}

/// A small generator (xorshift64*, Vigna 2016); the seed is the test's.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit
    }
}

#[test]
fn a_session_number_tells_its_worker_and_its_place() {
    let session = seat_number(3, 77);
    assert_eq!(throng_services::chat::routes::worker_of(session), 3);
    assert_eq!(throng_services::chat::routes::place_of(session), 77);
}

#[tokio::test]
async fn an_account_that_there_was_before_has_its_name() {
    let mut scene = Scene::new();
    let (stranger, olga) = (seat_number(0, 1), seat_number(0, 2));
    scene.ask(stranger, Command::Enter(name("Olga"))).await;
    assert!(matches!(scene.told_to(stranger)[..], [Event::Refused(Refusal::NameRegistered { .. })]));
    scene.ask(olga, Command::SignIn(name("olga"))).await;
    scene.ask(olga, Command::Enter(name("olga"))).await;
    assert_eq!(scene.told_to(olga).last(), Some(&&Event::Welcomed { you: name("olga") }));
}

fn about_account(session: throng_chat::SessionId, scene: &Scene) -> Vec<&Event> {
    let about = |event: &&Event| matches!(event, Event::SignedIn { .. } | Event::SignedOut);
    scene.told_to(session).into_iter().filter(about).collect()
}

#[tokio::test]
async fn what_became_of_accounts_holds_even_when_the_commit_fails() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.operate(OperatorCommand::Reserve(name("cyd"), None)).await;
    let late = seat_number(0, 3);
    scene.ask(ana, say("lost")).await;
    scene.operate(OperatorCommand::Reserve(name("bo"), None)).await;
    scene.operate(OperatorCommand::Release(name("cyd"))).await;
    scene.ask(ana, Command::SignUp(name("ana"))).await;
    let (bo, cy) = (seat_number(0, 2), seat_number(0, 4));
    scene.ask(bo, Command::SignIn(name("bo"))).await;
    scene.ask(bo, Command::Enter(name("bo"))).await;
    scene.store.fail(broken());
    scene.settle().await;

    // Each was signed in, once; bo's entering was an ask like any other, and was refused.
    assert!(matches!(about_account(ana, &scene)[..], [Event::SignedIn { .. }]), "{:?}", scene.told_to(ana));
    assert!(matches!(about_account(bo, &scene)[..], [Event::SignedIn { .. }]), "{:?}", scene.told_to(bo));
    let refused = |event: &Event| matches!(event, Event::Refused(Refusal::NotStored { .. }));
    assert!(refused(scene.told_to(bo).last().unwrap()), "{:?}", scene.told_to(bo));

    // The names are their owners', and a released one is anybody's.
    scene.ask(late, Command::Enter(name("bo"))).await;
    let registered = Event::Refused(Refusal::NameRegistered {
        name: name("bo"),
        alternatives: vec![name("bo_"), name("bo2")],
    });
    assert_eq!(scene.told_to(late), [&registered]);
    scene.ask(bo, Command::Enter(name("bo"))).await;
    assert_eq!(scene.told_to(bo).last(), Some(&&Event::Welcomed { you: name("bo") }));
    scene.ask(cy, Command::Enter(name("cyd"))).await;
    assert_eq!(scene.told_to(cy), [&Event::Welcomed { you: name("cyd") }]);
}

#[tokio::test]
async fn who_was_signed_out_stays_so_when_the_commit_fails() {
    let mut scene = Scene::new();
    let (ana, bo) = (seat_number(0, 1), scene.enter(2, "bo").await);
    scene.operate(OperatorCommand::Reserve(name("ana"), None)).await;
    scene.ask(ana, Command::SignIn(name("ana"))).await;
    scene.ask(ana, Command::Enter(name("ana"))).await;
    scene.ask(bo, say("lost")).await;
    scene.operate(OperatorCommand::SignOutAll(name("ana"))).await;
    scene.store.fail(broken());
    scene.settle().await;
    let told = about_account(ana, &scene);
    assert!(matches!(told[..], [Event::SignedIn { .. }, Event::SignedOut]), "{told:?}");
    // The name is still the account's.
    scene.ask(ana, Command::Rename(name("ana"))).await;
    assert!(matches!(scene.told_to(ana).last(), Some(Event::Refused(Refusal::NameRegistered { .. }))));
}

#[tokio::test]
async fn who_goes_before_they_have_a_name_is_closed_and_forgotten_even_when_the_commit_fails() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    let bo = seat_number(0, 2);
    scene.operate(OperatorCommand::Reserve(name("bo"), None)).await;
    scene.ask(bo, Command::SignIn(name("bo"))).await;
    scene.ask(ana, say("lost")).await;
    scene.ask(bo, Command::Gone(text("connection lost"))).await;
    scene.store.fail(broken());
    scene.settle().await;
    let closed = |delivery: &Delivery| matches!(delivery, Delivery::Close(session, _) if *session == bo);
    assert_eq!(scene.log.iter().filter(|delivery| closed(delivery)).count(), 1);
    // Whoever gets the same number next is a stranger.
    scene.ask(bo, Command::Enter(name("bo"))).await;
    assert!(matches!(scene.told_to(bo).last(), Some(Event::Refused(Refusal::NameRegistered { .. }))));
}

#[tokio::test]
async fn words_carry_the_account_of_whoever_says_them() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.ask(ana, say("as a guest")).await;
    scene.ask(ana, Command::SignUp(name("ana"))).await;
    scene.ask(ana, say("as myself")).await;
    scene.succeed_all().await;
    let accounts: Vec<_> = scene
        .log
        .iter()
        .filter_map(|delivery| match delivery {
            Delivery::Told { event, .. } => match &**event {
                Event::Entry(entry) => Some(entry.account.clone()),
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(accounts, [None, Some(name("ana"))]);
}

#[tokio::test]
async fn what_waits_for_the_store_and_what_became_of_it_is_counted() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    scene.ask(ana, say("one")).await;
    scene.ask(ana, say("two")).await;
    let read = scene.figures.read();
    assert_eq!((read.people, read.rooms, read.held, read.stored), (1, 1, 2, 0));
    assert!(read.held_bytes > 0);
    scene.succeed_all().await;
    let read = scene.figures.read();
    assert_eq!((read.held, read.held_bytes, read.stored, read.failed_commits), (0, 0, 2, 0));
    assert_eq!(scene.figures.commit().count(), 2);
    scene.ask(ana, say("lost")).await;
    scene.store.fail(broken());
    scene.settle().await;
    let read = scene.figures.read();
    assert_eq!((read.stored, read.failed_commits), (2, 1));
    assert_eq!(scene.figures.commit().count(), 2, "one that failed is no measure of the disk");
    scene.ask(ana, Command::Quit(None)).await;
    assert_eq!((scene.figures.read().people, scene.figures.read().rooms), (0, 0));
}

#[tokio::test]
async fn a_knock_is_heard_while_the_hub_takes_mail_and_not_while_it_waits_for_its_store() {
    let mut scene = Scene::new();
    let ana = scene.enter(1, "ana").await;
    let knock = scene.hub.knock().unwrap();
    assert!(knock.try_recv().is_err() && scene.hub.waiting() == 1);
    scene.settle().await;
    assert!(knock.try_recv().is_ok() && scene.hub.waiting() == 0);
    // Until its answers fill what may wait for the store.
    let long = "x".repeat(400);
    while scene.figures.read().held_bytes < HELD_BYTES_MAX as u64 {
        scene.hub.ask(ana, say(&long)).await;
        tokio::task::yield_now().await;
    }
    let knock = scene.hub.knock().unwrap();
    scene.settle().await;
    assert!(knock.try_recv().is_err(), "nobody is heard");
    scene.store.succeed();
    scene.settle().await;
    assert!(knock.try_recv().is_ok());
}
