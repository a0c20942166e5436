//! Whatever strangers send: what reads it never panics, and never takes more for its own than is.

#![allow(clippy::unwrap_used)]

use bolero::check;
use throng_server::Facts;
use throng_server::proxy_protocol::{Passed, parse};

#[test]
fn a_proxys_header_may_be_any_bytes() {
    check!().for_each(|bytes: &[u8]| {
        let first = [b"PROXY ".as_slice(), bytes].concat();
        let second = [b"\r\n\r\n\0\r\nQUIT\n".as_slice(), bytes].concat();
        for header in [bytes, &first, &second] {
            // What is understood is understood in the same way again.
            let understood = parse(header).ok();
            assert_eq!(understood, parse(header).ok());
        }
    });
}

#[test]
fn what_a_proxy_says_is_understood_whoever_it_passes_on() {
    check!().with_type::<([u8; 4], [u8; 4], u16, u16)>().for_each(|(from, to, from_port, to_port)| {
        let (source, destination) = ((*from, *from_port).into(), (*to, *to_port).into());
        let client = Passed::Client { source, destination, facts: Facts::default() };
        let first = format!("PROXY TCP4 {} {} {from_port} {to_port}\r\n", source.ip(), destination.ip());
        let ports = [from_port.to_be_bytes(), to_port.to_be_bytes()].concat();
        let fixed = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c".as_slice();
        let second = [fixed, &from[..], &to[..], &ports].concat();
        for header in [first.as_bytes(), &second] {
            assert_eq!(parse(header).unwrap(), client);
            // Half a header is none.
            assert!((0..header.len()).all(|length| parse(&header[..length]).is_err()));
        }
    });
}
