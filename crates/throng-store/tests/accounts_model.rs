//! The tables on the disk against the register in memory: the same changes in the same order, whatever they are, have the same
//! answers and leave the same accounts.

#![allow(clippy::unwrap_used)]

mod kept;

use kept::{Place, all, bare, change, found, name, token, verifier};
use proptest::prelude::*;
use throng_store::accounts::{Account, Basis, Change};
use throng_store::{Accounts, Time};

/// Some are spelled in two ways, some look alike; so few that changes meet.
const NAMES: [&str; 6] = ["ana", "Ana", "cop", "сор", "bob", "zoë"];
const ADDRESSES: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
/// More than one account may have.
const HASHES: u8 = 120;
const WORDS: [&str; 3] = ["one", "two", "two scram"];

fn a_name() -> impl Strategy<Value = throng_store::accounts::Account> {
    let certificates = prop::collection::vec(certificate(), 0..11);
    let password = prop::option::of(prop::sample::select(&WORDS[..]));
    (prop::sample::select(&NAMES[..]), password, certificates, any::<bool>(), any::<bool>()).prop_map(
        |(typed, words, certificates, recognised, suspended)| Account {
            verifier: words.map(verifier),
            // Many in one account are rare, or nobody could be made.
            certificates: if certificates.len() > 8 {
                certificates
            } else {
                certificates.into_iter().take(1).collect()
            },
            recognised,
            suspended: suspended && typed == "bob",
            ..bare(typed)
        },
    )
}

fn certificate() -> impl Strategy<Value = [u8; 32]> {
    (0..14u8).prop_map(|n| [n; 32])
}

/// Mostly one that holds.
fn a_basis() -> impl Strategy<Value = Basis> {
    let words = prop::sample::select(&WORDS[..]).prop_map(|words| Some(verifier(words)));
    let created = prop_oneof![19 => Just(Time(1_000)), 1 => Just(Time(999))];
    (created, prop_oneof![8 => Just(None), 2 => words])
        .prop_map(|(created, verifier)| Basis { created, verifier })
}

fn a_change() -> impl Strategy<Value = Change> {
    let who = || prop::sample::select(&NAMES[..]).prop_map(name);
    let words = || prop::sample::select(&WORDS[..]).prop_map(verifier);
    let time = || (0..5i64).prop_map(Time);
    let hash = || 0..HASHES;
    // So that somebody has as many tokens as one may have.
    let mostly_ana = || prop_oneof![9 => Just(name("ana")), 1 => who()];
    let address = prop::option::of(prop::sample::select(&ADDRESSES[..]).prop_map(Into::into));
    prop_oneof![
        6 => a_name().prop_map(Change::Create),
        1 => (who(), words(), prop::option::of(words()))
            .prop_map(|(who, new, old)| Change::SetVerifier(who, new, old)),
        2 => (who(), words(), words()).prop_map(|(who, old, new)| Change::Rehash(who, old, new)),
        1 => (prop::sample::select(&NAMES[2..]), any::<bool>())
            .prop_map(|(typed, on)| Change::SetSuspended(name(typed), on)),
        1 => (who(), any::<bool>()).prop_map(|(who, on)| Change::SetOperator(who, on)),
        3 => (who(), any::<bool>()).prop_map(|(who, on)| Change::SetRecognised(who, on)),
        8 => (who(), certificate()).prop_map(|(who, print)| Change::AddCertificate(who, print)),
        3 => (who(), certificate()).prop_map(|(who, print)| Change::RemoveCertificate(who, print)),
        12 => (who(), time(), address).prop_map(|(who, at, from)| Change::Seen(who, at, from)),
        45 => (mostly_ana(), hash(), 0..5i64, a_basis())
            .prop_map(|(who, hash, at, basis)| Change::AddToken(who, token(hash, at), basis)),
        4 => (hash(), time()).prop_map(|(hash, at)| Change::UseToken([hash; 32], at)),
        2 => (who(), 0..50u64).prop_map(|(who, number)| Change::RevokeToken(who, number)),
        1 => who().prop_map(Change::RevokeTokens),
        3 => prop::sample::select(&NAMES[2..]).prop_map(|typed| Change::Delete(name(typed))),
    ]
}

/// Everything that can be asked.
fn state(accounts: &dyn Accounts) -> impl PartialEq + std::fmt::Debug + use<> {
    let greeted: Vec<_> =
        ADDRESSES.iter().map(|from| found(|done| accounts.by_address((*from).into(), done))).collect();
    let owners: Vec<_> = (0..14u8)
        .map(|n| found(|done| accounts.by_certificate([n; 32], done)).map(|account| account.name))
        .collect();
    let holders: Vec<_> = (0..HASHES)
        .map(|n| {
            let of_token = found(|done| accounts.by_token([n; 32], done));
            of_token.map(|(account, token)| (account.name, token.number))
        })
        .collect();
    let all = all(accounts);
    let verifiers: Vec<_> = all
        .iter()
        .map(|(account, _)| account.verifier.as_ref().map(|v| (v.argon2.clone(), v.scram.clone())))
        .collect();
    let hashes: Vec<Vec<u8>> =
        all.iter().map(|(_, tokens)| tokens.iter().map(|token| token.hash[0]).collect()).collect();
    (all, verifiers, hashes, greeted, owners, holders)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]
    #[test]
    fn the_disk_and_the_memory_say_and_keep_the_same(
        changes in prop::collection::vec(a_change(), 1..250),
        clears in any::<bool>(),
    ) {
        let (place, memory) = (Place::new(), throng_store::memory());
        let disk = place.open();
        for (number, each) in changes.into_iter().enumerate() {
            let shown = format!("change {number}: {each:?}");
            let expected = change(&*memory.accounts, each.clone());
            prop_assert_eq!(change(&*disk.accounts, each), expected, "{}", shown);
            if number.is_multiple_of(16) {
                prop_assert_eq!(state(&*disk.accounts), state(&*memory.accounts), "{}", shown);
            }
        }
        if clears {
            prop_assert_eq!(change(&*disk.accounts, Change::Clear), change(&*memory.accounts, Change::Clear));
        }
        prop_assert_eq!(state(&*disk.accounts), state(&*memory.accounts));
        disk.store.close();
        let again = place.open();
        prop_assert_eq!(state(&*again.accounts), state(&*memory.accounts), "opened again");
    }
}
