//! `throng config init`: a file with every setting, its documentation and its default, in which nothing is set yet.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::command::print;
use crate::banner::shown;
use crate::fault::Fault;
use crate::settings::ROWS;

/// As wide as a line of the file is.
const WIDTH: usize = 96;

/// Makes the file, or prints it.
pub fn make(out: &Path, force: bool) -> Result<u8, Fault> {
    if out == Path::new("-") {
        return print(&text());
    }
    let failed = |why: &std::io::Error| Fault::failed(format!("cannot write {}: {why}", shown(out)));
    let mut options = OpenOptions::new();
    options.write(true).mode(0o644);
    let options = if force { options.create(true).truncate(true) } else { options.create_new(true) };
    let mut file = options.open(out).map_err(|why| match why.kind() {
        ErrorKind::AlreadyExists => Fault::failed(format!("{} is there already", shown(out)))
            .hint("replace it: throng config init --force, or print one: throng config init --out -"),
        _ => failed(&why),
    })?;
    file.write_all(text().as_bytes()).map_err(|why| failed(&why))?;
    let path = shown(out);
    print(&format!(
        "{path}  every setting, all with their defaults: uncomment what you change\n\n\
         Look for mistakes:  throng config check {path}\n\
         Serve with it:      throng serve --config {path}\n"
    ))
}

/// The file.
pub fn text() -> String {
    let mut text = "## Configuration of throng. Every setting stands here with its default, and nothing is changed yet:\n\
                    ## uncomment what you change. A variable goes before this file, and a flag before a variable.\n\
                    ## live: a change holds when the file is read again (reload, SIGHUP); restart: when the server restarts.\n"
        .to_owned();
    let mut section = None;
    for row in ROWS {
        let (of, key) = row.key();
        if of != section {
            section = of;
            text.push_str(&of.map_or_else(String::new, |of| format!("\n[{of}]\n")));
        }
        let live = if row.live { "live" } else { "restart" };
        text.push('\n');
        wrapped(row.doc).iter().for_each(|line| text.push_str(&format!("## {line}\n")));
        text.push_str(&format!("## ({}; --{}; {}; {live})\n", row.kind.name(), row.flag(), row.variable()));
        text.push_str(&format!("#{key} = {}\n", row.toml(row.default)));
    }
    text.push_str(SERVICES);
    text
}

/// How several services are written: behind everything else, since a section ends where the next one begins.
const SERVICES: &str = r#"
## Several services in one process: each is written below [[service]], here at the end, and says
## where it listens. What stands above is for all of them, and each may have its own of it.
## kind is chat, echo or hello, and there is one chat at most; label is what the console, the log
## and the metrics call it.
##
## [[service]]
## kind = "chat"
## listen = ["0.0.0.0:6667"]
##
## [[service]]
## kind = "echo"
## label = "echo-tls"
## listen = ["tls:0.0.0.0:7007"]
## model = "threads"
## tls.cert = "echo-cert.pem"
## tls.key = "echo-key.pem"
"#;

/// In lines that are no wider than one reads.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().expect("there is always a line");
        if !last.is_empty() && last.len() + 1 + word.len() > WIDTH {
            lines.push(word.to_owned());
            continue;
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use super::*;
    use crate::config::file::take_apart;
    use crate::config::origin::Source;

    fn apart(text: &str) -> crate::config::file::Apart {
        take_apart(&Arc::new(Source { path: "throng.toml".to_owned(), text: text.to_owned() }))
    }

    #[test]
    fn the_file_changes_nothing_as_it_is() {
        let apart = apart(&text());
        assert!(
            apart.mistakes.is_empty() && apart.all.found.is_empty() && apart.services.is_empty(),
            "{:?}",
            apart.mistakes
        );
    }

    #[test]
    fn every_line_may_be_uncommented_and_is_the_default_then() {
        let lines: Vec<_> =
            text().lines().map(|line| line.strip_prefix('#').unwrap_or(line).to_owned()).collect();
        let apart = apart(&lines.join("\n"));
        assert!(apart.mistakes.is_empty(), "{:?}", apart.mistakes);
        let mut found = apart.all.found;
        found.sort_by_key(|found| found.index);
        let defaults: Vec<_> = ROWS.iter().map(|row| row.default).collect();
        assert_eq!(found.iter().map(|found| found.text.as_str()).collect::<Vec<_>>(), defaults);
        assert!(text().lines().all(|line| line.len() <= WIDTH + 20), "a line is too wide");
    }

    #[test]
    fn the_example_of_several_services_is_one() {
        let example: Vec<_> = SERVICES
            .lines()
            .skip_while(|line| !line.contains("## [["))
            .map(|line| line.trim_start_matches("##").trim_start())
            .collect();
        let apart = apart(&example.join("\n"));
        assert!(apart.mistakes.is_empty(), "{:?}", apart.mistakes);
        let found: Vec<_> = apart.services.iter().map(|part| part.found.len()).collect();
        assert_eq!(found, [1, 4]);
    }
}
