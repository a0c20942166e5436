//! The table as a whole: every row, and the page that is printed from it.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use super::*;
use crate::settings::Settings;
use crate::settings::choices::Service;

#[test]
fn every_default_is_what_the_settings_begin_with_and_is_read_as_it_is_shown() {
    for row in ROWS {
        let mut settings = Settings::of(Service::Chat);
        assert_eq!((row.get)(&settings), row.default, "{}", row.path);
        (row.set)(&mut settings, row.default).unwrap_or_else(|why| panic!("{}: {why}", row.path));
        assert_eq!(settings, Settings::of(Service::Chat), "{}", row.path);
    }
}

#[test]
fn what_is_set_is_what_is_shown_and_nothing_else_changes() {
    for (path, text) in [
        ("listen", "tls:127.0.0.1:1,unix:/a,systemd:web"),
        ("data", "/srv/throng"),
        ("name", "chat.example.org"),
        ("workers", "3"),
        ("verbose", "true"),
        ("tls.cert", "cert.pem"),
        ("tls.key", "key.pem"),
        ("proxy.allowed_from", "10.0.0.0/8,fd00::/8"),
        ("limits.clients", "5"),
        ("limits.per_address", "128"),
        ("limits.rate_per_address", "30/1m"),
        ("limits.outbox", "64KiB"),
        ("limits.backlog", "1"),
        ("timeouts.nameless", "5s"),
        ("timeouts.probe", "5s"),
        ("timeouts.idle", "1h"),
        ("timeouts.write_stall", "off"),
        ("timeouts.age", "30d"),
        ("timeouts.farewell", "90s"),
        ("drain.time", "0s"),
        ("accounts.allow_plaintext", "true"),
        ("accounts.scram", "true"),
        ("accounts.hashing_threads", "2"),
        ("chat.motd", "Be kind.\nOlena's evening: 19:00"),
        ("chat.hosts", "chat.example.org,c.example"),
        ("chat.history_on_entry", "0"),
        ("history.keep", "90d"),
        ("history.keep", "2GiB"),
        ("events.bytes", "64KiB"),
        ("events.files", "9"),
        ("metrics.listen", "127.0.0.1:9"),
        ("console.socket", "off"),
        ("console.socket", "/run/x"),
    ] {
        check(path, text);
    }
    for row in ROWS {
        let Kind::OneOf(words) = row.kind else { continue };
        words.iter().for_each(|word| check(row.path, word));
    }
}

/// Sets one, looks at all.
fn check(path: &str, text: &str) {
    let mut settings = Settings::of(Service::Chat);
    let row = crate::settings::find(path).unwrap();
    (row.set)(&mut settings, text).unwrap_or_else(|why| panic!("{path}: {why}"));
    for other in ROWS {
        let expected = if other.path == path { text } else { other.default };
        assert_eq!((other.get)(&settings), expected, "{path} = {text}: {}", other.path);
    }
}

#[test]
fn no_path_flag_or_variable_is_there_twice_and_sections_are_together() {
    let mut seen = BTreeSet::new();
    let mut sections = Vec::new();
    for row in ROWS {
        for name in [Some(row.flag()), Some(row.variable()), row.old_variable.map(str::to_owned)] {
            assert!(name.is_none_or(|name| seen.insert(name)), "{}", row.path);
        }
        assert!(
            row.path.bytes().all(|byte| byte.is_ascii_lowercase() || b"._".contains(&byte)),
            "{}",
            row.path
        );
        assert!(!row.doc.is_empty() && !row.doc.contains('\n') && !row.doc.ends_with('.'), "{}", row.path);
        if sections.last() != Some(&row.key().0) {
            assert!(!sections.contains(&row.key().0), "{} is apart from its section", row.path);
            sections.push(row.key().0);
        }
        assert!(row.path.matches('.').count() <= 1, "{} has no section of a section", row.path);
    }
    assert_eq!(sections[0], None, "keys without a section cannot come behind one");
}

#[test]
fn what_flags_and_variables_are_called_follows_from_the_path() {
    for (path, flag, variable, section) in [
        ("listen", "listen", "THRONG_LISTEN", None),
        ("limits.per_address", "limits-per-address", "THRONG_LIMITS__PER_ADDRESS", Some("limits")),
        ("proxy.allowed_from", "proxy-allowed-from", "THRONG_PROXY__ALLOWED_FROM", Some("proxy")),
    ] {
        let row = crate::settings::find(path).unwrap();
        assert_eq!(
            (row.flag(), row.variable(), row.key().0),
            (flag.to_owned(), variable.to_owned(), section)
        );
    }
}

#[test]
fn a_server_name_is_a_host_name() {
    let long = "a".repeat(64);
    for (given, good) in [
        ("throng.localhost", true),
        ("chat", true),
        ("a-b.example", true),
        ("", false),
        ("a..b", false),
        ("-a.b", false),
        ("a b", false),
        ("ключ", false),
        (long.as_str(), false),
    ] {
        assert_eq!(host_name(given).is_ok(), good, "{given:?}");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let lines = "a\n".repeat(MOTD_LINES_MAX + 1);
    for (path, text) in [
        ("chat.motd", lines.as_str()),
        ("chat.motd", "\u{1b}[2J"),
        ("chat.hosts", "a,,b"),
        ("data", ""),
        ("tls.cert", "a\0b"),
        ("limits.outbox", "1B"),
        ("timeouts.idle", "0s"),
        ("history.keep", "1s"),
        ("history.keep", "all"),
        ("accounts.hashing_threads", "65"),
        ("model", "Events"),
    ] {
        let mut settings = Settings::of(Service::Chat);
        let row = crate::settings::find(path).unwrap();
        assert!((row.set)(&mut settings, text).is_err(), "{path} = {text:?}");
        assert_eq!(settings, Settings::of(Service::Chat), "{path} = {text:?}");
    }
}
