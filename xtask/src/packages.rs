//! What a command needs beside Rust: found, or installed from the distribution's packages.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Outcome;

/// Where Debian puts programs; root's own are not on everybody's path.
const FOLDERS: &[&str] = &["/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The path of a program, if it is there.
pub fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The path of a program, installed from this package if it is not there yet.
pub fn need(program: &str, package: &str) -> Outcome<PathBuf> {
    if let Some(path) = find(program) {
        return Ok(path);
    }
    eprintln!("installing {package}, for {program}");
    install(package)?;
    find(program).ok_or_else(|| format!("the package {package} brought no {program}").into())
}

/// The path of a program of this crate, installed from crates.io into a folder of these tools if it is not there yet.
#[cfg(target_os = "linux")]
pub fn need_crate(name: &str, version: &str, tools: &Path) -> Outcome<PathBuf> {
    let folder = tools.join(format!("{name}-{version}"));
    let program = folder.join("bin").join(name);
    if !program.is_file() {
        eprintln!("installing {name} {version} from crates.io into {}", folder.display());
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["install", name, "--version", version, "--locked", "--root"]).arg(&folder);
        // Its own target folder, which is thrown away: a shared one would keep what is built of it for ever.
        let installed = command.env_remove("CARGO_TARGET_DIR").stdin(Stdio::null()).status()?;
        if !installed.success() {
            return Err(format!(
                "cargo could not install {name} {version}: please run cargo install by hand"
            )
            .into());
        }
    }
    Ok(program)
}

/// apt-get wants to be root: we are, or sudo makes us without asking.
fn install(package: &str) -> Outcome {
    let Some(apt) = find("apt-get") else {
        return Err(format!(
            "{package} is needed, and only apt-get is known here: please install it by hand"
        )
        .into());
    };
    let run = |arguments: &[&str]| -> Outcome<bool> {
        let is_root =
            std::fs::metadata("/proc/self").is_ok_and(|of| std::os::unix::fs::MetadataExt::uid(&of) == 0);
        let mut command = match (is_root, find("sudo")) {
            (false, Some(sudo)) => {
                let mut command = Command::new(sudo);
                command.arg("-n").arg(&apt);
                command
            }
            _ => Command::new(&apt),
        };
        command
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        Ok(command.status()?.success())
    };
    let wanted = ["install", "-y", "--no-install-recommends", package];
    // The lists may be old, or not there at all: then they are fetched, once.
    if run(&wanted)? || (run(&["update"])? && run(&wanted)?) {
        return Ok(());
    }
    Err(format!("apt-get could not install {package}: please install it by hand").into())
}
