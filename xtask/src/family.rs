//! A process with all that came from it: its children, theirs, and so on, as Linux tells them in /proc.

/// The ids of a process, which comes first, and of all its descendants that there are now.
pub fn of(pid: u32) -> Vec<u32> {
    let folders = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok());
    let pairs: Vec<(u32, u32)> = ids.filter_map(|child| Some((parent_of(child)?, child))).collect();
    descend(pid, &pairs)
}

/// The id of the parent, in the second field behind the name (proc_pid_stat(5)), which may contain anything. None of a
/// process that has just ended.
fn parent_of(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.split_whitespace().nth(1)?.parse().ok()
}

/// Follows pairs of parent and child. Each is found once, whatever the pairs say: they were not read at one moment.
fn descend(pid: u32, pairs: &[(u32, u32)]) -> Vec<u32> {
    let mut family = vec![pid];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        for (_, child) in pairs.iter().filter(|(of, _)| *of == parent) {
            if !family.contains(child) {
                family.push(*child);
            }
        }
        next += 1;
    }
    family
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn children_and_their_children_are_of_the_family() {
        for (pairs, expected) in [
            (&[][..], &[7][..]),
            (&[(1, 7), (1, 8)], &[7]),
            (&[(9, 10), (7, 9), (7, 8), (8, 11), (2, 3)], &[7, 9, 8, 10, 11]),
            (&[(7, 8), (8, 7), (8, 8)], &[7, 8]),
        ] {
            assert_eq!(descend(7, pairs), expected, "{pairs:?}");
        }
    }

    #[test]
    fn a_process_that_was_started_is_of_ours() {
        // It ends with its input, which is ours.
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let family = of(std::process::id());
        drop(child.stdin.take());
        child.wait().unwrap();
        assert_eq!(family[0], std::process::id());
        assert!(family.contains(&child.id()), "{family:?}");
    }
}
