//! May it be done, and how gently? Targets that are somebody else's need a word for it and are asked slowly; what is large needs
//! one more, whoever they are, since a slip of the finger makes a scan of days.

use std::num::NonZero;

use throng_client::figures::sheet::number;
use throng_scan::targets::Targets;

use super::asked::Scan;
use crate::fault::Fault;
use crate::guard::{self, Reach, Word};

/// More hosts than these need a word.
const HOSTS_MAX: u64 = 256;

/// More ports of all hosts together need one too.
const QUESTIONS_MAX: u64 = 1_000_000;

/// Questions a second to public targets, unless something else is said.
const PUBLIC_RATE: f64 = 10_000.0;

/// Questions that wait for an answer of public targets, unless something else is said.
const PUBLIC_WINDOW: NonZero<u32> = NonZero::new(512).unwrap();

/// How it may be done.
#[derive(Clone, Debug, PartialEq)]
pub struct Permit {
    /// Whose word it was, where one was given.
    pub authorized: Option<String>,
    /// Questions a second, if they are bounded.
    pub rate: Option<f64>,
    /// Questions that wait for an answer, if they are bounded.
    pub window_max: Option<NonZero<u32>>,
}

/// Asks for whatever word is needed and not given.
pub fn permit(asked: &Scan, targets: &Targets, ports: u32) -> Result<Permit, Fault> {
    let word = Word { authorized: asked.authorized.as_deref(), yes_large: asked.yes_large };
    let allowed_by = guard::check(targets.iter().map(|host| host.address), &[], word)?;
    is_not_too_large(asked, targets, ports, guard::agrees)?;
    Ok(paced(asked, allowed_by))
}

/// What would be asked for; for those who only want to know.
pub fn would_need(asked: &Scan, targets: &Targets, ports: u32) -> Result<(Permit, Vec<String>), Fault> {
    let mut needed = Vec::new();
    let mut strangers = 0_u64;
    for host in targets.iter() {
        match guard::reach(host.address) {
            Reach::None => return Err(guard::no_host(host.address)),
            Reach::Public => strangers += 1,
            Reach::Ours => {}
        }
    }
    let is_allowed = asked.authorized.as_deref().is_some_and(|text| !text.trim().is_empty());
    if strangers > 0 && !is_allowed {
        needed
            .push(format!("a typed yes or --authorized TEXT, for {} that are somebody's", hosts(strangers)));
    }
    if let Some(large) = large(targets, ports).filter(|_| !asked.yes_large) {
        needed.push(format!("a typed yes or --yes-large, for {large}"));
    }
    let by = (strangers > 0).then(|| asked.authorized.clone().unwrap_or_default());
    Ok((paced(asked, by), needed))
}

fn paced(asked: &Scan, allowed_by: Option<String>) -> Permit {
    let is_public = allowed_by.is_some();
    Permit {
        rate: asked.rate.or(is_public.then_some(PUBLIC_RATE)),
        window_max: is_public.then_some(PUBLIC_WINDOW),
        authorized: asked.authorized.clone().or(allowed_by),
    }
}

fn is_not_too_large(
    asked: &Scan,
    targets: &Targets,
    ports: u32,
    agrees: impl Fn(&str) -> Option<bool>,
) -> Result<(), Fault> {
    let Some(large) = large(targets, ports).filter(|_| !asked.yes_large) else { return Ok(()) };
    match agrees(&format!("These are {large}. Do you mean it? Type yes: ")) {
        Some(true) => Ok(()),
        Some(false) => Err(Fault::refused("nothing was sent: the answer was not yes")),
        None => Err(Fault::refused(format!("{large} are a large scan"))
            .hint("if it is meant: --yes-large; fewer ports: -p top:100; what would be done: --dry-run")),
    }
}

/// What is large about it, if anything is.
fn large(targets: &Targets, ports: u32) -> Option<String> {
    let questions = targets.len().saturating_mul(u64::from(ports));
    (targets.len() > HOSTS_MAX || questions > QUESTIONS_MAX)
        .then(|| format!("{} with {} each", hosts(targets.len()), counted(ports)))
}

/// So many hosts.
pub fn hosts(count: u64) -> String {
    format!("{} host{}", number(count as f64), if count == 1 { "" } else { "s" })
}

/// So many ports.
fn counted(ports: u32) -> String {
    format!("{} port{}", number(f64::from(ports)), if ports == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Verb};
    use clap::Parser;
    use throng_scan::targets::{Addresses, List, find};

    fn asked(typed: &str) -> Box<Scan> {
        let words = ["throng", "scan"].into_iter().chain(typed.split_whitespace());
        let Verb::Scan(asked) = Cli::try_parse_from(words).unwrap().verb else { panic!("another verb") };
        asked
    }

    fn targets(typed: &str) -> Targets {
        let mut list = List::default();
        list.add(typed).unwrap();
        find(&list, &List::default(), Addresses::First, |_| Ok(Vec::new())).unwrap().targets
    }

    #[test]
    fn what_is_large_needs_a_word_whoever_they_are() {
        for (whom, ports, is_large) in [
            ("127.0.0.1", 65_535, false),
            ("10.0.0.0/24", 1, false),
            ("10.0.0.0/23", 1, true),
            ("10.0.0.1-15", 65_535, false),
            ("10.0.0.1-16", 65_535, true),
        ] {
            let targets = targets(whom);
            let judge = |typed: &str, answer: Option<bool>| {
                is_not_too_large(&asked(typed), &targets, ports, |_| answer).map_err(|fault| fault.exit_code)
            };
            let refused = if is_large { Err(4) } else { Ok(()) };
            assert_eq!(judge("", None), refused, "{whom}");
            assert_eq!(judge("", Some(false)), refused, "{whom}");
            assert_eq!((judge("", Some(true)), judge("--yes-large", None)), (Ok(()), Ok(())));
        }
    }

    #[test]
    fn strangers_are_asked_slowly_unless_something_else_is_said() {
        let free = Permit { authorized: None, rate: None, window_max: None };
        assert_eq!(permit(&asked(""), &targets("127.0.0.1"), 1).unwrap(), free);
        // The address is documentation's (RFC 5737), and nothing is sent here.
        let public = |typed: &str| permit(&asked(typed), &targets("192.0.2.1"), 1);
        let by = Some("us".to_owned());
        let slow = Permit { authorized: by, rate: Some(PUBLIC_RATE), window_max: Some(PUBLIC_WINDOW) };
        assert_eq!(public("--authorized us").unwrap(), slow);
        assert_eq!(public("--authorized us --rate 20k").unwrap(), Permit { rate: Some(20_000.0), ..slow });
        let (permit, needed) = would_need(&asked(""), &targets("192.0.2.0/23"), 1).unwrap();
        assert_eq!((permit.rate, needed.len()), (Some(PUBLIC_RATE), 2));
        assert_eq!(would_need(&asked(""), &targets("127.0.0.1"), 1).unwrap(), (free, Vec::new()));
        assert_eq!(would_need(&asked(""), &targets("224.0.0.1"), 1).unwrap_err().exit_code, 4);
    }
}
