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
    text
}

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
        assert!(apart.mistakes.is_empty() && apart.found.is_empty(), "{:?}", apart.mistakes);
    }

    #[test]
    fn every_line_may_be_uncommented_and_is_the_default_then() {
        let lines: Vec<_> =
            text().lines().map(|line| line.strip_prefix('#').unwrap_or(line).to_owned()).collect();
        let apart = apart(&lines.join("\n"));
        assert!(apart.mistakes.is_empty(), "{:?}", apart.mistakes);
        let mut found = apart.found;
        found.sort_by_key(|found| found.index);
        let defaults: Vec<_> = ROWS.iter().map(|row| row.default).collect();
        assert_eq!(found.iter().map(|found| found.text.as_str()).collect::<Vec<_>>(), defaults);
        assert!(text().lines().all(|line| line.len() <= WIDTH + 20), "a line is too wide");
    }
}
