//! What the far end does with probes of ports that nobody listens at: nftables' rules in its namespace.

use std::io::Write;
use std::process::{Command, Stdio};

use super::listeners::open_ports;
use super::namespace::Namespace;
use crate::{Outcome, packages};

/// What a closed port says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Closed {
    /// A reset, as TCP has it.
    #[default]
    Resets,
    /// Nothing: the probe is dropped.
    Drops,
    /// At most so many resets a second, of all ports together.
    AtMost(u32),
}

impl Closed {
    /// Puts the rules into a namespace. They go with it.
    pub fn rule(self, namespace: &Namespace) -> Outcome {
        let Some(rules) = self.rules() else { return Ok(()) };
        let nft = packages::need("nft", "nftables")?;
        namespace.within(|| {
            let mut command = Command::new(&nft);
            command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
            let told = command.spawn().and_then(|mut child| {
                // It reads to the end before it does anything, and says little.
                child.stdin.take().map_or(Ok(()), |mut input| input.write_all(rules.as_bytes()))?;
                child.wait_with_output()
            });
            let output = told.map_err(|why| format!("cannot run nft: {why}"))?;
            match output.status.success() {
                true => Ok(()),
                false => Err(format!("nft failed: {}", String::from_utf8_lossy(&output.stderr).trim())),
            }
        })
    }

    /// In the language of nft(8).
    fn rules(self) -> Option<String> {
        let rule = match self {
            Closed::Resets => return None,
            Closed::Drops => {
                let open: Vec<String> = open_ports().iter().map(u16::to_string).collect();
                format!(
                    "type filter hook input priority 0; meta l4proto tcp tcp dport != {{ {} }} drop;",
                    open.join(", ")
                )
            }
            Closed::AtMost(resets) => format!(
                "type filter hook output priority 0; tcp flags & rst == rst limit rate over {resets}/second drop;"
            ),
        };
        Some(format!("table inet throng {{\nchain closed {{\n{rule}\n}}\n}}\n"))
    }
}
