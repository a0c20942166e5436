//! What `throng help` tells besides the help of each command: how things belong together.

/// One topic.
pub struct Topic {
    /// As it is asked for.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// All of it.
    pub text: &'static str,
}

/// All of them.
pub const TOPICS: &[Topic] = &[
    Topic {
        name: "operate",
        about: "How a running server is operated.",
        text: "\
The terminal in which throng serve runs is a prompt: help lists the verbs, Tab completes them. From elsewhere on the
machine the same is typed in

  throng console                       a prompt
  throng console -c 'kick ana'         one command; its exit code says how it went
  throng console < script              commands, up to the first that fails
  throng console -c status --json      answers for programs
  throng top                           a whole screen

Only root and the user whose server it is are let in: the socket is in a folder that nobody else may enter, and the
kernel says who is at the other end. There is no administration over the network; use ssh.
Verbs that cannot be undone easily ask for a word first, or want --yes.",
    },
    Topic {
        name: "configuration",
        about: "Where settings come from, and how they are changed.",
        text: "\
A setting has one name: limits.clients in throng.toml ([limits] clients = 500), --limits-clients as a flag,
THRONG_LIMITS__CLIENTS as a variable. A flag wins over a variable, that over the file, that over the default.

  throng config init        a file with all settings, as remarks
  throng config check       finds all mistakes in it, with their lines; --deep looks at ports and files too
  throng config show --origin

The file is --config FILE, or $THRONG_CONFIG, or the first of ./throng.toml, ~/.config/throng/throng.toml and
/etc/throng/throng.toml. While a server runs: show, set limits.clients 500, reload (or SIGHUP).",
    },
    Topic {
        name: "services",
        about: "Several services in one process.",
        text: "\
A configuration file may have several, each with its own addresses, model, limits and certificate:

  [[service]]
  kind = \"chat\"                 chat, echo or hello; one chat at most
  listen = [\"0.0.0.0:6667\"]

  [[service]]
  kind = \"echo\"
  label = \"lab\"                 what the console, the log and the metrics call it
  listen = [\"127.0.0.1:7007\"]
  model = \"threads\"

What stands above them is for all. throng serve serves all of them, throng serve echo those of that kind. At the
console verbs are for all, and --service lab for one: pause --service lab, set --service lab limits.clients 50.",
    },
    Topic {
        name: "history",
        about: "How much of what is said is kept, and how it goes.",
        text: "\
Everything said in rooms is kept unless told otherwise; private messages never are. At the console:

  history export lobby      everything that was said in a room
  history keep              what holds, and how much there is
  history keep 90d          or 2GiB: what is beyond it goes, after a question and a backup
  history forget ana        deletes all that was said under a name, from the file too; backups still have it

To keep a limit over restarts it is written into the file: [history] keep = \"90d\".",
    },
    Topic {
        name: "exit-codes",
        about: "With what commands end.",
        text: "\
  0    done
  1    failed
  2    wrong use, or a mistake in the configuration
  3    no server there
  4    refused: not allowed, not wanted, or not confirmed
  5    incomplete: lost, late, or cut off
  130  interrupted (Ctrl-C)",
    },
    Topic {
        name: "environment",
        about: "The variables that are read.",
        text: "\
  THRONG_…            every setting, as in THRONG_LIMITS__CLIENTS; throng config show names them
  THRONG_CONFIG       the configuration file
  XDG_DATA_HOME       the data folder is throng in it (~/.local/share/throng)
  XDG_RUNTIME_DIR     the operator's socket is in throng in it
  STATE_DIRECTORY, RUNTIME_DIRECTORY, NOTIFY_SOCKET, LISTEN_FDS
                      what systemd gives
  NO_COLOR            no colours",
    },
    Topic {
        name: "signals",
        about: "What signals do to a server.",
        text: "\
  SIGTERM, SIGINT     says goodbye to everybody and ends; a second one does not wait
  SIGHUP              reads configuration and certificate anew; in a terminal that goes away it ends the server
  SIGUSR2             starts the program anew on the same sockets, and refuses nobody meanwhile",
    },
];

/// Which there are.
pub fn listed() -> String {
    let mut lines = vec!["Example: throng help configuration".to_owned(), String::new()];
    lines.extend(TOPICS.iter().map(|topic| format!("  {:<16} {}", topic.name, topic.about)));
    lines.push(format!("  {:<16} What an operator may type, all of it.", "verbs"));
    lines.push(String::new());
    lines.push(
        "throng COMMAND --help explains a command, throng help VERB a verb of the operator.".to_owned(),
    );
    lines.join("\n")
}
