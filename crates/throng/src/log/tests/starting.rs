//! What a log begins with that earlier runs left, whole or not.

use super::*;

const SMALL: Bounds = Bounds { bytes: 2000, files: 4 };

/// Twelve events or so in each of four files.
fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), SMALL);
    tell_all(&log, (1..=100).map(said));
    close(log);
    assert_eq!(Files::new(folder.path()).present().unwrap(), [0, 1, 2, 3]);
    folder
}

/// What a log that is opened now tells of lines that are no events.
fn torn(log: &Log) -> Vec<(String, String)> {
    let shown = log.show(&Query { kind: Some("log.torn".to_owned()), ..Query::last(10) });
    let value = |event: &Event, field: &str| event.values(field).next().unwrap().into_owned();
    shown.events.iter().map(|event| (value(event, "file"), value(event, "lines"))).collect()
}

#[test]
fn a_log_goes_on_with_what_earlier_runs_left() {
    let folder = filled();
    let before = on_disk(folder.path());
    assert_no_gap(&before);
    assert_eq!(before.last().unwrap().seq, 100);
    for run in 1..=3 {
        let log = open(folder.path(), SMALL);
        tell_all(&log, [said(100 + run)]);
        let shown = log.show(&Query::last(usize::MAX));
        assert_eq!(shown.events.last().unwrap().seq, 100 + run);
        assert_no_gap(shown.events.iter().map(Arc::as_ref));
        assert!(shown.events.len() > 30 && !shown.older_not_looked_at, "{}", shown.events.len());
        assert_eq!(log.last(usize::MAX), shown.events, "it is in memory from the start");
        close(log);
    }
}

#[test]
fn what_is_no_event_is_passed_over_and_told_of_once() {
    let whole = |seq| Event { seq, ..said(seq) }.json();
    let torn_event = &whole(3)[..40];
    let too_long = "x".repeat(2 * json::LINE_BYTES_MAX);
    for (content, expected, lines) in [
        (format!("{}\n{}\n{torn_event}", whole(1), whole(2)), vec![1, 2], Some(1)),
        // Only the end of its line is missing.
        (format!("{}\n{}", whole(1), whole(2)), vec![1, 2], None),
        (format!("{}\nnonsense\n\u{0}\u{0}\n{}\n", whole(1), whole(2)), vec![1, 2], Some(2)),
        (format!("{}\n{too_long}\n{}\n", whole(1), whole(2)), vec![1, 2], Some(1)),
        (format!("{too_long}\n{}\n", whole(1)), vec![1], Some(1)),
        (too_long.clone(), vec![], Some(1)),
        ("\n\n\n".to_owned(), vec![], None),
        (String::new(), vec![], None),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::new(folder.path());
        std::fs::write(files.path(0), &content).unwrap();
        let begun = &content[..content.len().min(200)];
        for run in 0..3 {
            let log = open(folder.path(), Bounds { bytes: 1 << 20, files: 4 });
            let said: Vec<_> =
                lines.iter().map(|lines: &u64| ("events.jsonl".to_owned(), lines.to_string())).collect();
            assert_eq!(torn(&log), said, "run {run} of {begun:?}");
            tell_all(&log, [Event::info("server.ready")]);
            let shown = log.show(&Query::last(100)).events;
            assert_eq!(numbers(&shown), expected, "{begun:?}");
            assert_no_gap(shown.iter().map(Arc::as_ref));
            close(log);
        }
    }
}

#[test]
fn lines_that_are_not_utf8_are_passed_over() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("events.jsonl"), b"\xff\xfe\n{\"seq\":1,\"time\":\"\xff\"}\n").unwrap();
    assert_eq!(torn(&open(folder.path(), SMALL)), [("events.jsonl".to_owned(), "2".to_owned())]);
}

#[test]
fn whichever_file_a_crash_left_out_the_others_are_read_from_the_oldest_to_the_newest() {
    for missing in [vec![0], vec![1], vec![2], vec![0, 1], vec![1, 2], vec![0, 2], vec![0, 1, 2]] {
        let folder = filled();
        let files = Files::new(folder.path());
        missing.iter().for_each(|older| std::fs::remove_file(files.path(*older)).unwrap());
        let before = on_disk(folder.path());
        let log = open(folder.path(), SMALL);
        let after = Event::info("server.ready");
        tell_all(&log, [after]);
        let shown = log.show(&Query::last(usize::MAX)).events;
        let (ready, rest) = shown.split_last().unwrap();
        assert!(rest.iter().map(Arc::as_ref).eq(&before), "without {missing:?}");
        assert_eq!(ready.seq, before.last().unwrap().seq + 1);
        assert!(shown.is_sorted_by_key(|event| event.seq));
    }
}

#[test]
fn garbage_in_a_file_in_the_middle_hides_no_other() {
    let folder = filled();
    let files = Files::new(folder.path());
    std::fs::write(files.path(2), [b'\xff'; 5000]).unwrap();
    let log = open(folder.path(), SMALL);
    assert_eq!(torn(&log), [("events.2.jsonl".to_owned(), "1".to_owned())]);
    assert!(log.show(&Query::last(usize::MAX)).events.len() > 20);
}

#[test]
fn a_clear_that_a_crash_cut_short_is_as_if_it_was_not_or_as_if_it_was_done() {
    // Before the rename: the new log lies there, whole or not.
    for begun in ["", "{\"seq\":101,", "{}\n"] {
        let folder = filled();
        let files = Files::new(folder.path());
        std::fs::write(files.path_of_new(), begun).unwrap();
        assert_eq!(numbers(&open(folder.path(), SMALL).show(&Query::last(1)).events), [100]);
    }
    // After it: some of the old files are still there, and the log has gone on since.
    for since in [0, 3, 20] {
        let folder = filled();
        let files = Files::new(folder.path());
        let kept_files = [1, 2].map(|older| std::fs::read(files.path(older)).unwrap());
        let log = open(folder.path(), SMALL);
        log.clear("console").unwrap();
        for (older, content) in [1, 2].into_iter().zip(kept_files) {
            std::fs::write(files.path(older), content).unwrap();
        }
        tell_all(&log, (101..101 + since).map(said));
        close(log);
        let log = open(folder.path(), SMALL);
        let shown = log.show(&Query::last(usize::MAX)).events;
        assert_eq!((shown[0].seq, shown[0].kind.as_ref()), (101, "log.cleared"));
        assert_eq!(numbers(&shown), (101..101 + since).collect::<Vec<_>>());
        assert_eq!(on_disk(folder.path()).len(), shown.len(), "what was left is gone");
    }
}

#[test]
fn more_than_memory_keeps_is_shown_from_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let bounds = Bounds { bytes: 200_000, files: 50 };
    let log = open(folder.path(), bounds);
    let all = kept::KEPT_MAX as u64 + 3000;
    tell_all(&log, (1..=all).map(|n| Event { at_ms: n as i64 * 1000, ..said(n) }));
    let check = |log: &Log| {
        for (query, expected) in [
            (Query::last(10), (all - 9..=all).collect::<Vec<_>>()),
            (Query::last(kept::KEPT_MAX + 7), (all - kept::KEPT_MAX as u64 - 6..=all).collect()),
            (Query::last(usize::MAX), (1..=all).collect()),
            (Query { search: Some(" N=2999".to_owned()), ..Query::last(3) }, vec![2999]),
            (Query { since: Some((all as i64 - 2) * 1000), ..Query::last(9) }, (all - 2..=all).collect()),
            (Query { since: Some(400_000), ..Query::last(usize::MAX) }, (400..=all).collect()),
            (Query { kind: Some("server".to_owned()), ..Query::last(9) }, vec![]),
        ] {
            let shown = log.show(&query);
            assert_eq!(numbers(&shown.events), expected, "{query:?}");
            assert!(!shown.older_not_looked_at, "{query:?}");
        }
    };
    check(&log);
    close(log);
    check(&open(folder.path(), bounds));
}

#[test]
fn what_is_too_much_to_look_at_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let log = open(folder.path(), Bounds { bytes: 1 << 20, files: 9 });
    tell_all(&log, (0..20_000).map(|n| said(n).with("reason", "x".repeat(100))));
    close(log);
    // The bounds became smaller, and the files are as they were.
    let log = open(folder.path(), Bounds { bytes: 100, files: 2 });
    assert!(log.size().unwrap().bytes > Bounds { bytes: 100, files: 2 }.total());
    let shown = log.show(&Query::last(usize::MAX));
    assert!(shown.older_not_looked_at && !shown.events.is_empty());
    assert_eq!(numbers(&shown.events).last(), Some(&19_999));
    assert!(!log.show(&Query::last(20)).older_not_looked_at);
}
