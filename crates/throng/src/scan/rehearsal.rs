//! `--dry-run`: says what a scan would do. Names are looked up; nothing is sent to anybody who is scanned.

use throng_client::figures::sheet::number;
use throng_scan::ports::PortSet;

use super::asked::Scan;
use super::permit;
use super::sink::Sink;
use super::whom::Whom;
use crate::fault::Fault;
use crate::units::shown;

/// As many spans of addresses as are shown.
const SPANS_MAX: usize = 10;

/// As much of the ports as is shown.
const PORTS_SHOWN_MAX: usize = 300;

/// What would be done, a line each.
pub fn tell(asked: &Scan, whom: &Whom, ports: &PortSet, sinks: &[Sink]) -> Result<String, Fault> {
    let (permit, needed) = permit::would_need(asked, &whom.targets, ports.len())?;
    let questions = whom.targets.len().saturating_mul(u64::from(ports.len()));
    let mut lines = vec![
        format!("hosts      {}: {}", number(whom.targets.len() as f64), spans(whom)),
        format!("ports      {} of each: {}", number(f64::from(ports.len())), cut(&ports.to_string())),
        format!("questions  {} at least, one for each port", number(questions as f64)),
    ];
    lines.push(match (asked.parallel, permit.window_max) {
        (Some(parallel), _) => format!("at a time  {parallel}"),
        (None, Some(most)) => format!("at a time  as many as bring answers, at most {most}"),
        (None, None) => "at a time  as many as bring answers".to_owned(),
    });
    lines.extend(permit.rate.map(|rate| format!("rate       at most {} a second", number(rate))));
    lines.extend(asked.deadline.map(|deadline| format!("deadline   {}", shown(deadline))));
    lines.extend(asked.source.map(|source| format!("from       {source}")));
    lines.extend(
        sinks.iter().map(|sink| format!("writes     {:?} to {}", sink.format, sink.name()).to_lowercase()),
    );
    lines.extend(needed.iter().map(|needed| format!("needs      {needed}")));
    lines.push("nothing was sent".to_owned());
    Ok(lines.join("\n"))
}

/// Whom, as ranges.
fn spans(whom: &Whom) -> String {
    let mut spans = whom.targets.spans();
    let shown: Vec<_> = spans
        .by_ref()
        .take(SPANS_MAX)
        .map(|span| match (span.first(), span.last()) {
            (first, last) if first == last => first.to_string(),
            (first, last) => format!("{first}-{last}"),
        })
        .collect();
    let more = spans.count();
    let more = if more > 0 { format!(" and {more} more ranges") } else { String::new() };
    format!("{}{more}", shown.join(", "))
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(PORTS_SHOWN_MAX) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
