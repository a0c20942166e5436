//! The flags of `throng serve`, made from the table. What is given is taken as it is: what is wrong with it is told together
//! with what is wrong elsewhere.

use std::ffi::OsString;
use std::sync::LazyLock;

use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, FromArgMatches};

use super::kinds::LIST_MAX;
use super::row::{Kind, Setting};
use super::table::ROWS;

/// The flag that names the configuration file.
pub const CONFIG: &str = "config";

/// The variable that does.
pub const CONFIG_VARIABLE: &str = "THRONG_CONFIG";

/// The names of the flags, in the order of the table: clap wants them for as long as the program runs.
static FLAGS: LazyLock<Vec<String>> = LazyLock::new(|| ROWS.iter().map(Setting::flag).collect());

/// What was typed.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// The configuration file.
    pub config: Option<OsString>,
    /// The values of each row that was given, by its place in the table.
    pub values: Vec<(usize, Vec<OsString>)>,
}

impl Given {
    /// With nothing but this configuration file, if any.
    pub fn file(config: Option<OsString>) -> Given {
        Given { config, values: Vec::new() }
    }
}

impl Args for Given {
    fn augment_args(command: clap::Command) -> clap::Command {
        let config = Arg::new(CONFIG).long(CONFIG).value_name("FILE").value_parser(ValueParser::os_string());
        let config = config.help(format!(
            "The configuration file [default: ./throng.toml, $XDG_CONFIG_HOME/throng/throng.toml or \
             /etc/throng/throng.toml, the first that there is] [env: {CONFIG_VARIABLE}]"
        ));
        ROWS.iter()
            .zip(&*FLAGS)
            .fold(command.arg(config), |command, (row, name)| command.arg(flag(row, name)))
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Given::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Given, clap::Error> {
        let mut values = Vec::new();
        for (index, row) in ROWS.iter().enumerate() {
            let Some(given) = matches.get_many::<OsString>(row.path) else { continue };
            let given: Vec<_> = given.cloned().collect();
            if given.len() > LIST_MAX {
                let said = format!("--{} may be given {LIST_MAX} times\n", row.flag());
                return Err(clap::Error::raw(clap::error::ErrorKind::TooManyValues, said));
            }
            values.push((index, given));
        }
        Ok(Given { config: matches.get_one::<OsString>(CONFIG).cloned(), values })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Given::from_arg_matches(matches)?;
        Ok(())
    }
}

fn flag(row: &'static Setting, name: &'static str) -> Arg {
    let arg = Arg::new(row.path).long(name).value_name(row.kind.placeholder());
    let arg = arg.value_parser(ValueParser::os_string()).help(help(row)).help_heading(heading(row));
    match row.kind {
        // `--verbose` alone is enough; `--verbose=false` stands against a file.
        Kind::Switch => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        Kind::List(_) => arg.action(ArgAction::Append).allow_hyphen_values(true),
        _ => arg.allow_hyphen_values(true),
    }
}

fn help(row: &Setting) -> String {
    let (doc, variable) = (row.doc, row.variable());
    let again = if matches!(row.kind, Kind::List(_)) { "; may be given again" } else { "" };
    let words = match row.kind {
        Kind::OneOf(words) => format!(" [{}]", words.join(", ")),
        _ => String::new(),
    };
    let default = if row.default.is_empty() { "none" } else { row.default };
    format!("{doc}{again}{words} [default: {default}] [env: {variable}]")
}

/// Under which words the flag stands in the help.
fn heading(row: &Setting) -> &'static str {
    match row.key().0 {
        None => "What is served, and where",
        Some("tls" | "proxy") => "TLS and proxies",
        Some("limits") => "Limits",
        Some("timeouts" | "drain") => "Times",
        Some("accounts") => "Accounts",
        Some("chat" | "history") => "The chat",
        Some(_) => "For who runs it",
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Typed {
        #[command(flatten)]
        given: Given,
    }

    fn given(typed: &[&str]) -> Vec<(&'static str, Vec<String>)> {
        let typed =
            Typed::try_parse_from(["throng"].iter().chain(typed)).unwrap_or_else(|why| panic!("{why}"));
        let text = |value: &OsString| value.to_string_lossy().into_owned();
        let values = typed.given.values.iter();
        values.map(|(index, values)| (ROWS[*index].path, values.iter().map(text).collect())).collect()
    }

    #[test]
    fn every_row_has_its_flag() {
        for row in ROWS {
            assert_eq!(given(&[&format!("--{}=x", row.flag())]), [(row.path, vec!["x".to_owned()])]);
        }
        let expected = ["a", "b,c"].map(str::to_owned).to_vec();
        assert_eq!(given(&["--listen", "a", "--listen", "b,c"]), [("listen", expected)]);
        assert_eq!(given(&["--verbose"]), [("verbose", vec!["true".to_owned()])]);
        assert!(given(&[]).is_empty(), "a default is not given");
        assert!(Typed::try_parse_from(["throng", "--verbose", "false"]).is_err());
        assert!(Typed::try_parse_from(["throng", "--pace", "off", "--pace", "off"]).is_err());
        let many = std::iter::once("throng").chain(std::iter::repeat_n("--listen=x", LIST_MAX + 1));
        assert!(Typed::try_parse_from(many).is_err());
    }
}
