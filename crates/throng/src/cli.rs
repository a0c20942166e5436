//! The command line: what may be typed, with its help. Nothing here does anything.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use throng_server::IpNet;
use throng_store::Durability;

use crate::listen::Wanted;
use crate::load::asked::Load;

/// Serves a crowd over TCP: a chat that people join by telnet, any IRC client, or a browser, on one port.
#[derive(Debug, Parser)]
#[command(
    name = "throng",
    version,
    before_help = "Example: throng serve --listen 0.0.0.0:6667 --name chat.example.org",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong use or configuration, 3 no server there, 4 refused, \
                  5 incomplete, 130 interrupted."
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Run a server: the chat, unless another service is named
    Serve(Serve),
    /// Load a TCP service with many clients, and check every byte that comes back
    Load(Box<Load>),
    /// Certificates for TLS
    #[command(subcommand)]
    Tls(Tls),
}

/// What can be done about certificates.
#[derive(Debug, Subcommand)]
pub enum Tls {
    /// Make a certificate to try with: nobody but you vouches for it, so clients ask whether to trust it
    SelfSigned(SelfSigned),
}

/// `throng tls self-signed`.
#[derive(Debug, Args)]
pub struct SelfSigned {
    /// Host names and addresses that it is for
    #[arg(value_name = "NAME", default_values = ["localhost", "127.0.0.1", "::1"])]
    pub names: Vec<String>,

    /// Write cert.pem and key.pem into this folder
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub out: PathBuf,

    /// For how long it is good
    #[arg(long, value_name = "DAYS", default_value = "365", value_parser = clap::value_parser!(u16).range(1..))]
    pub days: u16,

    /// Replace files that are there
    #[arg(long)]
    pub force: bool,
}

/// `throng serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Which service
    #[arg(value_enum, default_value = "chat")]
    pub service: Service,

    /// Listen here, as ADDRESS:PORT or unix:PATH; may be given again. Port 0 takes any free one. With tls: before it
    /// nothing but TLS is spoken there. systemd or systemd:NAME takes the sockets that systemd passes [default: those, or
    /// 127.0.0.1:50007, or the next free port]
    #[arg(long, value_name = "ADDR", env = "THRONG_LISTEN", value_delimiter = ',')]
    pub listen: Vec<Wanted>,

    /// Speak TLS as well at every address, with this certificate (PEM, its chain behind it); read again when it changes
    #[arg(long, value_name = "FILE", env = "THRONG_TLS_CERT", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's private key (PEM)
    #[arg(long, value_name = "FILE", env = "THRONG_TLS_KEY", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Believe these sources about whom they pass on: each of their connections must begin with a header of the PROXY
    /// protocol. As NETWORK/BITS; may be given again
    #[arg(long, value_name = "NET", env = "THRONG_PROXY_ALLOWED_FROM", value_delimiter = ',')]
    pub proxy_allowed_from: Vec<IpNet>,

    /// The folder for everything that is kept [default: $XDG_DATA_HOME/throng]
    #[arg(long, value_name = "DIR", env = "THRONG_DATA")]
    pub data: Option<PathBuf>,

    /// What the server calls itself towards IRC clients
    #[arg(long, value_name = "SERVERNAME", env = "THRONG_NAME", default_value = "throng.localhost",
          value_parser = server_name)]
    pub name: String,

    /// strict: a message is told when it is on the disk. relaxed: synced every second. memory: nothing is kept
    #[arg(long, value_name = "HOW", env = "THRONG_DURABILITY", default_value = "strict")]
    pub durability: Durability,

    /// How fast one client may ask: default is a burst of 20, then 5 a second; beyond that it waits
    #[arg(long, value_name = "HOW", env = "THRONG_PACE", default_value = "default")]
    pub pace: Pace,

    /// By what means many are served at once; the chat knows only events
    #[arg(long, value_name = "HOW", env = "THRONG_MODEL", default_value = "events")]
    pub model: Model,

    /// Workers of events, pool and processes, at most so many threads of threads [default: one for each core; 1024 threads]
    #[arg(long, value_name = "N", env = "THRONG_WORKERS", value_parser = clap::value_parser!(u16).range(1..))]
    pub workers: Option<u16>,

    /// Print who serves whom and what came, as it happens (echo, hello)
    #[arg(long)]
    pub verbose: bool,

    /// At most this many clients [default: the descriptor limit less 128]
    #[arg(long, value_name = "N", env = "THRONG_LIMITS__CLIENTS", value_parser = clap::value_parser!(u32).range(1..))]
    pub limits_clients: Option<u32>,

    /// At most this many clients of one address (IPv6: of one /64) [default: 128, loopback exempt]
    #[arg(long, value_name = "N", env = "THRONG_LIMITS__PER_ADDRESS",
          value_parser = clap::value_parser!(u32).range(1..))]
    pub limits_per_address: Option<u32>,
}

/// What can be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Service {
    /// People talk, through three doors
    Chat,
    /// Every byte comes back (RFC 862)
    Echo,
    /// Says "Hello, World!" and closes
    Hello,
}

impl Service {
    /// As it is typed.
    pub fn name(self) -> &'static str {
        match self {
            Service::Chat => "chat",
            Service::Echo => "echo",
            Service::Hello => "hello",
        }
    }
}

/// By what means many are served at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// One client at a time; the others wait in the kernel's queue
    Sequential,
    /// A thread for each connection
    Threads,
    /// Tasks that any of some threads takes up
    Pool,
    /// An event loop on each core
    Events,
    /// An event loop in each of some processes; one that crashes ends its own clients only (Linux)
    Processes,
}

/// How fast one client may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Pace {
    /// As fast as it can
    Off,
    /// A burst of 20, then 5 a second
    Default,
}

/// A host name as of RFC 1123: letters, digits, dots and hyphens, at most 63 bytes.
fn server_name(name: &str) -> Result<String, String> {
    let label = |label: &str| !label.is_empty() && !label.starts_with('-') && !label.ends_with('-');
    let letters = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    if !letters || !name.split('.').all(label) {
        return Err("a host name is made of letters, digits, dots and hyphens".to_owned());
    }
    if name.len() > throng_services::chat::house::SERVER_NAME_MAX {
        return Err(format!("at most {} bytes", throng_services::chat::house::SERVER_NAME_MAX));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        use clap::CommandFactory;
        Cli::command().debug_assert();
    }

    #[test]
    fn a_server_name_is_a_host_name() {
        let long = "a".repeat(64);
        for (given, good) in [
            ("throng.localhost", true),
            ("chat", true),
            ("a-b.example", true),
            ("", false),
            ("a..b", false),
            ("-a.b", false),
            ("a b", false),
            ("ключ", false),
            (long.as_str(), false),
        ] {
            assert_eq!(server_name(given).is_ok(), good, "{given:?}");
        }
    }
}
