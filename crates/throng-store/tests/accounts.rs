//! What is kept of accounts, the same on the disk, in memory and by a script: each change in each state, and what is found.

#![allow(clippy::unwrap_used)]

mod kept;

use std::sync::Arc;

use kept::{Place, all, bare, basis, change, found, name, token, try_found, verifier};
use throng_store::accounts::{
    ADDRESS_BYTES_MAX, ADDRESSES_MAX, Account, Basis, CERTIFICATES_MAX, Census, Change, DEVICE_BYTES_MAX,
    Denied, PAGE_MAX, TOKENS_MAX, Token,
};
use throng_store::testing::Scripted;
use throng_store::{Accounts, Durability, Fault, Health, Opened, Store, Time};

fn each_store() -> Vec<(&'static str, Opened, Place)> {
    let (strict, relaxed) = (Place::new(), Place::new());
    let opened = throng_store::open(relaxed.folder(), Durability::Relaxed).unwrap();
    vec![
        ("strict", strict.open(), strict),
        ("relaxed", opened, relaxed),
        ("memory", throng_store::memory(), Place::new()),
        ("scripted", Scripted::new().opened(), Place::new()),
    ]
}

fn make(accounts: &dyn Accounts, asked: Change) {
    let shown = format!("{asked:?}");
    assert_eq!(change(accounts, asked), Ok(Ok(())), "{shown}");
}

/// Ana has everything; Bob nothing; Cyd as many of everything as one may have; Dee is suspended.
fn people(accounts: &dyn Accounts) {
    let ana = Account { verifier: Some(verifier("one scram")), recognised: true, ..bare("Ana") };
    make(accounts, Change::Create(Account { certificates: vec![[1; 32]], ..ana }));
    make(accounts, Change::AddToken(name("ana"), token(1, 5), basis()));
    make(accounts, Change::Seen(name("ana"), Time(5), Some("192.0.2.1".into())));
    make(accounts, Change::Create(bare("bob")));
    make(accounts, Change::Create(bare("cyd")));
    (0..CERTIFICATES_MAX as u8)
        .for_each(|n| make(accounts, Change::AddCertificate(name("cyd"), [100 + n; 32])));
    (0..TOKENS_MAX as u8)
        .for_each(|n| make(accounts, Change::AddToken(name("cyd"), token(100 + n, 50), basis())));
    make(accounts, Change::Create(Account { suspended: true, ..bare("dee") }));
}

/// Every change that is denied, and why: each reason of each change.
fn denied() -> Vec<(Change, Denied)> {
    let nobody = || name("nobody");
    let with = |typed: &str, certificates: Vec<[u8; 32]>| Account { certificates, ..bare(typed) };
    let many = (0..=CERTIFICATES_MAX as u8).map(|n| [50 + n; 32]).collect();
    let rehash = |who: &str, old: &str| Change::Rehash(name(who), verifier(old), verifier("new"));
    let set_over =
        |who: &str, old: &str| Change::SetVerifier(name(who), verifier("new"), Some(verifier(old)));
    let on = |created: i64, words: &str| Basis { created: Time(created), verifier: Some(verifier(words)) };
    vec![
        (Change::Create(bare("ANA")), Denied::Exists),
        (Change::Create(bare("сус")), Denied::LooksLike(name("cyc"))),
        (Change::Create(with("eve", many)), Denied::TooMany),
        (Change::Create(with("eve", vec![[9; 32], [1; 32]])), Denied::Foreign),
        (Change::SetVerifier(nobody(), verifier("x"), None), Denied::Unknown),
        (rehash("nobody", "x"), Denied::Unknown),
        (rehash("ana", "one"), Denied::Changed),
        (rehash("ana", "another scram"), Denied::Changed),
        (rehash("bob", "x"), Denied::Changed),
        (set_over("nobody", "x"), Denied::Unknown),
        (set_over("ana", "one"), Denied::Changed),
        (set_over("bob", "x"), Denied::Changed),
        (Change::SetSuspended(nobody(), true), Denied::Unknown),
        (Change::SetOperator(nobody(), true), Denied::Unknown),
        (Change::SetRecognised(nobody(), true), Denied::Unknown),
        (Change::AddCertificate(nobody(), [9; 32]), Denied::Unknown),
        (Change::AddCertificate(nobody(), [1; 32]), Denied::Unknown),
        (Change::AddCertificate(name("bob"), [1; 32]), Denied::Foreign),
        (Change::AddCertificate(name("cyd"), [1; 32]), Denied::Foreign),
        (Change::AddCertificate(name("cyd"), [9; 32]), Denied::TooMany),
        (Change::RemoveCertificate(nobody(), [1; 32]), Denied::Unknown),
        (Change::RemoveCertificate(name("bob"), [1; 32]), Denied::NoSuch),
        (Change::RemoveCertificate(name("ana"), [9; 32]), Denied::NoSuch),
        (Change::Seen(nobody(), Time(9), None), Denied::Unknown),
        (Change::AddToken(nobody(), token(9, 9), basis()), Denied::Unknown),
        (Change::AddToken(name("ana"), token(1, 9), basis()), Denied::Exists),
        (Change::AddToken(name("bob"), token(1, 9), basis()), Denied::Foreign),
        (Change::AddToken(name("dee"), token(9, 9), basis()), Denied::Changed),
        (Change::AddToken(name("ana"), token(9, 9), on(999, "one scram")), Denied::Changed),
        (Change::AddToken(name("ana"), token(9, 9), on(1_000, "one")), Denied::Changed),
        (
            Change::AddToken(name("ana"), token(9, 9), Basis { created: Time(999), ..basis() }),
            Denied::Changed,
        ),
        (Change::AddToken(name("bob"), token(9, 9), on(1_000, "one")), Denied::Changed),
        (Change::UseToken([9; 32], Time(9)), Denied::NoSuch),
        (Change::RevokeToken(nobody(), 1), Denied::Unknown),
        (Change::RevokeToken(name("ana"), 2), Denied::NoSuch),
        (Change::RevokeToken(name("bob"), 1), Denied::NoSuch),
        (Change::RevokeToken(name("ana"), u64::MAX), Denied::NoSuch),
        (Change::RevokeTokens(nobody()), Denied::Unknown),
        (Change::Delete(nobody()), Denied::Unknown),
    ]
}

#[test]
fn everything_that_belongs_to_accounts_is_counted() {
    for (which, opened, _place) in each_store() {
        let accounts = &*opened.accounts;
        assert_eq!(found(|done| accounts.census(done)), Census::default(), "{which}");
        people(accounts);
        let (tokens, certificates) = (1 + TOKENS_MAX as u64, 1 + CERTIFICATES_MAX as u64);
        let expected = Census { accounts: 4, tokens, certificates, addresses: 1 };
        assert_eq!(found(|done| accounts.census(done)), expected, "{which}");
        make(accounts, Change::Clear);
        assert_eq!(found(|done| accounts.census(done)), Census::default(), "{which}");
    }
}

#[test]
fn what_is_denied_changes_nothing_and_says_why() {
    for (which, opened, _place) in each_store() {
        let accounts = &*opened.accounts;
        people(accounts);
        // Somebody whom others can look like.
        make(accounts, Change::Create(bare("cyc")));
        let before = all(accounts);
        for (asked, why) in denied() {
            let shown = format!("{which}: {asked:?}");
            assert_eq!(change(accounts, asked), Ok(Err(why)), "{shown}");
            assert!(all(accounts) == before, "{shown} changed something");
        }
        let greeted = found(|done| accounts.by_address("192.0.2.1".into(), done));
        assert_eq!(greeted, Some(name("ana")), "{which}");
    }
}

/// What a change leaves of Ana: the account and her tokens.
fn ana(accounts: &dyn Accounts) -> (Account, Vec<u64>) {
    let tokens = found(|done| accounts.tokens(name("ana"), done));
    let account = found(|done| accounts.account(name("ana"), done)).unwrap();
    (account, tokens.iter().map(|token| token.number).collect())
}

#[test]
fn each_change_does_what_it_says_and_nothing_else() {
    for (which, opened, _place) in each_store() {
        let accounts = &*opened.accounts;
        let by_address = |from: &str| found(|done| accounts.by_address(from.into(), done));
        people(accounts);
        let (mut expected, tokens) = ana(accounts);
        assert_eq!((expected.name.as_str(), expected.seen, &*tokens), ("Ana", Some(Time(5)), &[1][..]));
        let mut check = |asked: Change, change_of: &dyn Fn(&mut Account), tokens: &[u64]| {
            let shown = format!("{which}: {asked:?}");
            make(accounts, asked);
            change_of(&mut expected);
            assert_eq!(ana(accounts), (expected.clone(), tokens.to_vec()), "{shown}");
        };
        let who = || name("aNA");
        check(
            Change::Rehash(who(), verifier("one scram"), verifier("two")),
            &|a| a.verifier = Some(verifier("two")),
            &[1],
        );
        check(Change::SetOperator(who(), true), &|a| a.operator = true, &[1]);
        check(Change::AddCertificate(who(), [7; 32]), &|a| a.certificates = vec![[1; 32], [7; 32]], &[1]);
        check(Change::AddCertificate(who(), [1; 32]), &|_| (), &[1]);
        check(Change::RemoveCertificate(who(), [1; 32]), &|a| a.certificates = vec![[7; 32]], &[1]);
        check(Change::AddToken(who(), token(2, 9), basis()), &|_| (), &[1, 2]);
        check(Change::UseToken([2; 32], Time(70)), &|_| (), &[1, 2]);
        check(Change::RevokeToken(who(), 2), &|_| (), &[1]);
        check(Change::AddToken(who(), token(3, 9), basis()), &|_| (), &[1, 3]);
        check(Change::RevokeTokens(who()), &|_| (), &[]);
        check(Change::AddToken(who(), token(4, 9), basis()), &|_| (), &[4]);
        check(
            Change::SetVerifier(who(), verifier("three"), None),
            &|a| a.verifier = Some(verifier("three")),
            &[],
        );
        check(
            Change::SetVerifier(who(), verifier("four"), Some(verifier("three"))),
            &|a| a.verifier = Some(verifier("four")),
            &[],
        );
        let on = Basis { verifier: Some(verifier("four")), ..basis() };
        check(Change::AddToken(who(), token(4, 9), on), &|_| (), &[5]);
        check(Change::SetSuspended(who(), true), &|a| a.suspended = true, &[]);
        check(Change::SetSuspended(who(), false), &|a| a.suspended = false, &[]);
        assert_eq!(by_address("192.0.2.1"), Some(name("ana")));
        check(Change::SetRecognised(who(), false), &|a| a.recognised = false, &[]);
        assert_eq!(by_address("192.0.2.1"), None, "{which}: forgotten");
        check(Change::Seen(who(), Time(80), Some("192.0.2.1".into())), &|a| a.seen = Some(Time(80)), &[]);
        assert_eq!(by_address("192.0.2.1"), None, "{which}: not agreed");
        make(accounts, Change::AddToken(who(), token(6, 9), basis()));
        make(accounts, Change::Delete(who()));
        assert_eq!(found(|done| accounts.account(name("ana"), done)), None);
        assert_eq!(found(|done| accounts.by_certificate([7; 32], done)), None);
        assert!(found(|done| accounts.by_token([6; 32], done)).is_none());
        make(accounts, Change::Create(bare("ana")));
        assert_eq!(ana(accounts), (bare("ana"), vec![]), "{which}: nothing of the old one comes back");
        make(accounts, Change::AddToken(name("ana"), token(6, 9), basis()));
        assert_eq!(ana(accounts).1, [1], "{which}: it counts for itself");
        // Also where the new one gets the number of the old one in the file.
        make(accounts, Change::Create(Account { recognised: true, ..bare("zoe") }));
        make(accounts, Change::Seen(name("zoe"), Time(1), Some("192.0.2.9".into())));
        make(accounts, Change::AddToken(name("zoe"), token(8, 9), basis()));
        make(accounts, Change::AddCertificate(name("zoe"), [8; 32]));
        make(accounts, Change::Delete(name("zoe")));
        make(accounts, Change::Create(bare("tim")));
        assert_eq!(by_address("192.0.2.9"), None, "{which}");
        assert_eq!(found(|done| accounts.by_token([8; 32], done)), None, "{which}");
        assert_eq!(found(|done| accounts.by_certificate([8; 32], done)), None, "{which}");
        make(accounts, Change::Clear);
        assert!(all(accounts).is_empty(), "{which}");
        assert!(found(|done| accounts.by_token([6; 32], done)).is_none());
        make(accounts, Change::Clear);
    }
}

#[test]
fn everybody_is_found_by_what_is_theirs() {
    for (which, opened, _place) in each_store() {
        let accounts = &*opened.accounts;
        people(accounts);
        let (kept, _) = ana(accounts);
        assert_eq!(found(|done| accounts.by_certificate([1; 32], done)), Some(kept.clone()), "{which}");
        let expected = Token { number: 1, ..token(1, 5) };
        assert_eq!(found(|done| accounts.by_token([1; 32], done)), Some((kept, expected)), "{which}");
        assert_eq!(found(|done| accounts.by_token([2; 32], done)), None, "{which}");
        make(accounts, Change::SetRecognised(name("bob"), true));
        make(accounts, Change::Seen(name("bob"), Time(6), Some("192.0.2.1".into())));
        let who = found(|done| accounts.by_address("192.0.2.1".into(), done));
        assert_eq!(who, Some(name("bob")), "{which}: who came last");
    }
}

#[test]
fn what_is_limited_makes_room_or_is_cut() {
    for (which, opened, _place) in each_store() {
        let accounts = &*opened.accounts;
        people(accounts);
        // All were used at the same time, but for the first two; of the others the oldest goes first.
        make(accounts, Change::UseToken([100; 32], Time(51)));
        make(accounts, Change::UseToken([101; 32], Time(49)));
        let numbers = || {
            let tokens = found(|done| accounts.tokens(name("cyd"), done));
            tokens.iter().map(|token| token.number).collect::<Vec<_>>()
        };
        make(accounts, Change::AddToken(name("cyd"), token(201, 60), basis()));
        make(accounts, Change::AddToken(name("cyd"), token(202, 60), basis()));
        let last = TOKENS_MAX as u64;
        let expected: Vec<u64> = std::iter::once(1).chain(4..=last + 2).collect();
        assert_eq!(numbers(), expected, "{which}");

        let long: Arc<str> = "é".repeat(DEVICE_BYTES_MAX).into();
        make(accounts, Change::AddToken(name("bob"), Token { device: long, ..token(9, 9) }, basis()));
        let tokens = found(|done| accounts.tokens(name("bob"), done));
        assert_eq!(&*tokens[0].device, "é".repeat(DEVICE_BYTES_MAX / 2), "{which}: whole letters");

        let came = |from: String| make(accounts, Change::Seen(name("ana"), Time(9), Some(from.into())));
        let greeted =
            |from: &str| found(|done| accounts.by_address(Arc::from(from), done)).is_some_and(|_| true);
        (0..ADDRESSES_MAX).for_each(|n| came(format!("10.0.0.{n}")));
        assert!(!greeted("192.0.2.1"), "{which}: the first one made room");
        came("10.0.0.0".to_owned());
        came("10.0.1.1".to_owned());
        assert!(greeted("10.0.0.0") && !greeted("10.0.0.1") && greeted("10.0.1.1"), "{which}");
        let long = "a".repeat(ADDRESS_BYTES_MAX + 1);
        came(long.clone());
        assert!(!greeted(&long) && greeted("10.0.0.2"), "{which}: it is not remembered, and takes no place");
    }
}

#[test]
fn pages_go_by_folded_name_and_end() {
    for (which, opened, _place) in each_store().into_iter().skip(1) {
        let accounts = &*opened.accounts;
        let typed = |n: usize| format!("{}{n:04}", if n.is_multiple_of(2) { "U" } else { "u" });
        for n in 0..PAGE_MAX + 3 {
            let account = Account { verifier: Some(verifier("x scram")), ..bare(&typed(n)) };
            make(accounts, Change::Create(account));
        }
        let first = found(|done| accounts.page(None, done));
        assert_eq!(first.len(), PAGE_MAX, "{which}");
        assert!(first.iter().all(|account| account.verifier == Some(verifier("x scram"))));
        let rest = found(|done| accounts.page(Some(name(&typed(PAGE_MAX - 1))), done));
        let rest: Vec<_> = rest.iter().map(|account| account.name.as_str().to_owned()).collect();
        assert_eq!(rest, [PAGE_MAX, PAGE_MAX + 1, PAGE_MAX + 2].map(typed), "{which}");
        assert!(found(|done| accounts.page(Some(name("zz")), done)).is_empty(), "{which}");
    }
}

#[test]
fn of_a_thousand_pairs_that_look_alike_none_coexists() {
    let place = Place::new();
    for opened in [place.open(), throng_store::memory()] {
        let accounts = &*opened.accounts;
        for number in 0..1000 {
            let (latin, cyrillic) = throng_store::testing::look_alikes(number);
            let (first, second) = if number % 2 == 0 { (latin, cyrillic) } else { (cyrillic, latin) };
            assert_ne!(name(&first), name(&second));
            make(accounts, Change::Create(bare(&first)));
            let denied = change(accounts, Change::Create(bare(&second)));
            assert_eq!(denied, Ok(Err(Denied::LooksLike(name(&first)))), "{first} and {second}");
        }
        let mut looks: Vec<String> =
            all(accounts).iter().map(|(account, _)| account.name.skeleton().to_owned()).collect();
        looks.sort_unstable();
        looks.dedup();
        assert_eq!(looks.len(), 1000);
    }
}

#[test]
fn accounts_are_there_after_opening_again_in_any_durability() {
    for durability in [Durability::Strict, Durability::Relaxed] {
        let place = Place::new();
        let opened = throng_store::open(place.folder(), durability).unwrap();
        people(&*opened.accounts);
        let before = all(&*opened.accounts);
        assert_eq!(before.len(), 4);
        opened.store.close();
        let late = change(&*opened.accounts, Change::Clear);
        assert_eq!(late, Err(Fault::Closed));
        let late = try_found(|done| opened.accounts.account(name("ana"), done));
        assert_eq!(late, Err(Fault::Closed));
        let again = place.open();
        assert!(all(&*again.accounts) == before, "{durability}");
        make(&*again.accounts, Change::AddToken(name("ana"), token(77, 9), basis()));
        assert_eq!(ana(&*again.accounts).1, [1, 2], "numbers go on");
    }
}

#[test]
fn what_was_deleted_is_not_in_the_file_any_more() {
    let place = Place::new();
    let opened = place.open();
    let accounts = &*opened.accounts;
    for n in 0..50 {
        let words = format!("CANARY-{n}-{}", "x".repeat(200));
        make(
            accounts,
            Change::Create(Account { verifier: Some(verifier(&words)), ..bare(&format!("u{n}")) }),
        );
    }
    make(accounts, Change::SetVerifier(name("u7"), verifier("other"), None));
    make(accounts, Change::Clear);
    opened.store.close();
    let bytes = std::fs::read(place.file()).unwrap();
    assert!(!bytes.windows(6).any(|word| word == b"CANARY"), "it lies in a free page");
}

#[test]
fn nothing_secret_is_in_any_debug() {
    let canary = "CANARY";
    let verifier = verifier("CANARY scram");
    let secret_hash = [0xa7; 32];
    let account = Account { verifier: Some(verifier.clone()), ..bare("ana") };
    let secret = Token { hash: secret_hash, ..token(1, 1) };
    let who = || name("ana");
    let changes = vec![
        Change::Create(account.clone()),
        Change::SetVerifier(who(), verifier.clone(), None),
        Change::Rehash(who(), verifier.clone(), verifier.clone()),
        Change::SetSuspended(who(), true),
        Change::SetOperator(who(), true),
        Change::SetRecognised(who(), true),
        Change::AddCertificate(who(), secret_hash),
        Change::RemoveCertificate(who(), secret_hash),
        Change::Seen(who(), Time(1), Some(canary.into())),
        Change::AddToken(who(), secret.clone(), basis()),
        Change::UseToken(secret_hash, Time(1)),
        Change::RevokeToken(who(), 1),
        Change::RevokeTokens(who()),
        Change::Delete(who()),
        Change::Clear,
    ];
    let mut shown: Vec<String> =
        changes.iter().flat_map(|each| [format!("{each:?}"), format!("{each:#?}")]).collect();
    shown.push(format!("{account:?} {secret:?} {verifier:?} {:?}", (account.clone(), secret.clone())));
    shown.push(format!("{:?} {:?}", Denied::LooksLike(who()), throng_store::memory()));
    for text in shown {
        assert!(!text.contains(canary) && !text.contains("argon2id"), "{text}");
        let bare = text.replace([' ', '\n'], "");
        assert!(!bare.contains("167,167") && !bare.contains("a7a7"), "{text}");
    }
}

#[test]
fn a_script_holds_and_fails_changes_and_questions_as_it_does_batches() {
    let store = Scripted::new();
    let accounts: Arc<dyn Accounts> = store.opened().accounts;
    store.hold();
    let (told, heard) = std::sync::mpsc::sync_channel(9);
    let hand = |n: i32, asked: Change| {
        let told = told.clone();
        accounts.change(asked, Box::new(move |answer| told.send((n, answer)).unwrap()));
    };
    hand(1, Change::Create(bare("ana")));
    store.append(Vec::new(), Box::new(|_| ()));
    hand(2, Change::Create(bare("ana")));
    assert_eq!((store.waiting(), heard.try_iter().count()), (3, 0));
    assert_eq!(store.release(2), 2);
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(1, Ok(Ok(())))]);
    store.flow();
    assert_eq!(heard.try_iter().collect::<Vec<_>>(), [(2, Ok(Err(Denied::Exists)))]);

    store.fail_next(Fault::Full);
    assert_eq!(change(&*accounts, Change::Clear), Err(Fault::Full));
    assert_eq!(change(&*accounts, Change::Clear), Err(Fault::Full), "read-only now");
    assert!(found(|done| accounts.account(name("ana"), done)).is_some(), "nothing was cleared");
    store.recover();
    store.fail_next_read(Fault::Busy);
    assert_eq!(try_found(|done| accounts.account(name("ana"), done)), Err(Fault::Busy));

    store.hold_reads();
    let (told, answer) = std::sync::mpsc::sync_channel(1);
    accounts.account(name("ana"), Box::new(move |found| told.send(found.unwrap().is_some()).unwrap()));
    make(&*accounts, Change::Clear);
    assert!(answer.try_recv().is_err());
    assert_eq!(store.release_reads(9), 1);
    assert_eq!(answer.try_recv(), Ok(false), "as it is then");
    store.close();
    assert_eq!(change(&*accounts, Change::Clear), Err(Fault::Closed));
    assert_eq!(try_found(|done| accounts.page(None, done)), Err(Fault::Closed));
}

#[test]
fn a_full_queue_of_changes_answers_busy_and_leaves_the_batches_theirs() {
    let place = Place::new();
    let opened = place.open();
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let (told, heard) = std::sync::mpsc::sync_channel(100);
    opened.accounts.change(Change::Clear, Box::new(move |_| wait.recv().unwrap()));
    for n in 0..40 {
        let told = told.clone();
        let asked = Change::Create(bare(&format!("u{n}")));
        opened.accounts.change(asked, Box::new(move |answer| told.send(answer).unwrap()));
    }
    let busy = heard.try_iter().inspect(|answer| assert_eq!(*answer, Err(Fault::Busy))).count();
    assert!((24..=25).contains(&busy), "a queue of 16, where the one on its way may still be: {busy}");
    let (stored, confirmed) = std::sync::mpsc::sync_channel(1);
    let batch = vec![throng_store::testing::said("#a", "1")];
    opened.store.append(batch, Box::new(move |answer| stored.send(answer.is_ok()).unwrap()));
    assert!(confirmed.try_recv().is_err(), "it waits, and is not refused");
    go.send(()).unwrap();
    opened.store.close();
    assert_eq!(confirmed.try_recv(), Ok(true));
    assert_eq!(heard.try_iter().filter(|answer| *answer == Ok(Ok(()))).count(), 40 - busy);
}

#[test]
fn when_somebody_else_wrote_to_the_accounts_nothing_more_is_written() {
    let place = Place::new();
    let opened = place.open();
    make(&*opened.accounts, Change::Create(bare("ana")));
    let (told, health) = std::sync::mpsc::sync_channel(10);
    opened.store.on_health(Box::new(move |health| told.send(health).unwrap()));
    let other = rusqlite::Connection::open(place.file()).unwrap();
    other.execute("INSERT INTO tokens VALUES (zeroblob(32), 1, 1, 'mine', 0, 0, 0)", []).unwrap();
    let fault = change(&*opened.accounts, Change::AddToken(name("ana"), token(1, 1), basis())).unwrap_err();
    assert!(matches!(fault, Fault::Corrupt(_)), "{fault:?}");
    let why = health.recv_timeout(kept::PATIENCE).unwrap();
    assert_eq!(why, Health::ReadOnly { why: fault.to_string().into() });
    assert_eq!(change(&*opened.accounts, Change::Clear), Err(fault), "refused without a try");
    assert_eq!(ana(&*opened.accounts).1, [1], "reading goes on; nothing of the change is there");
}
