//! `throng connect` at a pipe: every byte as it is, and each way to end has its exit code.

#![allow(clippy::unwrap_used)]

mod peers;

use std::io::{Read, Seek, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use std::sync::mpsc::sync_channel;

use peers::{Piped, command, ended, read_all, read_line, reset, run, server};

/// Every byte there is, in more than any buffer on the way holds.
fn payload() -> Vec<u8> {
    (0..300_000_u32).flat_map(|number| [number.to_le_bytes(), [255, 0, 13, 10]].concat()).collect()
}

#[test]
fn every_byte_goes_there_and_comes_back_as_it_was() {
    let back = |mut client: std::net::TcpStream| {
        let bytes = read_all(&mut client);
        client.write_all(&bytes).unwrap();
    };
    let bytes = payload();
    // The ways on which the kernel moves them, and those on which we look at them.
    for arguments in [&[][..], &["--transcript", "/dev/null"]] {
        let (address, _) = server(back);
        let mut piped = Piped::start(address, arguments);
        let mut output = piped.output();
        let reading = std::thread::spawn(move || read_all(&mut output));
        piped.write(&bytes);
        piped.finish();
        assert!(reading.join().unwrap() == bytes, "{arguments:?}");
        assert_eq!(ended(&piped.wait()), (0, String::new()), "{arguments:?}");

        let (address, _) = server(back);
        let (mut input, mut output) = (tempfile::tempfile().unwrap(), tempfile::tempfile().unwrap());
        input.write_all(&bytes).unwrap();
        input.rewind().unwrap();
        let to = address.to_string();
        let all = [&[to.as_str()], arguments].concat();
        let piped = Piped::start_with(&all, Stdio::from(input), Stdio::from(output.try_clone().unwrap()));
        assert_eq!(ended(&piped.wait()), (0, String::new()), "{arguments:?}");
        output.rewind().unwrap();
        assert!(read_all(&mut output) == bytes, "{arguments:?}, files");
    }
}

#[test]
fn a_reply_is_waited_for_however_late_it_comes() {
    let (told, waits) = sync_channel::<()>(0);
    let (address, _) = server(move |mut client| {
        assert_eq!(read_all(&mut client), b"question");
        // The program has nothing to do but to wait, for as long as this test looks at it.
        waits.recv().unwrap();
        client.write_all(b"answer").unwrap();
    });
    let mut piped = Piped::start(address, &[]);
    piped.write(b"question");
    piped.finish();
    told.send(()).unwrap();
    let output = piped.wait();
    assert_eq!((ended(&output).0, output.stdout.as_slice()), (0, &b"answer"[..]));
}

#[test]
fn the_servers_end_ends_it_while_standard_input_is_open() {
    for arguments in [&[][..], &["--crlf"]] {
        let (address, _) = server(|mut client| client.write_all(b"bye").unwrap());
        // `wait` keeps standard input open.
        let output = Piped::start(address, arguments).wait();
        assert_eq!((ended(&output), output.stdout.as_slice()), ((0, String::new()), &b"bye"[..]));
    }
}

#[test]
fn a_cut_connection_is_told_and_is_no_success() {
    for arguments in [&[][..], &["--crlf"]] {
        let (address, _) = server(|mut client| {
            // Before that the client may not know yet that it is connected.
            client.read_exact(&mut [0]).unwrap();
            reset(&client);
        });
        let mut piped = Piped::start(address, arguments);
        piped.write(b"x");
        let (code, said) = ended(&piped.wait());
        assert_eq!(code, 5, "{said}");
        assert!(said.starts_with("error: the server cut the connection (reset)"), "{said}");
    }
}

#[test]
fn whom_nobody_reads_any_more_ends_without_a_word() {
    for arguments in [&[][..], &["--crlf"]] {
        // It floods until nobody takes it.
        let (address, _) = server(|mut client| while client.write_all(&[b'x'; 65_536]).is_ok() {});
        let mut piped = Piped::start(address, arguments);
        let mut output = piped.output();
        output.read_exact(&mut [0; 100_000]).unwrap();
        drop(output);
        assert_eq!(ended(&piped.wait()), (1, String::new()), "{arguments:?}");
    }
}

#[test]
fn what_was_asked_wrongly_says_what_is_expected() {
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = command().args(arguments).stdin(Stdio::null()).output().unwrap();
        let (found, said) = ended(&output);
        assert!(found == code && said.contains(expected), "{arguments:?}: {found} {said}");
    };
    check(&[], 2, "throng connect 127.0.0.1 50007");
    check(&["localhost"], 2, "no port was given");
    check(&["localhost", "seventy"], 2, "a port is a number from 1 to 65535");
    check(&["http://localhost/", "80"], 2, "that is a URL");
    check(&["localhost:1", "2"], 2, "the port is given twice");
    check(&["unix:/x", "2"], 2, "a Unix socket has no port");
    check(&["localhost", "1", "--ca", "x"], 2, "--tls");
    check(&["localhost", "1", "--tls", "--ca", "/nonexistent"], 2, "cannot read /nonexistent");
    check(&["localhost", "1", "--transcript", "/nonexistent/x"], 1, "/nonexistent/x cannot be written");
    check(&["unix:/nonexistent/x"], 3, "there is no such file");
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    check(&[&free.to_string()], 3, "connection refused");
    check(&[&free.to_string()], 3, "throng serve");
}

#[test]
fn a_unix_socket_is_called_by_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let served = std::thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        let bytes = read_all(&mut client);
        client.write_all(&bytes).unwrap();
    });
    let target = format!("unix:{}", path.display());
    let mut piped = Piped::start_with(&[&target, "-v"], Stdio::piped(), Stdio::piped());
    piped.write(b"hello");
    piped.finish();
    let output = piped.wait();
    let said = format!("connected to {target}\nclosed by the server\n");
    assert_eq!((ended(&output), output.stdout.as_slice()), ((0, said), &b"hello"[..]));
    served.join().unwrap();
}

#[test]
fn lines_end_as_the_service_wants_them() {
    let (address, served) = server(|mut client| read_all(&mut client));
    assert_eq!(ended(&run(address, &["--crlf"], b"a\nb\r\n")), (0, String::new()));
    assert_eq!(served.join().unwrap(), b"a\r\nb\r\n");
}

#[test]
fn a_script_says_each_line_when_its_question_came() {
    let (address, served) = server(|mut client| {
        client.write_all(b"login: ").unwrap();
        let name = read_line(&mut client);
        client.write_all(b"pass").unwrap();
        client.write_all(b"word: ").unwrap();
        let password = read_line(&mut client);
        client.write_all(b"welcome\r\n").unwrap();
        // It does not hang up: after the last expectation the client does.
        [name, password, String::from_utf8(read_all(&mut client)).unwrap()]
    });
    let steps = [
        "--expect",
        "login:",
        "--send",
        "ana",
        "--expect",
        "password:",
        "--send",
        "pw",
        "--expect",
        "welcome",
    ];
    let piped = Piped::start(address, &steps);
    let output = piped.wait();
    assert_eq!(ended(&output), (0, String::new()));
    assert_eq!(output.stdout, b"login: password: welcome\r\n");
    assert_eq!(served.join().unwrap(), ["ana\n", "pw\n", ""]);
}

#[test]
fn after_a_last_line_what_comes_is_read_to_its_end() {
    let (address, _) = server(|mut client| {
        let asked = read_all(&mut client);
        client.write_all(&asked).unwrap();
        client.write_all(b"and more").unwrap();
    });
    let output = Piped::start(address, &["--send", "a", "--send", "b", "--crlf"]).wait();
    assert_eq!((ended(&output).0, output.stdout.as_slice()), (0, &b"a\r\nb\r\nand more"[..]));
}

#[test]
fn a_text_that_does_not_come_is_no_success() {
    // This one is silent until the client goes.
    let (address, _) = server(|mut client| read_all(&mut client));
    let (code, said) =
        ended(&Piped::start(address, &["--expect", "x\x1b", "--expect-timeout", "50ms"]).wait());
    assert!(
        code == 5 && said.contains(r#""x\x1b" did not come in time"#) && !said.contains('\x1b'),
        "{said}"
    );
    let (address, _) = server(|mut client| client.write_all(b"sorry").unwrap());
    let output = Piped::start(address, &["--expect", "welcome"]).wait();
    let (code, said) = ended(&output);
    assert!(code == 5 && said.contains(r#"ended before "welcome" came"#), "{said}");
    assert_eq!(output.stdout, b"sorry");
}

#[test]
fn a_transcript_has_everything_that_was_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talk.ndjson");
    let (address, _) = server(|mut client| {
        let asked = read_all(&mut client);
        client.write_all(&asked).unwrap();
        client.write_all(b"\xff").unwrap();
        client.shutdown(Shutdown::Write).unwrap();
    });
    let arguments = ["--transcript", path.to_str().unwrap()];
    assert_eq!(ended(&run(address, &arguments, "grüß\n".as_bytes())).0, 0);
    let kept = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> =
        kept.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let events: Vec<_> = lines.iter().map(|line| line["event"].as_str().unwrap()).collect();
    assert_eq!((events.first(), events.last()), (Some(&"connected"), Some(&"closed")), "{kept}");
    assert!(lines.iter().all(|line| line["at"].as_str().unwrap().ends_with('Z')), "{kept}");
    let of = |event: &str, key: &str| -> String {
        let of_event = lines.iter().filter(|line| line["event"] == event);
        of_event.filter_map(|line| line[key].as_str()).collect()
    };
    assert_eq!((of("sent", "text"), of("connected", "to")), ("grüß\n".to_owned(), address.to_string()));
    // Where the reads end is the network's to say.
    let came = of("received", "text") + &of("received", "hex");
    assert!(came == "grüß\nff" || came == "6772c3bcc39f0aff", "{kept}");
}

#[test]
fn it_calls_again_until_somebody_answers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.sock");
    let target = format!("unix:{}", path.display());
    let mut command = command();
    command.args([&target, "--reconnect"]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = std::io::BufReader::new(child.stderr.take().unwrap());
    let line = read_line(&mut said);
    assert!(line.contains("there is no such file; calling again in "), "{line}");
    let listener = UnixListener::bind(&path).unwrap();
    let mut client = listener.accept().unwrap().0;
    client.write_all(b"here").unwrap();
    drop(client);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout == b"here", "{output:?}");
}
