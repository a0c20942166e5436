//! What `throng serve` says when it is ready: where it listens, and how to join.

use std::net::IpAddr;
use std::path::Path;

use crate::listen::Listen;

/// Everything the banner tells.
pub struct Banner<'a> {
    /// What the chat is called.
    pub label: &'a str,
    /// Where the server listens.
    pub listens: &'a [Listen],
    /// For each address of the services beside it what it is called, where that is, and by what means it serves.
    pub others: Vec<(&'a str, &'a Listen, &'static str)>,
    /// Is TLS spoken as well?
    pub tls: bool,
    /// Where it keeps things, and what is in there.
    pub kept: String,
    /// What is typed elsewhere to operate it, where it has a socket.
    pub console: Option<String>,
    /// How long the start took.
    pub ready_ms: u128,
    /// How many clients fit.
    pub clients_max: u64,
    /// What to know before others are told of it.
    pub sharing: Vec<String>,
    /// How somebody becomes the first operator, where there is none. It has a secret in it.
    pub first_operator: Option<String>,
}

impl Banner<'_> {
    /// For a terminal.
    pub fn text(&self) -> String {
        let mut lines = vec![format!("throng {}", env!("CARGO_PKG_VERSION"))];
        let width = width(self.others.iter().map(|(label, ..)| *label).chain([self.label]));
        for listen in self.listens {
            let tls = if self.tls && !listen.only_tls { ", with TLS too" } else { "" };
            let doors = format!("telnet, nc, IRC clients and browsers{tls}");
            lines.push(service(self.label, listen, &doors, width));
        }
        lines.extend(self.others.iter().map(|(label, listen, model)| service(label, listen, model, width)));
        let elsewhere = self.console.as_ref().map(|typed| format!(", or in another terminal: {typed}"));
        lines.push(format!("  {:width$} here{}", "console", elsewhere.unwrap_or_default()));
        lines.push(format!("  {:width$} {}", "data", self.kept));
        lines.push(String::new());
        if let Some(listen) = self.listens.first() {
            lines.extend(how_to_join(listen));
        }
        lines.extend(self.sharing.iter().map(|line| format!("  {line}")));
        lines.extend(self.first_operator.iter().map(|line| format!("  {line}")));
        lines.push(String::new());
        lines.push(format!("ready in {} ms, {} connections possible", self.ready_ms, self.clients_max));
        lines.join("\n")
    }
}

/// As wide as the first column is, for services that are called so.
pub fn width<'a>(labels: impl Iterator<Item = &'a str>) -> usize {
    labels.map(str::len).max().unwrap_or(0).max("console ".len())
}

/// A line for a service: what it is called, where it is, and what it is for or by what means it serves.
pub fn service(label: &str, listen: &Listen, what: &str, width: usize) -> String {
    format!("  {label:width$} {listen}   {what}")
}

/// How one joins, door by door.
pub fn how_to_join(listen: &Listen) -> Vec<String> {
    let by_terminal = by_terminal(listen);
    let Some(tcp) = listen.address.tcp() else { return vec![format!("  Join:    {by_terminal}")] };
    let (host, port) = (reachable(tcp.ip()), tcp.port());
    let bracketed = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    vec![
        format!("  Join:    {by_terminal}"),
        match listen.only_tls {
            true => format!("           irssi --tls -c {host} -p {port}    (or any IRC client, with TLS)"),
            false => format!("           irssi -c {host} -p {port}    (or any IRC client, without TLS)"),
        },
        format!("           {}://{bracketed}:{port}/", if listen.only_tls { "https" } else { "http" }),
    ]
}

/// How one reaches it from a terminal.
pub fn by_terminal(listen: &Listen) -> String {
    let Some(tcp) = listen.address.tcp() else {
        return listen.address.path().map_or(String::new(), |path| format!("nc -U {}", shown(path)));
    };
    let (host, port) = (reachable(tcp.ip()), tcp.port());
    if listen.only_tls {
        let bracketed = if host.contains(':') { format!("[{host}]") } else { host };
        return format!("openssl s_client -quiet -connect {bracketed}:{port}");
    }
    format!("telnet {host} {port}      (or: nc {host} {port})")
}

/// An address that one can type: all interfaces are reached by the local one.
pub fn reachable(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) if ip.is_unspecified() => "127.0.0.1".to_owned(),
        IpAddr::V6(ip) if ip.is_unspecified() => "::1".to_owned(),
        ip => ip.to_string(),
    }
}

/// A path as people write it: the home folder is `~`. Control characters in it are made visible.
pub fn shown(path: &Path) -> String {
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let shown = match home.and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned)) {
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    };
    throng_wire::printable::printable(&shown).into_owned()
}
