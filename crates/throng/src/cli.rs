//! The command line: what may be typed, with its help. Nothing here does anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand, ValueEnum};
use throng_client::connect::Place;
use throng_client::connect::script::{EXPECTED_BYTES_MAX, Step};
use throng_client::connect::target::port_of;
use throng_server::{Address, IpNet};
use throng_store::Durability;

use crate::accounts::asked::Account;
use crate::listen::{Wanted, plain};
use crate::load::asked::Load;
use crate::scan::asked::Scan;

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
    /// Talk to any TCP service: line by line in a terminal, byte by byte in a pipe
    Connect(Box<Connect>),
    /// Load a TCP service with many clients, and check every byte that comes back
    Load(Box<Load>),
    /// Find every open TCP port of a host, in order
    Scan(Box<Scan>),
    /// Look after the accounts of a chat, while no server runs on them
    Account(Account),
    /// Certificates for TLS
    #[command(subcommand)]
    Tls(Tls),
}

/// `throng connect`.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples: throng connect 127.0.0.1 50007\n          \
                   printf 'GET / HTTP/1.0\\r\\n\\r\\n' | throng connect --tls example.org 443",
    after_help = "In a terminal: Ctrl-D or a second empty line ends, Ctrl-C ends at once. In a pipe: the end of standard \
                  input ends what is sent, and the server's end ends everything.\n\n\
                  Exit codes: 0 ended well, 1 failed here, 2 wrong use, 3 nobody answers there, 4 TLS refused by either \
                  side, 5 ended before it was complete (reset, time-out, or an expected text did not come), 130 interrupted. SIGTERM \
                  and SIGHUP end it as they end any program (143 and 129 in a shell)."
)]
pub struct Connect {
    /// A name or an address, HOST:PORT, or unix:PATH; asked for in a terminal when it is not given
    #[arg(value_parser = Place::parse)]
    pub host: Option<Place>,

    /// The port; asked for in a terminal when it is not given
    #[arg(value_parser = port_of)]
    pub port: Option<u16>,

    /// Speak TLS; the certificate is verified
    #[arg(long)]
    pub tls: bool,

    /// Trust the certificates in this file (PEM) instead of the system's
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca: Option<PathBuf>,

    /// Show this certificate of ours (PEM)
    #[arg(long, value_name = "FILE", requires = "tls", requires = "key")]
    pub cert: Option<PathBuf>,

    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// The name that the server's certificate must be for [default: HOST]
    #[arg(long, value_name = "NAME", requires = "tls")]
    pub servername: Option<String>,

    /// Believe any certificate, and print its fingerprint
    #[arg(long, requires = "tls", conflicts_with = "ca")]
    pub insecure: bool,

    /// End lines with CR LF
    #[arg(long)]
    pub crlf: bool,

    /// What to say, and what to wait for, in this order
    #[command(flatten)]
    pub steps: Steps,

    /// How long to wait for each --expect
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub expect_timeout: Duration,

    /// How long to wait until somebody answers
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub connect_timeout: Duration,

    /// Call again when nobody answers, or when the connection is lost (in a pipe: until somebody answers); at most 12 times
    /// in a row, after up to half a second at first and up to 30 s later
    #[arg(long)]
    pub reconnect: bool,

    /// Keep all that is said in this file, one JSON object per line; it goes on where the file ends
    #[arg(long, value_name = "FILE")]
    pub transcript: Option<PathBuf>,

    /// Terminal: end at the first empty line, instead of the second in a row
    #[arg(long)]
    pub end_on_empty: bool,

    /// Terminal: put the time before each line that comes
    #[arg(long)]
    pub time: bool,

    /// Terminal: show control characters as they come, which lets the server do what it likes to the screen
    #[arg(long)]
    pub raw: bool,

    /// Terminal: neither keep what is typed nor offer what was typed before
    #[arg(long)]
    pub no_history: bool,

    /// Pipe: say to whom it is connected and why it ended, on standard error
    #[arg(long, short)]
    pub verbose: bool,
}

/// `--send` and `--expect`, which keep their order among each other.
#[derive(Debug, Default)]
pub struct Steps(pub Vec<Step>);

/// As many steps as one may give.
const STEPS_MAX: usize = 256;

impl Args for Steps {
    fn augment_args(command: clap::Command) -> clap::Command {
        let step = |name: &'static str, help: &'static str| {
            let text = clap::Arg::new(name).long(name).value_name("TEXT").action(clap::ArgAction::Append);
            text.help(help).allow_hyphen_values(true)
        };
        let send = "Say this line; may be given again, and standard input is not read in a pipe then";
        let expect = "Wait until this text came before the next step; when it is the last step, end then";
        let command = command.arg(step("send", send));
        command.arg(step("expect", expect).value_parser(expected))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Steps::augment_args(command)
    }
}

impl FromArgMatches for Steps {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Steps, clap::Error> {
        let given = |name: &str, step: fn(String) -> Step| {
            let texts = matches.get_many::<String>(name).unwrap_or_default().cloned().map(step);
            matches.indices_of(name).into_iter().flatten().zip(texts).collect::<Vec<_>>()
        };
        let mut steps = [given("send", Step::Send), given("expect", Step::Expect)].concat();
        steps.sort_by_key(|(index, _)| *index);
        if steps.len() > STEPS_MAX {
            let said = format!("--send and --expect may be given {STEPS_MAX} times together\n");
            return Err(clap::Error::raw(clap::error::ErrorKind::TooManyValues, said));
        }
        Ok(Steps(steps.into_iter().map(|(_, step)| step).collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Steps::from_arg_matches(matches)?;
        Ok(())
    }
}

/// A text that may be waited for.
fn expected(text: &str) -> Result<String, String> {
    match text.len() {
        0 => Err("there is nothing to wait for in an empty text".to_owned()),
        1..=EXPECTED_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(format!("at most {EXPECTED_BYTES_MAX} bytes can be waited for")),
    }
}

/// A time such as `10s`, `500ms` or `2m`.
fn time(text: &str) -> Result<Duration, String> {
    let given = text.parse::<jiff::SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    match given.filter(|time| (Duration::from_millis(1)..=TIME_MAX).contains(time)) {
        Some(time) => Ok(time),
        None => Err("expected a time such as 10s, 500ms or 2m, at most a day".to_owned()),
    }
}

/// The longest time to wait for anything.
const TIME_MAX: Duration = Duration::from_secs(24 * 60 * 60);

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

    /// Answer programs that watch, by HTTP: /metrics, /healthz, /readyz. As ADDRESS:PORT or unix:PATH; may be given again.
    /// Whoever reaches it reads the figures
    #[arg(long, value_name = "ADDR", env = "THRONG_METRICS__LISTEN", value_delimiter = ',', value_parser = plain)]
    pub metrics_listen: Vec<Address>,

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

    /// What people may be called who have no account: yes: anything; unregistered-names: what belongs to nobody. no: nobody
    /// comes in without one
    #[arg(long, value_name = "WHO", env = "THRONG_ACCOUNTS__GUESTS", default_value = "unregistered-names")]
    pub accounts_guests: Guests,

    /// Take passwords in plain text from other machines too; anybody on the way can read them then
    #[arg(long, env = "THRONG_ACCOUNTS__ALLOW_PLAINTEXT")]
    pub accounts_allow_plaintext: bool,

    /// Keep keys for SCRAM-SHA-256 of every password, not only where its owner asks for it; who steals the store guesses at
    /// those faster than at Argon2id
    #[arg(long, env = "THRONG_ACCOUNTS__SCRAM")]
    pub accounts_scram: bool,
}

/// Who may come in without an account, and how called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Guests {
    /// Any name that nobody has at the moment
    Yes,
    /// Names that belong to no account and look like none that does
    UnregisteredNames,
    /// Nobody
    No,
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
    fn steps_keep_their_order_and_times_have_units() {
        let parsed = |arguments: &[&str]| {
            let all = ["throng", "connect"].iter().chain(arguments);
            Cli::try_parse_from(all).map(|cli| match cli.verb {
                Verb::Connect(connect) => connect,
                other => panic!("{other:?}"),
            })
        };
        let asked = parsed(&["--send", "a", "--expect", "-b", "h", "1", "--send=", "--expect", "c"]).unwrap();
        let (send, expect) = (|text: &str| Step::Send(text.into()), |text: &str| Step::Expect(text.into()));
        assert_eq!(asked.steps.0, [send("a"), expect("-b"), send(""), expect("c")]);
        assert_eq!(asked.connect_timeout, Duration::from_secs(10));
        assert_eq!(parsed(&["--expect-timeout", "1m 30s"]).unwrap().expect_timeout, Duration::from_secs(90));
        let many: Vec<_> = std::iter::repeat_n("--send=x", STEPS_MAX + 1).collect();
        for wrong in
            [&["--expect", ""][..], &["--expect-timeout", "-1s"], &["--connect-timeout", "0s"], &many]
        {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
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
