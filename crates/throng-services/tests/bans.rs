//! Who is not wanted, at the doors over real sockets: closed and told why, kept out, and let in again.

#![allow(clippy::unwrap_used)]

mod guests;

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use guests::{DOORS, Door, Guest, PATIENCE, Place, Tell, read_to_end};
use throng_server::{Conn, Events, LocalHandler, Server, Worker, Workers};
use throng_services::bans::{BANS_MAX, BanFault, Banned, Bans, Target};
use throng_services::chat::worker::ChatWorker;
use throng_services::chat::{Chat, House, Notes, Settings, house, text};
use throng_services::clock;
use throng_store::testing::Scripted;
use throng_store::{DataFolder, Durability, Fault, Time};
use tokio::sync::watch;

const HOUR: Duration = Duration::from_secs(3600);
const UTC: jiff::tz::TimeZone = jiff::tz::TimeZone::UTC;

fn target(typed: &str) -> Target {
    typed.parse().unwrap()
}

fn add(bans: &Bans, typed: &str, lasting: Option<Duration>) -> Result<Banned, BanFault> {
    bans.add(target(typed), lasting, text("flood"), text("console").unwrap())
}

/// When a ban that was set just now ends, as doors show it.
fn until(banned: &Banned) -> String {
    clock::shown(banned.until.unwrap(), house::wall_clock(), &UTC)
}

#[test]
fn who_is_here_hears_why_at_every_door_and_is_counted_and_who_comes_so_hears_it_too() {
    for door in DOORS {
        let place = Place::open();
        let mut bo = place.enter(Door::Line, "bo");
        let mut trolls = [place.enter(door, "troll1"), place.enter(door, "Troll2")];
        let banned = add(place.chat.bans(), "troll*", Some(HOUR)).unwrap();
        assert_eq!((banned.closed, banned.replaced), (Some(2), false), "{door:?}");
        let why = format!("ou are banned until {}: flood", until(&banned));
        for troll in &mut trolls {
            let last = troll.rest().join("\n");
            assert!(last.contains(&why), "{door:?}: {last}");
        }
        bo.hear_until_told(&Tell::Gone("Troll2".to_owned()));
        let mut again = Guest::knock(place.address(), door, "troll3");
        again.give_name();
        let last = again.rest().join("\n");
        let shown = match door {
            Door::Line => format!("! Y{why}"),
            Door::Irc | Door::Web => format!(" 465 * :Y{why}"),
        };
        assert!(last.contains(&shown), "{door:?}: {last}");
        bo.send("/nick trolley");
        let refused = std::iter::from_fn(|| bo.read_line()).find(|line| line.starts_with('!')).unwrap();
        assert_eq!(refused, format!("! trolley is banned until {}: flood", until(&banned)));
        assert_eq!(place.chat.bans().remove(&target("TROLL*")), Ok(true));
        assert_eq!(place.chat.bans().remove(&target("troll*")), Ok(false));
        place.enter(door, "troll1");
    }
}

#[test]
fn who_comes_from_a_banned_address_is_put_out_and_kept_out() {
    for door in DOORS {
        let place = Place::open();
        let mut here = [place.enter(door, "ana"), place.enter(door, "bo")];
        // One that has said nothing yet.
        let silent = std::net::TcpStream::connect(place.address()).unwrap();
        silent.set_read_timeout(Some(PATIENCE)).unwrap();
        let conns = || place.running.conns().len();
        assert!((0..50_000_000).any(|_| conns() == 3));
        let banned = add(place.chat.bans(), "127.0.0.0/8", Some(HOUR)).unwrap();
        assert_eq!(banned.closed, Some(3), "{door:?}");
        let why = format!("ou are banned until {}: flood", until(&banned));
        for guest in &mut here {
            let last = guest.rest().join("\n");
            assert!(last.contains(&why), "{door:?}: {last}");
        }
        let last = String::from_utf8(read_to_end(&silent)).unwrap();
        assert!(last.contains(&why), "{last:?}");
        let knock = std::net::TcpStream::connect(place.address()).unwrap();
        knock.set_read_timeout(Some(PATIENCE)).unwrap();
        assert_eq!(String::from_utf8(read_to_end(knock)).unwrap(), format!("ERROR :Y{why}\r\n"));
        assert_eq!(place.running.stats().rejected_for.get("banned"), Some(&1));
        // Their names are free, and everybody is gone.
        assert!((0..1_000_000).any(|_| place.chat.hub().status().unwrap().people == 0));
        assert!((0..50_000_000).any(|_| place.running.stats().open == 0));
        assert_eq!(place.running.stats().ended, [("kicked", 3)].into(), "{door:?}");
        assert_eq!(place.chat.bans().remove(&target("127.0.0.1/8")), Ok(true));
        place.enter(door, "ana");
    }
}

/// A worker of the chat that seats nobody before it may.
struct Late {
    worker: ChatWorker,
    may: watch::Receiver<bool>,
}

impl LocalHandler for Late {
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        self.may.clone().wait_for(|may| *may).await?;
        self.worker.serve(conn).await
    }

    fn sweep(&self, now_ms: u64) {
        self.worker.sweep(now_ms);
    }
}

#[test]
fn who_was_let_in_and_not_seated_when_the_ban_came_hears_it_too() {
    let settings = Settings { zone: UTC, ..Settings::default() };
    let house =
        House { settings, since: house::wall_clock(), now: house::wall_clock, notes: Notes::default() };
    let chat = Chat::open(house, throng_store::memory(), Durability::Memory, 1, None).unwrap();
    let (seat, may) = watch::channel(false);
    let factory = Arc::clone(&chat);
    let late = move |worker: &Worker| Late { worker: factory.worker(worker), may: may.clone() };
    let one = Events { workers: Workers::Count(1) };
    let server = Server::local(late).model(one).denied(chat.bans().denied());
    let running = server.listen("127.0.0.1:0").start().unwrap();
    chat.bans().serve(&running);
    let client = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!((0..50_000_000).any(|_| running.conns().len() == 1));
    assert_eq!(add(chat.bans(), "127.0.0.1", None).unwrap().closed, Some(1));
    // The hub has sent the workers what they were to do.
    chat.hub().status().unwrap();
    seat.send(true).unwrap();
    assert_eq!(read_to_end(client), b"ERROR :You are banned: flood\r\n");
    chat.say_farewell(text("over").unwrap(), PATIENCE);
    running.drain(Duration::from_secs(5)).wait();
}

#[test]
fn bans_hold_over_a_restart_of_the_store_and_those_that_are_over_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = DataFolder::open(&dir.path().join("data")).unwrap();
    let open = || throng_store::open(&folder, Durability::Strict).unwrap();
    let opened = open();
    let store = Arc::clone(&opened.store);
    let place = Place::open_with(opened, Durability::Strict, |_| ());
    for typed in ["troll*", "account:bo", "203.0.113.0/24", "127.0.0.1"] {
        assert_eq!(add(place.chat.bans(), typed, None).unwrap().closed, Some(0), "{typed}");
    }
    add(place.chat.bans(), "ana", Some(Duration::ZERO)).unwrap();
    drop(place);
    store.close();

    let opened = open();
    let (store, kept) = (Arc::clone(&opened.store), Arc::clone(&opened.bans));
    let place = Place::open_with(opened, Durability::Strict, |_| ());
    let knock = std::net::TcpStream::connect(place.address()).unwrap();
    assert_eq!(read_to_end(knock), b"ERROR :You are banned: flood\r\n");
    let shown = |bans: Vec<throng_chat::Ban>| -> Vec<String> {
        bans.iter().map(|ban| format!("{} by {}", ban.target, ban.by)).collect()
    };
    let expected =
        ["127.0.0.1", "203.0.113.0/24", "account:bo", "troll*"].map(|one| format!("{one} by console"));
    assert_eq!(shown(place.chat.bans().list()), expected);
    let (told, heard) = std::sync::mpsc::sync_channel(1);
    kept.bans(Box::new(move |all| told.send(all.unwrap()).unwrap()));
    assert_eq!(shown(heard.recv_timeout(PATIENCE).unwrap()), expected, "ana's is over");
    assert_eq!(place.chat.bans().remove(&target("127.0.0.1")), Ok(true));
    let mut troll = Guest::knock(place.address(), Door::Line, "troll7");
    troll.give_name();
    assert!(troll.rest().join("\n").contains("! You are banned: flood"));
    place.enter(Door::Line, "ana");
    drop(place);
    store.close();
}

#[test]
fn what_the_store_does_not_keep_is_not_in_force() {
    let scripted = Scripted::new();
    let place = Place::open_with(scripted.opened(), Durability::Memory, |_| ());
    let mut ana = place.enter(Door::Line, "ana");
    for typed in ["ana", "127.0.0.1"] {
        scripted.fail_next(Fault::Busy);
        assert_eq!(add(place.chat.bans(), typed, None), Err(BanFault::Store(Fault::Busy)));
    }
    assert!(place.chat.bans().list().is_empty());
    ana.say("still here");
    assert!(std::iter::from_fn(|| ana.read_line()).any(|line| line.ends_with("<ana> still here")));
    add(place.chat.bans(), "bo", None).unwrap();
    scripted.fail_next(Fault::Busy);
    assert_eq!(place.chat.bans().remove(&target("bo")), Err(BanFault::Store(Fault::Busy)));
    let mut bo = Guest::knock(place.address(), Door::Line, "bo");
    bo.give_name();
    assert!(bo.rest().join("\n").contains("banned"));
}

/// Where a test's clock stands, in milliseconds.
static NOW: AtomicI64 = AtomicI64::new(0);

fn now() -> Time {
    Time(NOW.load(Ordering::SeqCst))
}

#[test]
fn when_there_are_as_many_as_may_be_those_that_are_over_make_room() {
    let opened = throng_store::memory();
    for number in 0..BANS_MAX as i64 {
        let ban = throng_chat::Ban {
            target: target(&format!("t{number}")),
            since: Time(0),
            until: Some(Time(1_000 + number % 2)),
            reason: None,
            by: text("console").unwrap(),
        };
        let put = throng_store::bans::Change::Put(Box::new(ban));
        opened.bans.change_ban(put, Box::new(|made| assert!(made.is_ok())));
    }
    let bans = Bans::open(&opened.bans, now, UTC).unwrap();
    assert_eq!(bans.list().len(), BANS_MAX);
    assert_eq!(add(&bans, "one-more", None), Err(BanFault::Full));
    let replaced = add(&bans, "T7", Some(HOUR)).unwrap();
    assert!(replaced.replaced && replaced.until == Some(Time(3_600_000)));
    NOW.store(1_000, Ordering::SeqCst);
    assert!(!add(&bans, "one-more", None).unwrap().replaced);
    assert_eq!(bans.list().len(), BANS_MAX / 2 + 1);
}

#[test]
fn a_service_without_a_store_bans_addresses_and_says_so() {
    let bans = Bans::in_memory(house::wall_clock, UTC);
    let hold = |mut conn: Conn| async move {
        conn.write_all(b"here").await?;
        conn.read_into(&mut conn.buffer()).await?;
        Ok(())
    };
    let running = Server::new(hold).denied(bans.denied()).listen("127.0.0.1:0").start().unwrap();
    bans.serve(&running);
    let mut client = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    let refused = add(&bans, "troll*", None).unwrap_err();
    assert!(matches!(refused, BanFault::OnlyAddresses(_)) && refused.hint().is_some(), "{refused}");
    assert_eq!(add(&bans, "::ffff:127.0.0.1", None).unwrap().closed, Some(1));
    assert!(read_to_end(client).is_empty());
    let knock = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
    assert_eq!(read_to_end(knock), b"You are banned: flood\r\n");
    assert!(add(&bans, "127.0.0.1", Some(Duration::ZERO)).unwrap().replaced);
    let mut client = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
    client.read_exact(&mut [0; 4]).unwrap();
    assert!(bans.list().is_empty());
}
