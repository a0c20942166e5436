//! The data folder: may it be written, by whom may it be read, how much fits, and how long does the disk take.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use throng_store::OpenFault;

use super::{Finding, Patient};
use crate::banner::shown;
use crate::config::deep;
use crate::units::{shown as shown_time, shown_bytes};

/// With less than this a store and its log do not get far.
const FREE_ENOUGH: u64 = 256 << 20;

/// How often the disk is asked to keep something, and how much.
const SYNCS: usize = 8;
const SYNC_BYTES: usize = 4096;

/// A message is told when the disk has it: longer than this is felt by everybody who talks.
const SYNC_FELT: Duration = Duration::from_millis(50);

pub fn examine(patient: &Patient) -> Vec<Finding> {
    let sqlite = Finding::ok("sqlite", throng_store::sqlite_version());
    let Some(folder) = &patient.data else {
        return vec![Finding::ok("data", "nothing is kept by this service"), sqlite];
    };
    let mut findings = vec![sqlite];
    if !folder.exists() {
        findings.push(match deep::can_keep(folder) {
            Ok(()) => {
                Finding::ok("data", format!("{} is not there yet; the first start makes it", shown(folder)))
            }
            Err(why) => {
                let what = format!("{} cannot be made: {why}", shown(folder));
                Finding::fail("data", what, "make it for the server's user, or take another: --data DIR")
            }
        });
        return findings;
    }
    findings.push(permissions(folder));
    findings.extend(space(folder));
    findings.push(sync(folder));
    if !patient.runs {
        findings.push(store(folder));
    }
    findings
}

fn permissions(folder: &Path) -> Finding {
    let Ok(found) = std::fs::metadata(folder) else {
        return Finding::fail(
            "data",
            format!("{} cannot be looked at", shown(folder)),
            "look at its owner: ls -ld",
        );
    };
    let mode = found.permissions().mode() & 0o777;
    let (own, owner) = (rustix::process::geteuid().as_raw(), found.uid());
    if owner != own && own != 0 {
        let what = format!("{} is user {owner}'s, and this is user {own}", shown(folder));
        return Finding::fail("data", what, format!("chown -R {own} {}", shown(folder)));
    }
    match mode & 0o077 {
        0 => Finding::ok("data", format!("{}, for its user only", shown(folder))),
        _ => Finding::warn(
            "data",
            format!("{} may be entered by others (mode {mode:03o}); what people say is in it", shown(folder)),
            format!("chmod 700 {}", shown(folder)),
        ),
    }
}

fn space(folder: &Path) -> Option<Finding> {
    let found = rustix::fs::statvfs(folder).ok()?;
    let free = found.f_bavail * found.f_frsize;
    let text = format!("{} free", shown_bytes(free));
    Some(match free {
        0..FREE_ENOUGH => Finding::warn("disk", text, "make room, or keep less: history keep 30d"),
        _ => Finding::ok("disk", text),
    })
}

/// How long the disk takes to keep something (fdatasync(2)): the middle of some tries.
fn sync(folder: &Path) -> Finding {
    match syncs(folder) {
        Ok(mut times) => {
            times.sort();
            let middle = times[times.len() / 2];
            let text = format!("{} to keep a message", shown_time(middle));
            match middle > SYNC_FELT {
                false => Finding::ok("fsync", text),
                true => Finding::warn(
                    "fsync",
                    text,
                    "a faster disk, or --durability relaxed, which may lose a second at a power cut",
                ),
            }
        }
        Err(why) => Finding::fail(
            "fsync",
            format!("nothing can be written to {}: {why}", shown(folder)),
            "look at its owner and at the disk: ls -ld, df",
        ),
    }
}

#[expect(clippy::disallowed_methods, reason = "how long the disk takes is what is asked")]
fn syncs(folder: &Path) -> std::io::Result<Vec<Duration>> {
    let path = folder.join(format!(".doctor-{}", std::process::id()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
    let tried = (0..SYNCS).map(|_| {
        let begun = Instant::now();
        file.write_all(&[0; SYNC_BYTES])?;
        file.sync_data()?;
        Ok(begun.elapsed())
    });
    let times = tried.collect();
    // It is empty of meaning; who finds it may remove it.
    let _ = std::fs::remove_file(&path);
    times
}

fn store(folder: &Path) -> Finding {
    match throng_store::check(folder) {
        Ok(()) => Finding::ok("store", "can be opened by this version"),
        Err(why @ OpenFault::Held { .. }) => Finding::ok("store", why.to_string()),
        Err(why) => {
            let fix =
                why.hint().unwrap_or_else(|| "put a backup in its place: store backup makes them".to_owned());
            Finding::fail("store", why.to_string(), fix)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::doctor::Grade;

    #[test]
    fn a_folder_that_is_not_there_yet_must_be_one_that_can_be_made() {
        let home = tempfile::tempdir().unwrap();
        let grade = |data| {
            let patient = Patient { data: Some(data), ..Patient::default() };
            examine(&patient).into_iter().find(|finding| finding.check == "data").unwrap().grade
        };
        assert_eq!(grade(home.path().join("a/b")), Grade::Ok);
        assert!(!home.path().join("a").exists(), "and it is not made here");
        let file = home.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert_eq!(grade(file.join("below")), Grade::Fail);
    }
}
