//! A disk without space: refusals, nothing half stored, and writing again as soon as a probe succeeds. The disk is
//! a limit of pages, and the test decides when a probe is made: the writer asks for the limit before each.

#![allow(clippy::unwrap_used)]

mod kept;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use kept::{PATIENCE, Place, all, append, bare, change, history, name, seqs, verifier};
use throng_store::accounts::{Account, Change};
use throng_store::testing::said;
use throng_store::{Durability, Fault, Health, OpenOptions, Opened};

/// A little more than an empty store has.
const SMALL: u32 = 32;
const LARGE: u32 = 10_000;

struct Disk {
    /// Dropped first, so that the writer does not wait for it when a test fails.
    probe: SyncSender<u32>,
    opened: Opened,
    place: Place,
    health: Receiver<Health>,
}

/// A store on a small disk. Each probe waits for the pages that the test sends it.
fn small_disk(durability: Durability) -> Disk {
    let place = Place::new();
    let (probe, pages) = sync_channel(1);
    probe.send(SMALL).unwrap();
    let options = OpenOptions::new(durability).probe_every(Duration::ZERO);
    // When the test is over, the writer must not wait any longer.
    let options = options.pages_max(move || pages.recv().unwrap_or(LARGE));
    let opened = options.open(place.folder()).unwrap();
    let (told, health) = sync_channel(100);
    opened.store.on_health(Box::new(move |health| told.send(health).unwrap()));
    Disk { place, opened, probe, health }
}

/// Appends until the disk is full; how many messages were stored.
fn fill(disk: &Disk) -> u64 {
    for stored in 0..u64::from(SMALL) * 100 {
        match append(&*disk.opened.store, vec![said("#a", &"x".repeat(300))]) {
            Ok(stamps) => assert_eq!(seqs(&stamps), [stored + 1]),
            Err(fault) => {
                assert_eq!(fault, Fault::Full);
                return stored;
            }
        }
    }
    panic!("the disk was never full");
}

fn read_only() -> Health {
    Health::ReadOnly { why: "the disk is full".into() }
}

#[test]
fn a_full_disk_refuses_until_a_probe_finds_space_and_then_goes_on_without_a_gap() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let disk = small_disk(durability);
        let store = &*disk.opened.store;
        let stored = fill(&disk);
        assert!(stored > 10, "{stored}");
        assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), read_only());

        // The writer now waits before its first probe: nothing is answered, so the queue is what answers next.
        let (told, refused) = sync_channel(1);
        store.append(vec![said("#a", "no")], Box::new(move |answer| told.send(answer).unwrap()));
        disk.probe.send(SMALL).unwrap();
        assert_eq!(refused.recv_timeout(PATIENCE).unwrap(), Err(Fault::Full), "refused without a try");
        disk.probe.send(SMALL).unwrap();
        assert_eq!(history(store, "#a", u64::MAX, 500).len() as u64, stored.min(500), "reading goes on");
        assert!(disk.health.try_recv().is_err(), "told once, however many probes fail");

        disk.probe.send(LARGE).unwrap();
        assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), Health::Writable);
        let stamps = append(store, vec![said("#a", "again"), said("#b", "new")]).unwrap();
        assert_eq!(seqs(&stamps), [stored + 1, 1], "{durability}");
        store.close();
        assert_eq!(disk.place.open().messages, stored + 2, "what was refused is not there");
    }
}

#[test]
fn a_batch_that_does_not_fit_leaves_nothing_of_it() {
    let disk = small_disk(Durability::Strict);
    let store = &*disk.opened.store;
    append(store, vec![said("#a", "1")]).unwrap();
    let mut large = vec![said("#new", "first of a new room")];
    large.extend((0..2000).map(|_| said("#a", &"x".repeat(300))));
    assert_eq!(append(store, large), Err(Fault::Full));
    assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), read_only());
    disk.probe.send(LARGE).unwrap();
    assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), Health::Writable);
    assert!(history(store, "#new", u64::MAX, 10).is_empty());
    let stamps = append(store, vec![said("#a", "2"), said("#other", "1")]).unwrap();
    assert_eq!(seqs(&stamps), [2, 1]);
    store.close();
    let again = disk.place.open();
    let rooms: Vec<_> = again.rooms.iter().map(|room| (room.name.as_str(), room.last_seq)).collect();
    assert_eq!(rooms, [("#a", 2), ("#other", 1)]);
}

#[test]
fn a_store_that_is_full_closes_and_opens_again() {
    let disk = small_disk(Durability::Strict);
    let stored = fill(&disk);
    assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), read_only());
    drop(disk.probe);
    disk.opened.store.close();
    assert_eq!(disk.place.open().messages, stored);
}

#[test]
fn who_listens_late_hears_that_the_store_is_read_only() {
    let disk = small_disk(Durability::Strict);
    fill(&disk);
    assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), read_only());
    let (told, heard) = sync_channel(10);
    disk.opened.store.on_health(Box::new(move |health| told.send(health).unwrap()));
    assert_eq!(heard.try_recv().unwrap(), read_only());
    disk.probe.send(LARGE).unwrap();
    assert_eq!(heard.recv_timeout(PATIENCE).unwrap(), Health::Writable);
    assert!(disk.health.try_recv().is_err(), "the first listener was replaced");
}

#[test]
fn a_full_disk_refuses_accounts_and_leaves_no_half_of_one() {
    // Of several sizes, so that the space ends in the middle of some of them.
    for size in [1, 50, 100, 150, 200, 300] {
        let durability = if size % 100 == 0 { Durability::Strict } else { Durability::Relaxed };
        let disk = small_disk(durability);
        let accounts = &*disk.opened.accounts;
        let account = |n: usize| Account {
            verifier: Some(verifier(&"x".repeat(size))),
            certificates: (0..8)
                .map(|each| [[each; 16], [n as u8; 16]].concat().try_into().unwrap())
                .collect(),
            ..bare(&format!("u{n}"))
        };
        let made = (0..200).find(|n| match change(accounts, Change::Create(account(*n))) {
            Ok(made) => (assert_eq!(made, Ok(())), false).1,
            Err(fault) => (assert_eq!(fault, Fault::Full), true).1,
        });
        let made = made.expect("the disk is full at some time");
        assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), read_only());
        let whole = |opened: &Opened| {
            let names: Vec<_> = all(&*opened.accounts).into_iter().map(|(account, _)| account).collect();
            assert_eq!(names.len(), made);
            assert!(
                names.iter().all(|account| account.certificates.len() == 8 && account.verifier.is_some())
            );
        };
        whole(&disk.opened);
        let (told, refused) = sync_channel(1);
        accounts.change(Change::Clear, Box::new(move |answer| told.send(answer).unwrap()));
        disk.probe.send(SMALL).unwrap();
        assert_eq!(refused.recv_timeout(PATIENCE).unwrap(), Err(Fault::Full), "refused without a try");
        disk.probe.send(LARGE).unwrap();
        assert_eq!(disk.health.recv_timeout(PATIENCE).unwrap(), Health::Writable);
        whole(&disk.opened);
        assert_eq!(change(accounts, Change::Create(account(201))), Ok(Ok(())), "{durability}");
        assert_eq!(change(accounts, Change::Delete(name("u201"))), Ok(Ok(())));
        disk.opened.store.close();
        whole(&disk.place.open());
    }
}
