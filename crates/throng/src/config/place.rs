//! Which file is the configuration: the one that is named, or the first that there is. Never two of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::mistake::Mistake;
use super::origin::Origin;
use crate::settings::flags::{CONFIG, CONFIG_VARIABLE};

/// Where the system has it.
const SYSTEM: &str = "/etc/throng/throng.toml";

/// In the folder where the program is started.
pub const HERE: &str = "throng.toml";

/// The variables of the process, or those of a test.
pub type Variables = dyn Fn(&str) -> Option<OsString> + Send + Sync;

/// The file; none where none is named and none is there.
pub fn find(given: Option<&OsString>, variables: &Variables) -> Result<Option<PathBuf>, Mistake> {
    let named = given.map(|path| (path.clone(), Origin::Flag(CONFIG.to_owned())));
    let named = named.or_else(|| {
        let path = variables(CONFIG_VARIABLE).filter(|path| !path.is_empty())?;
        Some((path, Origin::Variable(CONFIG_VARIABLE.to_owned())))
    });
    match named {
        Some((path, _)) if is_file(Path::new(&path)) => Ok(Some(path.into())),
        Some((path, origin)) => {
            let what = format!("there is no file {}", Path::new(&path).display());
            Err(Mistake::of(origin, what).hint("make one: throng config init --out FILE"))
        }
        None => Ok(usual(variables).into_iter().find(|path| is_file(path))),
    }
}

/// Where it is looked for, the first one first.
fn usual(variables: &Variables) -> Vec<PathBuf> {
    let folder = |name: &str| variables(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let own = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    let own = own.map(|own| own.join("throng").join(HERE));
    [Some(PathBuf::from(HERE)), own, Some(PathBuf::from(SYSTEM))].into_iter().flatten().collect()
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|found| !found.is_dir())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_named_file_goes_before_all_and_must_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        std::fs::write(&one, "").unwrap();
        std::fs::write(&two, "").unwrap();
        let by_variable = two.clone();
        let variables =
            move |name: &str| (name == CONFIG_VARIABLE).then(|| by_variable.clone().into_os_string());
        assert_eq!(find(Some(&one.clone().into()), &variables).unwrap(), Some(one));
        assert_eq!(find(None, &variables).unwrap(), Some(two));
        let why = find(Some(&folder.path().join("three").into()), &variables).unwrap_err();
        assert!(why.line().starts_with("--config: there is no file "), "{}", why.line());
        assert!(find(Some(&folder.path().into()), &variables).is_err(), "a folder is no file");
        let missing = |name: &str| (name == CONFIG_VARIABLE).then(|| "/no/such".into());
        assert!(
            find(None, &missing).unwrap_err().line().starts_with("$THRONG_CONFIG: there is no file /no/such")
        );
    }

    #[test]
    fn the_usual_places_are_here_ones_own_and_the_systems() {
        let both = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some("/x".into()),
            "HOME" => Some("/h".into()),
            _ => None,
        };
        let paths = |paths: [&str; 3]| paths.map(PathBuf::from).to_vec();
        assert_eq!(usual(&both), paths(["throng.toml", "/x/throng/throng.toml", SYSTEM]));
        let home = |name: &str| (name == "HOME").then(|| "/h".into());
        assert_eq!(usual(&home), paths(["throng.toml", "/h/.config/throng/throng.toml", SYSTEM]));
        assert_eq!(usual(&|_| None).len(), 2);
    }
}
