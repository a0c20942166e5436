//! What those who start a chat must know before they tell others of it: where these reach it, and what they can do there. Nobody
//! sends a password in plain text over a network unless the operator allows it, so without TLS others are guests.

use std::net::{IpAddr, SocketAddr};

use crate::listen::Listen;
use crate::log::Event;

/// What is spoken and allowed.
#[derive(Clone, Copy, Debug)]
pub struct House {
    /// TLS is spoken as well at every address.
    pub tls: bool,
    /// Passwords may come in plain text.
    pub plaintext: bool,
    /// People may come in without an account.
    pub guests: bool,
    /// Where it listens is said in a file, beside other services.
    pub in_file: bool,
}

/// What the log hears of it: each address where nobody can sign in from other machines, with the ways out.
pub fn events(listens: &[Listen], house: House) -> impl Iterator<Item = Event> {
    let effect = match house.guests {
        true => "people from other machines are guests: nobody can sign in there in plain text",
        false => "nobody can come in from other machines: they would have to sign in, in plain text",
    };
    let event =
        move |listen| Event::info("account.guests_only").with("address", listen).with("effect", effect);
    closed(listens, house).map(event).map(|event| event.with("hint", WAYS_OUT))
}

/// The ways out, in a few words.
const WAYS_OUT: &str = "--tls-cert FILE --tls-key FILE, or --accounts-allow-plaintext";

/// Where nobody could send a password otherwise than in plain text over a network, and so it is not taken.
fn closed(listens: &[Listen], house: House) -> impl Iterator<Item = &Listen> {
    let refused = !house.tls && !house.plaintext;
    listens.iter().filter(move |listen| refused && is_open(listen) && !listen.only_tls)
}

/// Lines for the banner.
pub fn words(listens: &[Listen], house: House) -> Vec<String> {
    let Some(open) = listens.iter().find(|listen| is_open(listen)) else {
        let how = match house.in_file {
            true => "listen = [\"0.0.0.0:50007\"] below its [[service]]",
            false => "throng serve --listen 0.0.0.0:50007",
        };
        return vec![format!("Only this machine can connect. To let others in: {how}")];
    };
    let mut lines = open.address.tcp().map_or(Vec::new(), |tcp| vec![share(tcp, open.only_tls)]);
    if let Some(closed) = closed(listens, house).next() {
        let what = match house.guests {
            true => {
                "Who comes from another machine is a guest: passwords are not taken in plain text over a network."
            }
            false => {
                "Nobody can come in from another machine: passwords are not taken in plain text over a network."
            }
        };
        lines.extend([what.to_owned(), "To let them sign in:".to_owned()]);
        lines.push("  --tls-cert FILE --tls-key FILE    (throng tls self-signed makes both)".to_owned());
        lines.extend(tunnel(closed));
        lines.push(
            "  --accounts-allow-plaintext        (anybody on the way can read passwords then)".to_owned(),
        );
    } else if house.plaintext && listens.iter().any(|listen| is_open(listen) && !listen.only_tls) {
        lines.push(
            "Passwords are taken in plain text from other machines: anybody on the way can read them."
                .to_owned(),
        );
    } else if !listens.iter().all(|listen| listen.only_tls) {
        lines.push("From another machine one signs in with TLS; without it one is a guest.".to_owned());
    }
    lines
}

/// Can other machines connect?
fn is_open(listen: &Listen) -> bool {
    !listen.address.is_local()
}

/// What to tell others.
fn share(tcp: SocketAddr, only_tls: bool) -> String {
    let (host, port) = (host(tcp.ip()), tcp.port());
    let whose = if tcp.ip().is_unspecified() { "    (HOST: this machine's name or address)" } else { "" };
    match only_tls {
        true => format!("Share:   https://{host}:{port}/, or any IRC client with TLS{whose}"),
        false => format!(
            "Share:   telnet {} {port}, or http://{host}:{port}/{whose}",
            host.trim_matches(['[', ']'])
        ),
    }
}

fn host(ip: IpAddr) -> String {
    match ip {
        ip if ip.is_unspecified() => "HOST".to_owned(),
        IpAddr::V6(ip) => format!("[{ip}]"),
        ip => ip.to_string(),
    }
}

/// Through a tunnel one comes from this machine itself, if the server listens there too.
fn tunnel(listen: &Listen) -> Option<String> {
    let tcp = listen.address.tcp().filter(|tcp| tcp.ip().is_unspecified())?;
    let (port, local) = (tcp.port(), if tcp.is_ipv4() { "127.0.0.1" } else { "[::1]" });
    Some(format!("  ssh -L {port}:{local}:{port} HOST    (a tunnel: they join 127.0.0.1 then)"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use jiff::tz::TimeZone;

    use super::*;

    const PLAIN: House = House { tls: false, plaintext: false, guests: true, in_file: false };

    fn check(listens: &[&str], house: House, expected: &[&str], not: &[&str]) {
        let listens: Vec<Listen> = listens.iter().map(|listen| listen.parse().unwrap()).collect();
        let words = words(&listens, house).join("\n");
        expected.iter().for_each(|expected| assert!(words.contains(expected), "{expected:?} in:\n{words}"));
        not.iter().for_each(|not| assert!(!words.contains(not), "no {not:?} in:\n{words}"));
    }

    #[test]
    fn what_others_can_do_is_told_for_each_case() {
        let guest = "Who comes from another machine is a guest";
        let ways = ["--tls-cert FILE --tls-key FILE", "throng tls self-signed", "--accounts-allow-plaintext"];
        let local = "Only this machine can connect.";
        // Loopback and Unix sockets: nobody else comes.
        check(&["127.0.0.1:50007"], PLAIN, &[local], &[guest]);
        check(&["[::1]:50007", "unix:/run/throng.sock"], PLAIN, &[local], &[guest]);
        // A network without TLS.
        check(
            &["0.0.0.0:50007"],
            PLAIN,
            &[guest, "Share:   telnet HOST 50007, or http://HOST:50007/"],
            &[local],
        );
        check(&["0.0.0.0:50007"], PLAIN, &ways, &[]);
        check(&["0.0.0.0:50007"], PLAIN, &["ssh -L 50007:127.0.0.1:50007 HOST"], &[]);
        check(&["127.0.0.1:1", "192.0.2.1:2"], PLAIN, &[guest, "telnet 192.0.2.1 2"], &["ssh -L"]);
        check(&["[2001:db8::1]:2"], PLAIN, &["telnet 2001:db8::1 2, or http://[2001:db8::1]:2/"], &[]);
        let members = House { guests: false, ..PLAIN };
        check(&["0.0.0.0:1"], members, &["Nobody can come in from another machine"], &[guest]);
        // With TLS.
        let tls = House { tls: true, ..PLAIN };
        check(&["0.0.0.0:1"], tls, &["one signs in with TLS", "telnet HOST 1"], &[guest, "--tls-cert"]);
        check(&["tls:0.0.0.0:1"], tls, &["Share:   https://HOST:1/"], &[guest, "telnet", "without it"]);
        // Allowed.
        let allowed = House { plaintext: true, ..PLAIN };
        check(&["0.0.0.0:1"], allowed, &["anybody on the way can read them"], &[guest]);
        check(
            &["0.0.0.0:1"],
            House { tls: true, ..allowed },
            &["anybody on the way can read them"],
            &[guest],
        );
        check(&["127.0.0.1:1"], allowed, &[local], &["anybody on the way"]);
    }

    #[test]
    fn the_log_hears_of_each_address_where_nobody_can_sign_in() {
        let listens: Vec<Listen> = ["127.0.0.1:1", "0.0.0.0:2", "tls:0.0.0.0:3", "[::]:4"]
            .map(|listen| listen.parse().unwrap())
            .into();
        let told =
            |house| events(&listens, house).map(|event| event.text(&TimeZone::UTC)).collect::<Vec<_>>();
        let [four, six] = &told(PLAIN)[..] else { panic!("{:?}", told(PLAIN)) };
        assert!(
            four.contains("account.guests_only address=0.0.0.0:2 ") && six.contains("address=[::]:4 "),
            "{four} {six}"
        );
        assert!(told(House { tls: true, ..PLAIN }).is_empty());
        assert!(told(House { plaintext: true, ..PLAIN }).is_empty());
        assert!(told(House { guests: false, ..PLAIN })[0].contains("nobody can come in"));
    }
}
