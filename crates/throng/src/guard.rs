//! Whom this program may be sent against: this machine and private networks as one likes, everybody else with somebody's word
//! for it, and what is no host at all never. Called before the first packet by whatever loads or scans; sends nothing itself.

use std::io::{BufRead, IsTerminal, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use crate::fault::Fault;

/// The answer that goes on; any other one does not.
const YES: &str = "yes";

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 4096;

/// Whose word it is that was typed.
const TYPED: &str = "yes, typed on the terminal";

/// What a public address is, as it is told.
const STRANGER: &str = "neither this machine nor in a private network";

/// A port to ask for a way to; nothing is sent there.
const ANY_PORT: u16 = 9;

/// How many public addresses the kernel is asked about, whether they are this machine's; the others are not.
const WAYS_MAX: u64 = 4096;

/// What an address is to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// This machine, or a network that is nobody else's.
    Ours,
    /// Somebody's.
    Public,
    /// Nobody's: multicast, broadcast, "this network", reserved.
    None,
}

/// What was said for it on the command line.
#[derive(Clone, Copy, Debug)]
pub struct Word<'a> {
    /// Who allowed it.
    pub authorized: Option<&'a str>,
    /// More than usual.
    pub yes_large: bool,
}

/// How much of something public targets would bear.
#[derive(Clone, Copy, Debug)]
pub struct Amount {
    /// So many.
    pub count: u64,
    /// Of what: "clients".
    pub noun: &'static str,
    /// So many need no further word.
    pub most: u64,
}

/// May these be called, with so much? Asks on the terminal where the command line leaves it open and somebody is there.
/// Gives whose word it was, where one was needed.
pub fn check(
    targets: impl IntoIterator<Item = IpAddr>,
    amounts: &[Amount],
    word: Word,
) -> Result<Option<String>, Fault> {
    let has_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    judge(targets, amounts, word, has_terminal.then_some(&mut ask))
}

/// Asks on the terminal for a yes; nothing where there is none.
pub fn agrees(question: &str) -> Option<bool> {
    let has_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    has_terminal.then(|| is_yes(ask(question)))
}

/// What an address is to us, as far as this machine knows.
pub fn reach(target: IpAddr) -> Reach {
    match reach_by_number(target) {
        Reach::Public if is_own(target.to_canonical()) => Reach::Ours,
        reach => reach,
    }
}

/// The same, as far as the number alone tells.
fn reach_by_number(target: IpAddr) -> Reach {
    match target.to_canonical() {
        IpAddr::V4(ip) => reach_v4(ip),
        IpAddr::V6(ip) => reach_v6(ip),
    }
}

/// The same as `check`, with the one who is asked; nobody where there is no terminal. What is not answered is a no.
fn judge<A>(
    targets: impl IntoIterator<Item = IpAddr>,
    amounts: &[Amount],
    word: Word,
    mut ask: Option<A>,
) -> Result<Option<String>, Fault>
where
    A: FnMut(&str) -> Option<String>,
{
    let (mut first, mut others) = (None, 0_u64);
    for target in targets {
        match if others < WAYS_MAX { reach(target) } else { reach_by_number(target) } {
            Reach::Ours => {}
            Reach::None => return Err(no_host(target)),
            Reach::Public if first.is_none() => first = Some(target),
            Reach::Public => others += 1,
        }
    }
    let Some(first) = first else { return Ok(None) };
    let whom = if others == 0 { first.to_string() } else { format!("{first} (and {others} more)") };
    let mut agreed = |question: &str| ask.as_mut().map(|ask| is_yes(ask(question)));

    let given = word.authorized.map(str::trim).filter(|text| !text.is_empty());
    let by = match given {
        Some(text) => text.to_owned(),
        None => match agreed(&format!("{whom} is {STRANGER}. Are its owners content? Type yes: ")) {
            Some(true) => TYPED.to_owned(),
            Some(false) => return Err(not_agreed(&whom)),
            None => {
                return Err(Fault::refused(format!(
                    "{whom} is {STRANGER}, and this may harm who serves there"
                ))
                .hint("if they agreed to it, say who: --authorized \"who allowed it, and when\""));
            }
        },
    };
    for Amount { count, noun, most } in amounts.iter().filter(|amount| amount.count > amount.most) {
        let many = format!("{count} {noun} are many for {whom}, which is {STRANGER}");
        let question = format!("{many}. Are its owners content with so many? Type yes: ");
        match if word.yes_large { Some(true) } else { agreed(&question) } {
            Some(true) => {}
            Some(false) => return Err(not_agreed(&whom)),
            None => {
                return Err(Fault::refused(many)
                    .hint(format!("at most {most}, or --yes-large if they agreed to more")));
            }
        }
    }
    Ok(Some(by))
}

/// What is no host is refused.
pub fn no_host(target: IpAddr) -> Fault {
    Fault::refused(format!("{target} is no host: multicast, broadcast and reserved addresses are refused"))
}

fn not_agreed(whom: &str) -> Fault {
    Fault::refused(format!("nothing was sent to {whom}: the answer was not {YES}"))
        .hint("ask its owners first, then say who agreed: --authorized \"who allowed it, and when\"")
}

fn is_yes(answer: Option<String>) -> bool {
    answer.is_some_and(|answer| answer.trim() == YES)
}

/// Asks whoever sits at the terminal; nothing where it has ended.
fn ask(question: &str) -> Option<String> {
    let mut terminal = std::io::stderr().lock();
    terminal.write_all(question.as_bytes()).and_then(|()| terminal.flush()).ok()?;
    let mut answer = String::new();
    let read = std::io::stdin().lock().take(ANSWER_MAX).read_line(&mut answer).ok()?;
    // At its end the terminal has not moved to the next line.
    if !answer.ends_with('\n') {
        let _ = terminal.write_all(b"\n");
    }
    (read > 0).then_some(answer)
}

fn reach_v4(ip: Ipv4Addr) -> Reach {
    if ip.octets()[0] == 0 || ip.octets()[0] >= 224 {
        Reach::None
    } else if ip.is_loopback() || ip.is_private() || ip.is_link_local() {
        Reach::Ours
    } else {
        Reach::Public
    }
}

fn reach_v6(ip: Ipv6Addr) -> Reach {
    if ip.is_unspecified() || ip.is_multicast() {
        Reach::None
    } else if ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local() {
        Reach::Ours
    } else {
        Reach::Public
    }
}

/// Whoever calls this machine by one of its own addresses comes from that address; so the kernel is asked for the way. To bind
/// it would prove nothing: a machine may be set to bind what is not its own.
fn is_own(target: IpAddr) -> bool {
    let any: IpAddr =
        if target.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let way = || {
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect((target, ANY_PORT))?;
        socket.local_addr()
    };
    way().is_ok_and(|from| from.ip() == target)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No terminal.
    const NOBODY: Option<fn(&str) -> Option<String>> = None;

    const NOTHING: Word = Word { authorized: None, yes_large: false };

    fn clients(count: u64) -> [Amount; 1] {
        [Amount { count, noun: "clients", most: 100 }]
    }

    fn ip(target: &str) -> IpAddr {
        target.parse().unwrap()
    }

    #[test]
    fn only_this_machine_and_private_networks_need_no_word() {
        let allowed = Word { authorized: Some("the owner, today"), yes_large: false };
        let large = Word { yes_large: true, ..allowed };
        let blank = Word { authorized: Some(" "), yes_large: true };
        // The public ones are documentation's (RFC 5737, RFC 3849): nobody has them.
        for (target, count, free, with_word, with_more) in [
            ("127.0.0.1", 100_000, true, true, true),
            ("127.9.9.9", 1, true, true, true),
            ("10.1.2.3", 1000, true, true, true),
            ("172.31.0.1", 1, true, true, true),
            ("192.168.1.1", 1, true, true, true),
            ("169.254.1.1", 1, true, true, true),
            ("::1", 1, true, true, true),
            ("fd00::1", 1, true, true, true),
            ("fe80::1", 1, true, true, true),
            ("::ffff:127.0.0.1", 1, true, true, true),
            ("192.0.2.1", 100, false, true, true),
            ("192.0.2.1", 101, false, false, true),
            ("172.32.0.1", 1, false, true, true),
            ("2001:db8::1", 1, false, true, true),
            ("::ffff:192.0.2.1", 1, false, true, true),
            ("0.0.0.0", 1, false, false, false),
            ("224.0.0.1", 1, false, false, false),
            ("240.0.0.1", 1, false, false, false),
            ("255.255.255.255", 1, false, false, false),
            ("::", 1, false, false, false),
            ("::ffff:224.0.0.1", 1, false, false, false),
            ("ff02::1", 1, false, false, false),
        ] {
            for (word, expected) in [(NOTHING, free), (blank, free), (allowed, with_word), (large, with_more)]
            {
                let found = judge([ip(target)], &clients(count), word, NOBODY);
                assert_eq!(found.is_ok(), expected, "{target} {count} {word:?}: {found:?}");
                match found {
                    Ok(by) => assert_eq!(by.is_some(), !free, "{target}"),
                    Err(fault) => assert_eq!(fault.exit_code, 4),
                }
            }
        }
    }

    #[test]
    fn one_stranger_among_many_is_enough_to_be_asked_for() {
        let targets = ["127.0.0.1", "192.0.2.7", "10.0.0.1", "192.0.2.8"].map(ip);
        let fault = judge(targets, &[], NOTHING, NOBODY).unwrap_err();
        assert!(fault.what.starts_with("192.0.2.7 (and 1 more) is neither"), "{fault}");
        let with_no_host = [ip("192.0.2.7"), ip("224.0.0.1")];
        let asked = |_: &str| -> Option<String> { panic!("for what is refused anyway nobody is asked") };
        assert!(judge(with_no_host, &[], NOTHING, Some(asked)).unwrap_err().what.contains("no host"));
    }

    #[test]
    fn an_address_of_this_machine_is_its_own_whatever_it_is() {
        assert!(is_own(ip("127.0.0.1")) && !is_own(ip("192.0.2.1")));
    }

    /// What comes of these answers, and which questions were asked.
    fn answered(
        word: Word,
        count: u64,
        answers: &[Option<&str>],
    ) -> (Result<Option<String>, u8>, Vec<String>) {
        let (mut questions, mut left) = (Vec::new(), answers.iter());
        let ask = |question: &str| {
            questions.push(question.to_owned());
            left.next().expect("an answer for each question").map(str::to_owned)
        };
        let found = judge([ip("192.0.2.1")], &clients(count), word, Some(ask));
        assert_eq!(left.len(), 0, "a question was not asked");
        (found.map_err(|fault| fault.exit_code), questions)
    }

    #[test]
    fn only_a_typed_yes_goes_on() {
        let typed = Ok(Some(TYPED.to_owned()));
        let (found, questions) = answered(NOTHING, 1, &[Some("yes\n")]);
        assert_eq!(found, typed);
        let expected =
            "192.0.2.1 is neither this machine nor in a private network. Are its owners content? Type yes: ";
        assert_eq!(questions, [expected]);
        for no in [Some("no\n"), Some("\n"), Some("y\n"), Some("YES\n"), Some("yes please\n"), Some(""), None]
        {
            assert_eq!(answered(NOTHING, 1, &[no]).0, Err(4), "{no:?}");
        }
        // Many are a question of their own.
        let (found, questions) = answered(NOTHING, 101, &[Some("yes\n"), Some(" yes\r\n")]);
        assert_eq!(found, typed);
        assert!(
            questions[1].starts_with("101 clients are many for 192.0.2.1, which is neither"),
            "{questions:?}"
        );
        assert_eq!(answered(NOTHING, 101, &[Some("yes\n"), Some("no\n")]).0, Err(4));
        // What the command line says is not asked for again.
        let allowed = Word { authorized: Some("the owner"), yes_large: false };
        assert_eq!(answered(allowed, 100, &[]).0, Ok(Some("the owner".to_owned())));
        assert_eq!(answered(allowed, 101, &[Some("no\n")]).0, Err(4));
        assert_eq!(
            answered(Word { yes_large: true, ..allowed }, 101, &[]).0,
            Ok(Some("the owner".to_owned()))
        );
        assert_eq!(answered(Word { yes_large: true, ..NOTHING }, 101, &[Some("yes\n")]).0, typed);
    }
}
