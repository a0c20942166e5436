//! Who began to sign in and does not come to an end, by a clock that is put forward.

use std::sync::atomic::Ordering;
use std::time::Duration;

use throng_services::identity::LOGIN_DEADLINE;

use crate::Place;
use crate::line::{Client, IN_LOBBY};

impl Place {
    fn put_forward(&self, by: Duration) {
        self.ahead.fetch_add(u64::try_from(by.as_millis()).unwrap(), Ordering::Relaxed);
    }
}

#[test]
fn who_has_no_name_and_does_not_end_signing_in_is_sent_away() {
    let place = Place::with("ana");
    let mut by_line = Client::connect(place.address());
    by_line.asks("ana", "Its password (not shown)");
    let mut by_irc = place.client();
    by_irc.say("CAP REQ :sasl");
    by_irc.scram_first("ana");
    place.put_forward(LOGIN_DEADLINE);
    assert!(by_line.read_to_end().contains("signing in took too long"));
    assert!(by_irc.to_the_end().join("\n").contains("signing in took too long"));
}

#[test]
fn who_has_a_name_is_asked_no_longer_and_stays() {
    let place = Place::with("ana");
    let mut bo = Client::guest(place.address(), "bo");
    bo.asks("/login ana", "Password for ana (not shown): ");
    let mut cyd = place.guest("cyd");
    cyd.scram_first("ana");
    // Somebody whose name is free, and who was not asked for a password by their own wish.
    let mut dee = Client::connect(place.address());
    dee.asks("dee", crate::line::FREE);
    place.put_forward(LOGIN_DEADLINE);
    bo.until("! That took too long, so nothing was changed.");
    cyd.until(" 906 ");
    dee.until("! That took too long, so nothing was registered. An empty line brings you in as a guest.");
    // What is typed now is talk, and no answer.
    bo.asks("no password", "<bo> no password");
    assert!(cyd.ask("NS SESSIONS").join("\n").contains("No: sign in first"));
    dee.asks("", IN_LOBBY);
}

#[test]
fn nobody_is_hurried_before_the_deadline_nor_gets_more_time_by_talking() {
    let nameless_max = Duration::from_secs(1);
    let place = Place::open_on(throng_store::memory(), |settings| settings.nameless_max = nameless_max);
    let mut bo = Client::guest(place.address(), "bo");
    bo.asks("/register", "New password for bo (not shown): ");
    let mut nameless = place.client();
    nameless.say("CAP LS 302");
    place.put_forward(LOGIN_DEADLINE * 3 / 4);
    // By the same look at all seats the question was left open.
    assert!(nameless.to_the_end().join("\n").contains("no name was given in time"));
    bo.asks("short", "Another one (not shown)");
    place.put_forward(LOGIN_DEADLINE / 4);
    bo.until("! That took too long, so nothing was changed.");
}
