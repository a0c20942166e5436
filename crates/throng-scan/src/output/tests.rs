//! Each format against a parser that is not ours, whatever is told and wherever it ends.

use std::io::Write;
use std::process::{Command, Stdio};

use proptest::prelude::*;
use serde_json::Value;

use super::samples::{about, any_event, ended, host, port, report, text, usual};
use super::xml::WAITING_MAX;
use super::{About, Format};
use crate::event::{Counts, End, Event, Started, Verdict};

const FORMATS: [Format; 4] = [Format::Text, Format::Json, Format::Ndjson, Format::Xml];

/// What is written of these events, finished.
fn written(format: Format, about: About, events: &[Event]) -> String {
    let mut bytes = Vec::new();
    let mut output = format.open(about, &mut bytes);
    events.iter().for_each(|event| output.tell(event).unwrap());
    output.finish().unwrap();
    output.finish().unwrap();
    drop(output);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn text_is_what_a_person_says() {
    let one = |about: About| written(Format::Text, about, &usual());
    assert_eq!(one(about()), "Port 22 is open: SSH-2.0-x\nPort 80 is open\n");
    let named = About { names: true, ..about() };
    assert_eq!(one(named), "Port 22 is open (ssh): SSH-2.0-x\nPort 80 is open (http)\n");
    let vouched = About { authorized: Some("Ana\n, today".into()), ..about() };
    assert!(one(vouched).starts_with("# authorized: Ana\\n, today\nPort 22"));

    let (first, second) = (host("10.0.0.1", None), host("::1", Some("localhost")));
    let events = [
        Event::Started(Started { hosts: 2, ports: 2 }),
        Event::Port(port(&first, 22, Verdict::Open)),
        Event::Port(port(&second, 23, Verdict::Closed)),
        Event::Port(port(&second, 24, Verdict::Unknown)),
    ];
    let expected = "Port 22 is open on 10.0.0.1\nPort 23 is closed on ::1\nPort 24 is unknown on ::1\n";
    assert_eq!(written(Format::Text, about(), &events), expected);
}

#[test]
fn what_a_port_says_is_cut_and_safe_in_a_line() {
    let host = host("10.0.0.1", None);
    let said = |bytes: &[u8]| {
        let mut port = port(&host, 9, Verdict::Open);
        port.banner = Some(bytes.into());
        let events = [Event::Started(Started { hosts: 1, ports: 1 }), Event::Port(port)];
        written(Format::Text, about(), &events)
    };
    assert_eq!(said(b"\r\n \n hello \r\nworld"), "Port 9 is open: hello\n");
    assert_eq!(said(b"\r\n"), "Port 9 is open\n");
    assert_eq!(said(b""), "Port 9 is open\n");
    assert_eq!(said(b"\x1b[2J\n"), "Port 9 is open: \\u{1b}[2J\n");
    assert_eq!(said(&[b'a'; 1000]), format!("Port 9 is open: {}…\n", "a".repeat(160)));
}

#[test]
fn ndjson_has_a_record_for_each() {
    let told = written(Format::Ndjson, about(), &usual());
    let expected = concat!(
        r#"{"type":"start","schema":1,"program":"throng scan","version":"0.0.0","command":"throng scan localhost","#,
        r#""began":1700000000.25,"hosts":1,"ports":1024}"#,
        "\n",
        r#"{"type":"port","address":"127.0.0.1","name":"localhost","port":22,"service":"ssh","state":"open","#,
        r#""reason":"accepted","rtt_us":412,"tries":1,"banner":"SSH-2.0-x\r\nmore"}"#,
        "\n",
        r#"{"type":"port","address":"127.0.0.1","name":"localhost","port":80,"service":"http","state":"open","#,
        r#""reason":"accepted","rtt_us":412,"tries":1}"#,
        "\n",
        r#"{"type":"host","address":"127.0.0.1","name":"localhost","end":"complete","counts":{"open":2,"closed":1022,"#,
        r#""filtered":0,"unreachable":0,"unknown":0},"rtt_us":120,"seconds":0.25,"resets_limited":false}"#,
        "\n",
        r#"{"type":"end","reason":"complete","complete":true,"hosts":1,"answered":1,"counts":{"open":2,"closed":1022,"#,
        r#""filtered":0,"unreachable":0,"unknown":0},"seconds":1.5,"probes":1030,"troubles":0}"#,
        "\n",
    );
    assert_eq!(told, expected);
    // JSON has the same records in one document.
    let whole: Value = serde_json::from_str(&written(Format::Json, about(), &usual())).unwrap();
    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(whole["start"], lines[0]);
    assert_eq!(whole["results"].as_array().unwrap()[..], lines[1..4]);
    assert_eq!(whole["end"], lines[4]);
}

#[test]
fn what_is_not_complete_says_so() {
    let events = usual();
    let unknown = Counts { unknown: 1, ..Counts::default() };
    for (last, reason, complete) in [
        (Some(ended(1, Counts::default(), End::Complete)), "complete", true),
        (Some(ended(1, unknown, End::Complete)), "complete", false),
        (Some(ended(1, Counts::default(), End::Stopped)), "stopped", false),
        (Some(ended(1, Counts::default(), End::Deadline)), "deadline", false),
        (None, "aborted", false),
    ] {
        let events: Vec<_> = events[..4].iter().cloned().chain(last.map(Event::Ended)).collect();
        let whole: Value = serde_json::from_str(&written(Format::Json, about(), &events)).unwrap();
        assert_eq!((&whole["end"]["reason"], &whole["end"]["complete"]), (&reason.into(), &complete.into()));
        let xml = written(Format::Xml, about(), &events);
        assert_eq!(xml.contains("exit=\"success\""), complete, "{xml}");
        assert_eq!(xml.contains("exit=\"error\" errormsg="), !complete, "{xml}");
    }
}

#[test]
fn xml_counts_the_ports_that_are_not_told() {
    let xml = written(Format::Xml, about(), &usual());
    for piece in [
        "<nmaprun scanner=\"nmap\" args=\"throng scan localhost\" start=\"1700000000\" version=\"throng scan 0.0.0\"",
        "<scaninfo type=\"connect\" protocol=\"tcp\" numservices=\"1024\" services=\"1-1024\"/>",
        "<status state=\"up\" reason=\"syn-ack\" reason_ttl=\"0\"/>\n<address addr=\"127.0.0.1\" addrtype=\"ipv4\"/>",
        "<hostname name=\"localhost\" type=\"user\"/>",
        "<ports>\n<extraports state=\"closed\" count=\"1022\"/>\n<port protocol=\"tcp\" portid=\"22\">",
        "<script id=\"banner\" output=\"SSH-2.0-x\\r\\nmore\"/></port>\n<port protocol=\"tcp\" portid=\"80\">",
        "<finished time=\"1700000001\" elapsed=\"1.500\" exit=\"success\"/><hosts up=\"1\" down=\"0\" total=\"1\"/>",
    ] {
        assert!(xml.contains(piece), "{piece}\n{xml}");
    }
}

#[test]
fn xml_keeps_no_more_than_its_limit_and_loses_nothing() {
    let (one, other) = (host("10.0.0.1", None), host("10.0.0.2", None));
    let ports = |host, count: usize| {
        (0..count).map(|number| Event::Port(port(host, number as u16, Verdict::Open))).collect::<Vec<_>>()
    };
    let counts = |open| Counts { open, closed: 7, ..Counts::default() };
    let mut events = vec![Event::Started(Started { hosts: 2, ports: 65_535 })];
    events.extend(ports(&other, 3));
    events.extend(ports(&one, WAITING_MAX + 1));
    events.push(Event::Host(report(&one, counts(WAITING_MAX as u64 + 1))));
    events.push(Event::Host(report(&other, counts(3))));
    let xml = written(Format::Xml, about(), &events);
    let document = parse(&xml);
    let hosts: Vec<_> = document.descendants().filter(|node| node.has_tag_name("host")).collect();
    let of = |node: &roxmltree::Node| {
        let all = |name: &str| node.descendants().filter(|node| node.has_tag_name(name)).count();
        let address = node.descendants().find_map(|node| node.attribute("addr")).unwrap().to_owned();
        (address, all("port"), all("extraports"))
    };
    let expected = [("10.0.0.1", WAITING_MAX - 3, 0), ("10.0.0.1", 4, 1), ("10.0.0.2", 3, 1)];
    let seen: Vec<_> = hosts.iter().map(of).collect();
    let seen: Vec<_> = seen.iter().map(|(address, ports, extra)| (&**address, *ports, *extra)).collect();
    assert_eq!(seen, expected);
}

fn parse(xml: &str) -> roxmltree::Document<'_> {
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..Default::default() };
    roxmltree::Document::parse_with_options(xml, options).unwrap_or_else(|why| panic!("{why}:\n{xml}"))
}

/// Where Debian's nmap has it.
const DTD: &str = "/usr/share/nmap/nmap.dtd";

/// What `xmllint` has against this document by nmap's DTD, where both are installed.
fn against_dtd(xml: &str) -> Option<String> {
    if !std::path::Path::new(DTD).exists() {
        return None;
    }
    let mut command = Command::new("xmllint");
    command.args(["--noout", "--nonet", "--dtdvalid", DTD, "-"]);
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn();
    let mut child = child.ok()?;
    child.stdin.take().unwrap().write_all(xml.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    Some(if output.status.success() { String::new() } else { format!("it is not valid: {said}") })
}

#[test]
fn xml_is_valid_by_the_dtd_wherever_it_ends() {
    let mut events = usual();
    let other = host("::1", Some("a<b>&\u{1}\"c"));
    events.insert(3, Event::Port(port(&other, 1, Verdict::Unreachable)));
    let vouched = About { authorized: Some("the owner <ana@example.org>\u{7}".into()), ..about() };
    for count in 0..=events.len() {
        let xml = written(Format::Xml, vouched.clone(), &events[..count]);
        match against_dtd(&xml) {
            Some(said) => assert_eq!(said, "", "{xml}"),
            None => drop(parse(&xml)),
        }
    }
    // It does look: what is no such document is told.
    if let Some(said) = against_dtd("<!DOCTYPE nmaprun><nmaprun/>") {
        assert!(said.contains("not valid"), "{said}");
    }
}

proptest! {
    #[test]
    fn whatever_is_told_and_wherever_it_ends_it_can_be_read(
        events in prop::collection::vec(any_event(), 0..25),
        authorized in prop::option::of(text()),
        command in text(),
    ) {
        let about = About { authorized, command, ..about() };
        for format in FORMATS {
            let told = written(format, about.clone(), &events);
            let is_plain = |byte: u8| (b' '..=b'~').contains(&byte) || byte == b'\n';
            prop_assert!(format == Format::Text || told.bytes().all(is_plain), "{:?}", told);
            prop_assert!(told.chars().all(|letter| letter == '\n' || !letter.is_control()), "{:?}", told);
            match format {
                Format::Json => {
                    let whole: Value = serde_json::from_str(&told).unwrap();
                    prop_assert!(whole["results"].is_array() && whole["end"]["type"] == "end");
                    prop_assert_eq!(&whole["start"]["command"], &Value::from(about.command.as_str()));
                }
                Format::Ndjson => {
                    let lines: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                    prop_assert_eq!(&lines[0]["type"], "start");
                    let ends = lines.iter().filter(|line| line["type"] == "end").count();
                    prop_assert!(ends == 1 && lines[lines.len() - 1]["type"] == "end");
                }
                Format::Xml => {
                    let document = parse(&told);
                    let before_end = events.iter().take_while(|event| !matches!(event, Event::Ended(_)));
                    let ports = before_end.filter(|event| matches!(event, Event::Port(_))).count();
                    let told = document.descendants().filter(|node| node.has_tag_name("port")).count();
                    prop_assert_eq!(told, ports);
                }
                Format::Text => {}
            }
        }
    }
}
