//! The command line: what may be typed, with its help. Nothing here does anything.

use std::path::PathBuf;
use std::time::Duration;

use clap::{ArgMatches, Args, FromArgMatches, Parser, Subcommand};
use clap_complete::Shell;
use throng_client::connect::Place;
use throng_client::connect::script::{EXPECTED_BYTES_MAX, Step};
use throng_client::connect::target::port_of;
use throng_services::control::Role;

use crate::accounts::asked::Account;
use crate::config::command::Config;
use crate::listen::Wanted;
use crate::load::asked::Load;
use crate::scan::asked::Scan;
use crate::settings::choices::Service;
use crate::settings::flags::Given;

/// Serves a crowd over TCP: a chat that people join by telnet, any IRC client, or a browser, on one port.
#[derive(Debug, Parser)]
#[command(
    name = "throng",
    version,
    disable_help_subcommand = true,
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
    /// Operate a server that runs: a prompt, or single commands
    Console(Console),
    /// Watch a server that runs: connections, rates, times, queues, its log
    Top(Top),
    /// Look at all that a server stands on, and say what to mend
    Doctor(Doctor),
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
    /// Make, check and show the configuration
    #[command(subcommand)]
    Config(Config),
    /// Print what a shell needs to complete commands
    Completions(Completions),
    /// Print the manual page, or write all of them into a folder
    Man(Man),
    /// Explain a topic, a command, or a verb of the operator
    Help(Help),
}

/// `throng console`.
#[derive(Debug, Args)]
#[command(
    before_help = "Examples: throng console\n          \
                   throng console -c 'kick ana take a break'\n          \
                   throng console -c status --json | jq .clients.total",
    after_help = "It talks over a socket of this machine, which only root and the user whose server it is may use. Looked for: \
                  the server on the data folder, which tells there where its socket is: on --data, on the one that is \
                  configured here, on the usual one; or else the only server that runs, by the sockets in \
                  $RUNTIME_DIRECTORY, $XDG_RUNTIME_DIR/throng, and the data folder. Commands that are read from standard input \
                  end at the first that fails.\n\nExit codes: 0 done, 1 failed, 2 wrong use, 3 no server there, 4 refused or not confirmed, 5 the \
                  server went away in the middle."
)]
pub struct Console {
    /// Do this and end; may be given again. Without it a prompt comes up in a terminal, and else commands are read from
    /// standard input, one per line
    #[arg(long, short, value_name = "COMMAND")]
    pub command: Vec<String>,

    /// Answer in JSON, one object for each answer
    #[arg(long)]
    pub json: bool,

    /// Print nothing but errors
    #[arg(long, short, conflicts_with = "json")]
    pub quiet: bool,

    /// Do what would be asked about first
    #[arg(long)]
    pub yes: bool,

    /// The socket of the server that is meant
    #[arg(long, value_name = "PATH", env = "THRONG_CONSOLE__SOCKET")]
    pub socket: Option<PathBuf>,

    /// The data folder of the server that is meant
    #[arg(long, value_name = "DIR", conflicts_with = "socket")]
    pub data: Option<PathBuf>,

    /// Do no more than this role may: view, operate, or admin
    #[arg(long, value_name = "ROLE")]
    pub role: Option<Role>,
}

/// `throng completions`.
#[derive(Debug, Args)]
#[command(before_help = "Example: throng completions bash > /etc/bash_completion.d/throng")]
pub struct Completions {
    /// Which shell
    pub shell: Shell,
}

/// `throng man`.
#[derive(Debug, Args)]
#[command(before_help = "Examples: throng man | man -l -\n          throng man /usr/local/share/man/man1")]
pub struct Man {
    /// Write all pages into this folder
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
}

/// `throng help`.
#[derive(Debug, Args)]
#[command(before_help = "Example: throng help topics")]
pub struct Help {
    /// About what; topics lists what there is
    pub topic: Option<String>,
}

/// `throng top`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: throng top",
    after_help = "It finds the server as `throng console` does, and may kick and pause like it, after a question. ? shows the keys."
)]
pub struct Top {
    /// The socket of the server that is meant
    #[arg(long, value_name = "PATH", env = "THRONG_CONSOLE__SOCKET")]
    pub socket: Option<PathBuf>,

    /// The data folder of the server that is meant
    #[arg(long, value_name = "DIR", conflicts_with = "socket")]
    pub data: Option<PathBuf>,
}

/// `throng doctor`.
#[derive(Debug, Args)]
#[command(
    before_help = "Example: throng doctor --listen 0.0.0.0:6667",
    after_help = "Each line is ok, warn or fail, with what mends it. It ends with 1 when something would keep a server from running. \
                  What a running server stands on is told at its own prompt: throng console -c doctor."
)]
pub struct Doctor {
    /// Would the server listen there?
    #[arg(long, value_name = "ADDR", value_delimiter = ',')]
    pub listen: Vec<Wanted>,

    /// The data folder [default: $XDG_DATA_HOME/throng]
    #[arg(long, value_name = "DIR", env = "THRONG_DATA")]
    pub data: Option<PathBuf>,

    /// The certificate
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// Its private key
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// In JSON
    #[arg(long)]
    pub json: bool,
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
#[command(
    before_help = "Examples: throng serve --listen 0.0.0.0:6667 --name chat.example.org\n          \
                   throng serve --config /etc/throng/throng.toml",
    after_help = "A flag goes before a variable, a variable before the configuration file. SIGHUP reads the file again, where \
                  there is no terminal."
)]
pub struct Serve {
    /// Which service [default: all that the configuration file has, or the chat]
    #[arg(value_enum)]
    pub service: Option<Service>,

    /// Everything that can be set.
    #[command(flatten)]
    pub given: Given,
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
}
