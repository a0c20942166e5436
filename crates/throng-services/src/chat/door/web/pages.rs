//! What a browser loads: one page, its style and its modules, kept in the program itself.

/// One file of the page.
#[derive(Debug)]
pub struct Page {
    /// Where it is asked for.
    pub path: &'static str,
    /// Its content type.
    pub kind: &'static str,
    /// All of it.
    pub body: &'static str,
    /// Changes with its content, so that a browser loads it anew only then (RFC 9110 §8.8.3).
    pub etag: u64,
}

macro_rules! page {
    ($path:literal, $kind:expr, $file:literal) => {{
        const BODY: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../web/", $file));
        const ETAG: u64 = digest(BODY.as_bytes());
        Page { path: $path, kind: $kind, body: BODY, etag: ETAG }
    }};
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// All of them.
pub static PAGES: &[Page] = &[
    page!("/", "text/html; charset=utf-8", "index.html"),
    page!("/style.css", "text/css; charset=utf-8", "style.css"),
    page!("/chat.js", SCRIPT, "chat.js"),
    page!("/connection.js", SCRIPT, "connection.js"),
    page!("/irc.js", SCRIPT, "irc.js"),
    page!("/session.js", SCRIPT, "session.js"),
    page!("/view.js", SCRIPT, "view.js"),
    page!("/icon.svg", "image/svg+xml", "icon.svg"),
];

/// The page of this path.
pub fn page(path: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.path == path)
}

/// FNV-1a. Nobody gains anything by two contents with the same digest: both would be ours.
const fn digest(bytes: &[u8]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u64).wrapping_mul(0x0100_0000_01b3);
        at += 1;
    }
    hash
}
