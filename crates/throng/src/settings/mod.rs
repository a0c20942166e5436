//! Everything that an operator may set: one table of rows ([`ROWS`]), from which the flags of `throng serve`, the variables,
//! the keys of a configuration file and `show` and `set` at the console are made, and the values that the rows read and write.
//!
//! [`row`] what a row is · [`table`] all of them · [`kinds`] how values are written · [`choices`] what is one of few ·
//! [`values`] what they are of · [`fits`] which do not go together · [`flags`] what may be typed · [`live`] what a running server takes.
//! Where values come from is another matter: [`crate::config`].

pub mod choices;
pub mod fits;
pub mod flags;
pub mod kinds;
pub mod live;
pub mod row;
pub mod table;
pub mod values;

pub use row::{Kind, Setting};
pub use table::ROWS;
pub use values::Settings;

/// The row of this path.
pub fn find(path: &str) -> Option<&'static Setting> {
    ROWS.iter().find(|row| row.path == path)
}

/// Where the row of this path stands in the table.
pub fn index(path: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.path == path)
}

/// The path that was most likely meant: the same last word elsewhere, or the nearest in letters.
pub fn nearest(typed: &str) -> Option<&'static str> {
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_owned();
    let word = last(typed);
    let same = ROWS.iter().find(|row| row.path != typed && last(row.path) == word);
    let distance = |path: &str| throng_services::chat::distance(path, typed);
    let near = || {
        let nearest = ROWS.iter().min_by_key(|row| distance(row.path))?;
        // A typing mistake or two; a quarter of a long name.
        (distance(nearest.path) <= 2.max(typed.chars().count() / 4)).then_some(nearest)
    };
    // Only so many letters are compared with each row.
    (typed.len() <= TYPED_MAX).then(|| same.or_else(near)).flatten().map(|row| row.path)
}

/// The longest key that is compared with those that there are.
const TYPED_MAX: usize = 64;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::path::Path;

    use super::*;

    /// The page of all settings.
    fn page() -> String {
        let mut page = "# Settings\n\nAll settings of `throng serve`, printed from its own table: [configuration.md](../configuration.md) tells how \
                        they are\nset. *live* ones change while the server runs, the others at its next start. *process* ones are\nfor the whole process, *chat* ones for its chat, the others may differ from service to service.\n"
            .to_owned();
        let mut section = Some("");
        for row in ROWS {
            if section != row.key().0 {
                section = row.key().0;
                let title = section.map_or("Without a section".to_owned(), |section| format!("[{section}]"));
                page.push_str(&format!("\n## {title}\n\n| key, flag, variable | what may be written | default | |\n|---|---|---|---|\n"));
            }
            let old = row.old_variable.map_or_else(String::new, |old| format!(" (also `{old}`)"));
            let live = if row.live { "*live*. " } else { "" };
            let scope = match row.scope {
                row::Scope::Process => "*process*. ",
                row::Scope::Service => "",
                row::Scope::Chat => "*chat*. ",
            };
            let (key, flag, variable) = (row.key().1, row.flag(), row.variable());
            let kind = row.kind.name().replace('|', "\\|");
            let doc = row.doc.replace('|', "\\|");
            page.push_str(&format!(
                "| `{key}`<br>`--{flag}`<br>`{variable}`{old} | {kind} | `{}` | {live}{scope}{doc} |\n",
                row.toml(row.default)
            ));
        }
        page
    }

    /// `THRONG_WRITE=1 cargo test -p throng --bin throng` writes the page anew.
    #[test]
    fn the_page_of_all_settings_is_printed_from_the_table() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/settings.md");
        if std::env::var_os("THRONG_WRITE").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, page()).unwrap();
        }
        assert_eq!(std::fs::read_to_string(&path).unwrap(), page(), "THRONG_WRITE=1 writes it anew");
    }

    #[test]
    fn what_was_most_likely_meant_is_found() {
        for (typed, expected) in [
            ("limits.cliens", Some("limits.clients")),
            ("limit.clients", Some("limits.clients")),
            ("accounts.gests", Some("accounts.guests")),
            ("guests", Some("accounts.guests")),
            ("limits.guests", Some("accounts.guests")),
            ("tls.certificate", None),
            ("lisen", Some("listen")),
            ("gopher", None),
            (&"x".repeat(100_000), None),
        ] {
            assert_eq!(nearest(typed), expected, "{typed}");
        }
    }
}
