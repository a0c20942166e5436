//! Whom to scan: what is typed, lists from files, who is left out, and the addresses of names.

use std::fs::File;
use std::io::{ErrorKind, Read, stdin};
use std::net::IpAddr;
use std::path::Path;

use throng_scan::targets::{self, Addresses, Found, List, ListFault, Targets};
use throng_wire::printable::printable;

use super::asked::Scan;
use crate::banner::shown;
use crate::fault::Fault;

/// Who is never scanned from this machine, whatever is typed.
pub const SYSTEM_EXCLUDES: &str = "/etc/throng/scan-exclude";

/// How many addresses one scan may have. All are looked at before the first packet.
const HOSTS_MAX: u64 = 1 << 24;

/// How many lines are told about names.
const NOTES_MAX: usize = 20;

/// Who is scanned.
#[derive(Debug)]
pub struct Whom {
    /// Their addresses.
    pub targets: Targets,
    /// What else there is to say, a line each; safe for a terminal.
    pub notes: Vec<String>,
    /// Names that were not found.
    pub lost: usize,
}

/// Finds them.
pub fn find(asked: &Scan, typed: &[String]) -> Result<Whom, Fault> {
    find_by(asked, typed, targets::system, &system_excludes(Path::new(SYSTEM_EXCLUDES))?)
}

/// The same, with the way to look a name up and with whom the system leaves out.
fn find_by(
    asked: &Scan,
    typed: &[String],
    look_up: impl FnMut(&str) -> std::io::Result<Vec<IpAddr>>,
    system: &List,
) -> Result<Whom, Fault> {
    let wanted = wanted(typed)?;
    let unwanted = unwanted(asked)?;
    let addresses = if asked.all_addresses { Addresses::All } else { Addresses::First };
    let found = targets::find(&wanted, &unwanted, addresses, look_up)
        .map_err(|why| Fault::failed(printable(&why.to_string())))?;
    let mut notes = notes(&found);
    if found.targets.is_empty() {
        return Err(match found.lost.first() {
            Some((name, why)) => Fault::failed(not_found(name, why))
                .hint("is the name right? An address needs no look-up: throng scan 127.0.0.1"),
            None => Fault::usage("nobody is left to scan: every host that is named is excluded too"),
        });
    }
    let targets = found.targets.without(system.spans().iter().copied());
    let left_out = found.targets.len() - targets.len();
    if targets.is_empty() {
        return Err(Fault::refused(format!(
            "whoever is named is never scanned from here: {SYSTEM_EXCLUDES}"
        )));
    }
    if left_out > 0 {
        notes.push(format!("left out by {SYSTEM_EXCLUDES}: {left_out} of {}", found.targets.len()));
    }
    if targets.len() > HOSTS_MAX {
        return Err(Fault::usage(format!("{} addresses are too many for one scan", targets.len()))
            .hint(format!("at most {HOSTS_MAX}, which is a /8 of IPv4")));
    }
    Ok(Whom { targets, notes, lost: found.lost.len() })
}

/// What the names brought.
fn notes(found: &Found) -> Vec<String> {
    let mut notes: Vec<_> = found.lost.iter().map(|(name, why)| not_found(name, why)).collect();
    for (name, others) in &found.others {
        let shown: Vec<_> = others.iter().map(ToString::to_string).collect();
        notes.push(format!(
            "{name} has other addresses too, --all-addresses scans them: {}",
            shown.join(", ")
        ));
    }
    let more = notes.len().saturating_sub(NOTES_MAX);
    notes.truncate(NOTES_MAX);
    if more > 0 {
        notes.push(format!("and {more} more such names"));
    }
    notes
}

fn not_found(name: &str, why: &std::io::Error) -> String {
    format!("cannot find {}: {}", printable(name), printable(&why.to_string()))
}

/// What is typed, with the lists that it names.
fn wanted(typed: &[String]) -> Result<List, Fault> {
    let mut list = List::default();
    for target in typed {
        match target.strip_prefix('@') {
            _ if target == "-" => read(&mut list, stdin().lock(), "standard input")?,
            Some(path) => read_file(&mut list, Path::new(path))?,
            None => add(&mut list, target)?,
        }
    }
    if list.is_empty() {
        return Err(Fault::usage("the lists name no host"));
    }
    Ok(list)
}

fn unwanted(asked: &Scan) -> Result<List, Fault> {
    let mut list = List::default();
    asked.exclude.iter().try_for_each(|target| add(&mut list, target))?;
    asked.exclude_file.iter().try_for_each(|path| read_file(&mut list, path))?;
    Ok(list)
}

fn add(list: &mut List, target: &str) -> Result<(), Fault> {
    list.add(target).map_err(|why| Fault::usage(printable(&why.to_string())))
}

fn read_file(list: &mut List, path: &Path) -> Result<(), Fault> {
    let name = shown(path);
    let file = File::open(path).map_err(|why| Fault::failed(format!("cannot read {name}: {why}")))?;
    read(list, file, &name)
}

fn read(list: &mut List, from: impl Read, name: &str) -> Result<(), Fault> {
    list.read(from).map_err(|why| match why {
        ListFault::Unreadable(why) => Fault::failed(format!("cannot read {name}: {why}")),
        why => Fault::usage(format!("{name}: {}", printable(&why.to_string()))),
    })
}

/// Whom the system leaves out. A list that is there and cannot be understood stops everything: whoever wrote it meant something.
fn system_excludes(path: &Path) -> Result<List, Fault> {
    let mut list = List::default();
    let stops = |why: String| {
        Fault::refused(format!("{} cannot be followed: {why}", path.display()))
            .hint("it says who is never scanned from here; whoever keeps this machine can mend it")
    };
    match File::open(path) {
        Err(why) if [ErrorKind::NotFound, ErrorKind::NotADirectory].contains(&why.kind()) => return Ok(list),
        Err(why) => return Err(stops(why.to_string())),
        Ok(file) => list.read(file).map_err(|why| stops(printable(&why.to_string()).into_owned()))?,
    }
    if let Some(name) = list.names().next() {
        return Err(stops(format!(
            "{name} is a name, and only addresses, networks and ranges can stand there"
        )));
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Cli, Verb};
    use clap::Parser;

    fn found(typed: &str, system: &List) -> Result<Whom, Fault> {
        let words = ["throng", "scan"].into_iter().chain(typed.split_whitespace());
        let Verb::Scan(asked) = Cli::try_parse_from(words).unwrap().verb else { panic!("another verb") };
        let look_up = |name: &str| match name {
            "two.example" => Ok(vec!["10.0.0.2".parse().unwrap(), "10.0.0.3".parse().unwrap()]),
            _ => Err(std::io::Error::other("nobody knows it")),
        };
        find_by(&asked, &asked.hosts, look_up, system)
    }

    #[test]
    fn who_is_named_is_found_and_what_was_not_is_told() {
        let none = List::default();
        let whom = found("two.example 10.0.0.9 nobody.example", &none).unwrap();
        assert_eq!((whom.targets.len(), whom.lost), (2, 1));
        let expected = [
            "cannot find nobody.example: nobody knows it",
            "two.example has other addresses too, --all-addresses scans them: 10.0.0.3",
        ];
        assert_eq!(whom.notes, expected);
        assert_eq!(found("two.example --all-addresses", &none).unwrap().targets.len(), 2);
        for (typed, code) in [
            ("nobody.example", 1),
            ("10.0.0.1 --exclude 10.0.0.0/8", 2),
            ("10.0.0.1 --exclude nobody.example", 1),
            ("1.0.0.0-2.0.0.0", 2),
            ("@/nowhere/at/all", 1),
            ("http://x/", 2),
        ] {
            let fault = found(typed, &none).unwrap_err();
            assert_eq!(fault.exit_code, code, "{typed}: {fault}");
        }
    }

    #[test]
    fn lists_are_read_from_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("hosts");
        std::fs::write(&path, "10.0.0.1 # one\n10.0.0.2\n").unwrap();
        let shown = path.display();
        let none = List::default();
        assert_eq!(found(&format!("@{shown}"), &none).unwrap().targets.len(), 2);
        assert_eq!(found(&format!("10.0.0.0/30 --exclude-file {shown}"), &none).unwrap().targets.len(), 2);
        std::fs::write(&path, "10.0.0.1\n\x1b[2J\n").unwrap();
        let fault = found(&format!("@{shown}"), &none).unwrap_err().to_string();
        assert!(fault.contains("line 2: \\x1b[2J: ") && !fault.contains('\x1b'), "{fault}");
        std::fs::write(&path, "# nobody\n").unwrap();
        assert_eq!(found(&format!("@{shown}"), &none).unwrap_err().exit_code, 2);
    }

    #[test]
    fn whom_the_system_leaves_out_is_never_scanned() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("scan-exclude");
        assert!(system_excludes(&path).unwrap().is_empty());
        std::fs::write(&path, "10.0.0.0/24 # the owner said no\n").unwrap();
        let system = system_excludes(&path).unwrap();
        let whom = found("10.0.0.255-10.0.1.0", &system).unwrap();
        assert_eq!(whom.targets.len(), 1);
        assert!(
            whom.notes[0].starts_with("left out by /etc/throng/scan-exclude: 1 of 2"),
            "{:?}",
            whom.notes
        );
        assert_eq!(found("10.0.0.5", &system).unwrap_err().exit_code, 4);
        for wrong in ["a.example\n", "10.0.0.0/99\n"] {
            std::fs::write(&path, wrong).unwrap();
            assert_eq!(system_excludes(&path).unwrap_err().exit_code, 4, "{wrong}");
        }
        // A folder opens and cannot be read.
        assert_eq!(system_excludes(folder.path()).unwrap_err().exit_code, 4);
    }
}
