//! The scanners that are compared: what each is run with, and how each tells what is open.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::Command;

use crate::servers::{build_throng, target};
use crate::{Outcome, packages};

/// The RustScan that is measured. It is GPL-3.0-only: it is run, and nothing of it is linked or shipped.
const RUSTSCAN: &str = "2.4.1";

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tool {
    /// What is measured.
    Throng,
    /// The yardstick, this program itself.
    Limit,
    /// nmap's connect scan, Debian's.
    Nmap,
    /// RustScan, from crates.io.
    RustScan,
}

impl Tool {
    /// What it is told beside the host and what is asked for by each contender: all ports, no look-ups, no more than them.
    fn usual(self) -> &'static [&'static str] {
        match self {
            Tool::Throng => &["scan"],
            Tool::Limit => &["limit-scan"],
            Tool::Nmap => &["-sT", "-p-", "-n", "-Pn", "--open", "-oG", "-"],
            Tool::RustScan => &["-r", "1-65535", "-g", "--scripts", "none", "--no-config", "-a"],
        }
    }

    /// The ports that it says are open.
    pub fn open(self, said: &str) -> Vec<u16> {
        let ports = |words: &mut dyn Iterator<Item = &str>| -> Vec<u16> {
            words.filter_map(|word| word.trim().parse().ok()).collect()
        };
        match self {
            Tool::Throng | Tool::Limit => ports(
                &mut said.lines().filter_map(|line| line.strip_prefix("Port ")?.strip_suffix(" is open")),
            ),
            Tool::Nmap => {
                let list = said.split_once("Ports: ").map_or("", |(_, list)| list);
                let list = list.split(['\t', '\n']).next().unwrap_or_default();
                ports(
                    &mut list.split(", ").filter_map(|port| port.split_once("/open/").map(|(port, _)| port)),
                )
            }
            Tool::RustScan => {
                let list = said.rsplit_once("-> [").map_or("", |(_, list)| list);
                ports(&mut list.split(']').next().unwrap_or_default().split(','))
            }
        }
    }
}

/// Where the programs are; none for one that cannot be had here, which was said.
pub struct Tools {
    throng: Option<PathBuf>,
    limit: PathBuf,
    nmap: Option<PathBuf>,
    rustscan: Option<PathBuf>,
}

impl Tools {
    /// Builds, installs and finds what is asked for.
    pub fn prepare(throng: Option<&PathBuf>, asked: &dyn Fn(Tool) -> bool) -> Outcome<Tools> {
        let have = |tool, name: &str, get: &dyn Fn() -> Outcome<PathBuf>| {
            if !asked(tool) {
                return None;
            }
            get().map_err(|why| println!("{name}: SKIPPED, {why}")).ok()
        };
        let ours = || {
            let throng = throng.cloned().map_or_else(build_throng, Ok)?;
            let scans = Command::new(&throng).args(["scan", "--help"]).output()?.status.success();
            if scans { Ok(throng) } else { Err(format!("{} has no `scan`", throng.display()).into()) }
        };
        Ok(Tools {
            throng: have(Tool::Throng, "throng", &ours),
            limit: std::env::current_exe()?,
            nmap: have(Tool::Nmap, "nmap", &|| packages::need("nmap", "nmap")),
            rustscan: have(Tool::RustScan, "rustscan", &|| {
                packages::need_crate("rustscan", RUSTSCAN, &target().join("tools"))
            }),
        })
    }

    /// Is it here?
    pub fn has(&self, tool: Tool) -> bool {
        self.program(tool).is_some()
    }

    fn program(&self, tool: Tool) -> Option<&PathBuf> {
        match tool {
            Tool::Throng => self.throng.as_ref(),
            Tool::Limit => Some(&self.limit),
            Tool::Nmap => self.nmap.as_ref(),
            Tool::RustScan => self.rustscan.as_ref(),
        }
    }

    /// What scans this host, with at most so many descriptors, soft and hard.
    pub fn command(
        &self,
        tool: Tool,
        words: &[&str],
        host: Ipv4Addr,
        files: Option<u32>,
    ) -> Outcome<Command> {
        let program = self.program(tool).ok_or("it is not here")?;
        let mut command = match files {
            None => Command::new(program),
            Some(files) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", r#"ulimit -n "$1" && shift && exec "$@""#, "sh", &files.to_string()]);
                shell.arg(program);
                shell
            }
        };
        command.args(tool.usual()).arg(host.to_string()).args(words);
        Ok(command)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tells_open_ports_in_its_own_way() {
        for (tool, said, expected) in [
            (Tool::Throng, "Port 1 is open\nPort 65535 is open\n", &[1, 65_535][..]),
            (Tool::Limit, "Port 70000 is open\nPort 7 is open?\nport 8 is open\n", &[]),
            (
                Tool::Nmap,
                "# Nmap 7.93\nHost: 127.0.0.1 ()\tStatus: Up\nHost: 127.0.0.1 ()\tPorts: 1/open/tcp//tcpmux///, \
                 1023/open/tcp/////\tIgnored State: closed (65533)\n# Nmap done\n",
                &[1, 1023],
            ),
            (Tool::Nmap, "# Nmap done: 1 IP address (1 host up)\n", &[]),
            (Tool::RustScan, "10.99.0.2 -> [1,1023,65535]\n", &[1, 1023, 65_535]),
            (Tool::RustScan, "thread panicked\n", &[]),
        ] {
            assert_eq!(tool.open(said), expected, "{tool:?}: {said}");
        }
    }
}
