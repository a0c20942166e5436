//! What people read about throng besides its help: [`topics`], man pages, completions for shells, and the page of all verbs.
//! All of it is printed from the tables that the program itself goes by.

mod topics;

use clap::CommandFactory;

use crate::cli::{Cli, Completions, Help, Man};
use crate::console::verbs;
use crate::fault::{Fault, sentence};
use crate::screen;
use topics::TOPICS;

/// `throng completions`.
pub fn completions(asked: &Completions) -> Result<u8, Fault> {
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut Cli::command(), "throng", &mut script);
    print(&String::from_utf8_lossy(&script))
}

/// `throng man`.
pub fn man(asked: &Man) -> Result<u8, Fault> {
    let Some(folder) = &asked.folder else {
        let mut page = Vec::new();
        let command = Cli::command();
        clap_mangen::Man::new(command).render(&mut page).map_err(|why| Fault::failed(why.to_string()))?;
        return print(&String::from_utf8_lossy(&page));
    };
    let failed = |why: std::io::Error| {
        Fault::failed(format!("cannot write man pages into {}: {why}", folder.display()))
    };
    std::fs::create_dir_all(folder).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(failed)?;
    std::fs::write(folder.join("throng-verbs.7"), verbs_man()).map_err(failed)?;
    screen::tell_stderr(&format!(
        "written into {}; try: man -l {}",
        folder.display(),
        folder.join("throng.1").display()
    ));
    Ok(0)
}

/// `throng help`: a topic, or what there is.
pub fn help(asked: &Help) -> Result<u8, Fault> {
    match asked.topic.as_deref() {
        None | Some("topics") => print(&topics::listed()),
        Some("verbs") => print(&verbs_page()),
        Some(typed) => {
            if let Some(topic) = TOPICS.iter().find(|topic| topic.name == typed) {
                return print(&format!("{}\n\n{}", topic.about, topic.text.trim_end()));
            }
            if let Some(verb) = verbs::all().find(|verb| verb.name == typed) {
                return print(&verbs::explained(verb));
            }
            let mut command = Cli::command();
            if let Some(found) = command.find_subcommand_mut(typed) {
                return print(&found.render_long_help().to_string());
            }
            let shown = throng_wire::printable::printable(typed);
            Err(Fault::usage(format!("there is no help about {shown}"))
                .hint("what there is: throng help topics"))
        }
    }
}

fn print(text: &str) -> Result<u8, Fault> {
    screen::put(text.trim_end()).map_err(|_| Fault::unheard()).map(|()| 0)
}

/// The page of all verbs, in Markdown.
fn verbs_page() -> String {
    let mut page = "# Verbs\n\nWhat an operator may type: at the server's own prompt, in `throng console`, and as `throng console -c 'VERB'`. \
                    Printed from the\ntable that the server itself goes by. Every verb takes `--json`, `--yes` (does what would be asked about first) and `--help`.\n"
        .to_owned();
    for (kind, rows) in verbs::kinds() {
        page.push_str(&format!("\n## {kind}\n"));
        for verb in rows {
            let chat = if verb.serves == verbs::Serves::Chat { ", the chat only" } else { "" };
            let usage = verbs::usage(verb.name, verb.arguments);
            page.push_str(&format!(
                "\n### `{usage}`\n\n{} Role: {}{chat}.\n",
                sentence(verb.help),
                verb.role
            ));
            if !verb.more.is_empty() {
                page.push_str(&format!("{}\n", verb.more));
            }
            if !verb.arguments.is_empty() {
                page.push_str("\n| | |\n|---|---|\n");
            }
            for argument in verb.arguments {
                let shown = argument.shown();
                let shown = shown.trim_start_matches('[').trim_end_matches(']');
                page.push_str(&format!("| `{shown}` | {} |\n", argument.help.replace('|', "\\|")));
            }
            page.push_str(&format!("\n    {}\n", verb.example));
        }
    }
    page
}

/// The same as a man page.
fn verbs_man() -> String {
    let plain = |text: &str| text.replace('\\', "\\e").replace('-', "\\-").replace("\n.", "\n\\&.");
    let mut page =
        ".TH THRONG-VERBS 7\n.SH NAME\nthrong\\-verbs \\- what an operator of throng may type\n".to_owned();
    for (kind, rows) in verbs::kinds() {
        page.push_str(&format!(".SH {}\n", plain(&kind.to_uppercase())));
        for verb in rows {
            let usage = verbs::usage(verb.name, verb.arguments);
            page.push_str(&format!(".TP\n.B {}\n{}\n", plain(&usage), plain(&sentence(verb.help))));
            if !verb.more.is_empty() {
                page.push_str(&format!("{}\n", plain(verb.more)));
            }
            page.push_str(&format!(".br\nExample: {}\n", plain(verb.example)));
        }
    }
    page
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use clap_complete::Shell;
    use std::path::{Path, PathBuf};

    /// Where a kept page is.
    fn kept(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference").join(name)
    }

    /// `THRONG_WRITE=1 cargo test -p throng --bin throng` writes the page anew.
    #[test]
    fn the_page_of_all_verbs_is_printed_from_the_table() {
        let path = kept("verbs.md");
        if std::env::var_os("THRONG_WRITE").is_some() {
            std::fs::write(&path, verbs_page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), verbs_page(), "THRONG_WRITE=1 writes it anew");
    }

    #[test]
    fn every_shell_and_every_command_is_served() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "throng", &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in ["serve", "console", "limits-clients", "scan", "doctor"] {
                assert!(script.contains(word), "{shell} knows no {word}");
            }
        }
        let folder = tempfile::tempdir().unwrap();
        man(&Man { folder: Some(folder.path().to_owned()) }).unwrap();
        for page in
            ["throng.1", "throng-serve.1", "throng-console.1", "throng-config-check.1", "throng-verbs.7"]
        {
            let text = std::fs::read_to_string(folder.path().join(page)).unwrap();
            assert!(text.starts_with(".ie") || text.starts_with(".TH"), "{page}: {}", &text[..40]);
        }
    }
}
