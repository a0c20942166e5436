//! The house is as its plan says: which crate may know which, and no room without a line in ARCHITECTURE.md.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Which of our crates each crate may depend on. Nothing ever points up, and no ground-floor crate at a sibling.
const ARROWS: &[(&str, &[&str])] = &[
    ("throng-wire", &[]),
    ("throng-chat", &[]),
    ("throng-server", &[]),
    ("throng-store", &["throng-chat"]),
    ("throng-services", &["throng-chat", "throng-server", "throng-store", "throng-wire"]),
    ("throng-client", &["throng-wire"]),
    ("throng-scan", &[]),
    (
        "throng",
        &["throng-client", "throng-scan", "throng-server", "throng-services", "throng-store", "throng-wire"],
    ),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The names in one table of a manifest, as far as they are ours.
fn ours(manifest: &str, table: &str) -> BTreeSet<String> {
    let mut inside = false;
    let mut names = BTreeSet::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == format!("[{table}]");
        } else if inside && line.starts_with("throng") {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

#[test]
fn no_crate_knows_one_that_it_must_not_know() {
    for entry in std::fs::read_dir(root().join("crates")).unwrap() {
        let folder = entry.unwrap().path();
        let name = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let manifest = read(&folder.join("Cargo.toml"));
        let (_, allowed) = ARROWS
            .iter()
            .find(|(known, _)| *known == name)
            .unwrap_or_else(|| panic!("{name} has no row in ARROWS"));
        let allowed: BTreeSet<String> = allowed.iter().map(|name| (*name).to_owned()).collect();
        let used = ours(&manifest, "dependencies");
        assert!(
            used.is_subset(&allowed),
            "{name} depends on {:?}",
            used.difference(&allowed).collect::<Vec<_>>()
        );
    }
}

#[test]
fn the_pure_crates_have_no_runtime_and_no_sockets() {
    for name in ["throng-wire", "throng-chat"] {
        let manifest = read(&root().join("crates").join(name).join("Cargo.toml"));
        let dependencies =
            manifest.split("[dependencies]").nth(1).unwrap().split("[dev-dependencies]").next().unwrap();
        for banned in ["tokio", "socket2", "rusqlite", "rand", "mio", "libc", "uuid"] {
            assert!(!dependencies.lines().any(|line| line.starts_with(banned)), "{name} depends on {banned}");
        }
    }
}

#[test]
fn architecture_names_every_crate_and_every_room() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    let mut missing = Vec::new();
    for (folder, name) in crates() {
        let row = format!("| `{name}` |");
        let Some(line) = architecture.lines().find(|line| line.starts_with(&row)) else {
            missing.push(format!("the crate {name}: a line that begins with {row}"));
            continue;
        };
        for room in rooms(&folder.join("src")) {
            if !line.contains(&format!("`{room}`")) {
                missing.push(format!("{name}: `{room}`"));
            }
        }
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md does not name:\n{}", missing.join("\n"));
}

fn crates() -> Vec<(PathBuf, String)> {
    let mut found: Vec<_> =
        ARROWS.iter().map(|(name, _)| (root().join("crates").join(name), (*name).to_owned())).collect();
    found.push((root().join("xtask"), "xtask".to_owned()));
    found
}

/// Every file and folder of the sources is a room, but for the front doors.
fn rooms(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            found.extend(rooms(&path));
        } else if path.extension().is_none_or(|end| end != "rs") {
            continue;
        }
        if !["lib", "main", "mod"].contains(&stem.as_str()) {
            found.insert(stem);
        }
    }
    found
}

#[test]
fn every_source_file_says_at_its_top_what_it_is_for() {
    let mut silent = Vec::new();
    for (folder, _) in crates() {
        visit(&folder.join("src"), &mut |path| {
            if !read(path).starts_with("//!") {
                silent.push(path.display().to_string());
            }
        });
    }
    assert!(silent.is_empty(), "without a first line of documentation: {silent:?}");
}

fn visit(folder: &Path, each: &mut impl FnMut(&Path)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|end| end == "rs") {
            each(&path);
        }
    }
}
