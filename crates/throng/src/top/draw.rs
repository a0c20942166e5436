//! The screen: a head of figures, the clients, and the end of the log. Small screens show less of each.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Clear, Paragraph, Row, Sparkline, Table};
use std::time::Duration;
use throng_wire::printable::printable;

use super::seen::Status;
use super::view::{ORDERS, View};
use crate::console::tables::{counted, lasted};
use crate::units::{shown, shown_bytes};

/// Lines of figures.
const HEAD: u16 = 5;

/// The keys, in one line.
const KEYS: &str = " q leaves   ↑↓ choose   k kicks   p pauses or resumes   s sorts   ? help";

const HELP: &str = "\
q, Esc    leave; the server goes on\n\
↑ ↓ j     choose a client\n\
k         kick the chosen one, after a question\n\
p         pause or resume, after a question\n\
Tab       the next one of several services\n\
s         sort by the next of: queue, silent, in, out, age, name\n\
Ctrl-C    leave, with exit code 130\n\n\
delivery: from where something is said to where the outboxes of all who hear it have it, over the last minute.\n\
queue: bytes that wait for a client who reads too slowly.\n\n\
Any key goes back.";

/// Draws all of it.
pub fn draw(frame: &mut Frame<'_>, view: &mut View) {
    let log = (frame.area().height / 3).clamp(3, 12);
    let parts =
        [Constraint::Length(HEAD), Constraint::Min(3), Constraint::Length(log), Constraint::Length(1)];
    let [head, clients, log, foot] = Layout::vertical(parts).areas(frame.area());
    draw_head(frame, head, view);
    draw_clients(frame, clients, view);
    draw_log(frame, log, view);
    draw_foot(frame, foot, view);
    if view.help {
        let area = frame.area().inner(ratatui::layout::Margin { horizontal: 4, vertical: 2 });
        frame.render_widget(Clear, area);
        let block = Block::new().borders(Borders::ALL).title(" throng top ");
        frame.render_widget(
            Paragraph::new(HELP).wrap(ratatui::widgets::Wrap { trim: false }).block(block),
            area,
        );
    }
}

fn draw_head(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let [figures, curve] = Layout::horizontal([Constraint::Min(40), Constraint::Length(32)]).areas(area);
    let lines = match &view.status {
        Some(status) => head_lines(view, status),
        None => vec![Line::from(format!("{}: asking …", view.title))],
    };
    frame.render_widget(Paragraph::new(lines), figures);
    let told = view.status.as_ref().map(|status| status.rates.last_minute.as_slice()).unwrap_or_default();
    let is_chat = view.status.as_ref().is_some_and(|status| status.chat.is_some());
    let points: Vec<u64> = told
        .iter()
        .map(|second| if is_chat { second.told } else { second.bytes_out })
        .map(|amount| amount.clamp(0.0, 1e15) as u64)
        .collect();
    let what = if is_chat { "told each second, last minute" } else { "bytes out, last minute" };
    let block = Block::new().borders(Borders::LEFT).title(what.dim());
    let width = usize::from(curve.width.saturating_sub(1));
    let from = points.len().saturating_sub(width);
    frame.render_widget(Sparkline::default().data(&points[from..]).style(Color::Cyan).block(block), curve);
}

fn head_lines(view: &View, status: &Status) -> Vec<Line<'static>> {
    let Status { server, process, rates, .. } = status;
    let state = match status.state.as_str() {
        "open" if !view.gone => {
            Span::styled("open", Style::new().fg(Color::Green).add_modifier(Modifier::BOLD))
        }
        state => {
            let state = if view.gone { "gone" } else { state };
            Span::styled(state.to_owned(), Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD))
        }
    };
    let up = lasted(Duration::from_secs_f64(status.uptime_seconds.clamp(0.0, 1e9)));
    let place = status.place.map_or(String::new(), |(at, count)| {
        format!("  {} ({} of {count}, Tab: next)", printable(&status.service), at + 1)
    });
    let first = vec![
        Span::styled(view.title.clone(), Modifier::BOLD),
        Span::raw(format!("{place}  ")),
        state,
        Span::raw(format!("  up {up}  at {}", server.addresses.join(" and "))),
    ];
    let refused: u64 = server.rejected.values().sum();
    let clients = format!(
        "clients   {} of {}   {:.0} came/s   {} refused   queued {}, the longest {}",
        server.open,
        server.limit,
        rates.second.accepted,
        refused,
        shown_bytes(server.queued_bytes),
        shown_bytes(server.queued_largest_bytes)
    );
    let second = match &status.chat {
        Some(chat) => format!(
            "messages  in {:.0}/s   out {:.0}/s   delivery p50 {}  p99 {}   {}, {}",
            rates.second.said,
            rates.second.told,
            time(chat.delivery_minute.p50_seconds),
            time(chat.delivery_minute.p99_seconds),
            if chat.people == 1 { "1 person".to_owned() } else { format!("{} people", chat.people) },
            counted(usize::try_from(chat.rooms).unwrap_or(usize::MAX), "room")
        ),
        None => format!(
            "bytes     in {}/s   out {}/s   {} wait in the kernel",
            shown_bytes(rates.second.bytes_in as u64),
            shown_bytes(rates.second.bytes_out as u64),
            server.waiting.map_or("?".to_owned(), |count| count.to_string())
        ),
    };
    let memory = process.resident_bytes.map_or("?".to_owned(), shown_bytes);
    let files = process.open_fds.zip(process.max_fds);
    let files = files.map_or("?".to_owned(), |(open, most)| format!("{open} of {most}"));
    let store = status.chat.as_ref().map_or(String::new(), |chat| match &chat.read_only {
        None => format!("   store ok, last commit {}", shown(Duration::from_micros(chat.last_commit_us))),
        Some(_) => "   store READ-ONLY".to_owned(),
    });
    let host = format!("host      mem {memory}   fds {files}   pid {}{store}", process.pid);
    let ready = match status.unready.first() {
        Some(why) => Line::from(format!("not ready: {}", throng_wire::printable::printable(why))).yellow(),
        None => Line::default(),
    };
    vec![Line::from(first), Line::from(clients), Line::from(second), Line::from(host), ready]
}

fn time(seconds: Option<f64>) -> String {
    seconds.map_or("-".to_owned(), |seconds| shown(Duration::from_secs_f64(seconds.clamp(0.0, 1e6))))
}

fn draw_clients(frame: &mut Frame<'_>, area: Rect, view: &mut View) {
    let rows = view.clients.iter().map(|client| {
        let age = |secs| lasted(Duration::from_secs(secs));
        let row = Row::new([
            client.id.to_string(),
            client.name.clone().unwrap_or_else(|| "-".to_owned()),
            client.door.clone().unwrap_or_else(|| "-".to_owned()),
            client.address.clone(),
            shown_bytes(client.queued_bytes),
            age(client.silent_secs),
            age(client.age_secs),
            shown_bytes(client.bytes_in),
            shown_bytes(client.bytes_out),
        ]);
        if client.queued_bytes > 0 { row.yellow() } else { row }
    });
    let widths = [8, 20, 6, 24, 10, 8, 8, 10, 10].map(Constraint::Max);
    let head = Row::new(["ID", "NAME", "DOOR", "FROM", "QUEUE", "SILENT", "SINCE", "IN", "OUT"]);
    let title = format!(" {} of {} clients, by {} ", view.clients.len(), view.total, ORDERS[view.order]);
    let table = Table::new(rows, widths)
        .header(head.add_modifier(Modifier::BOLD))
        .row_highlight_style(Modifier::REVERSED)
        .block(Block::new().borders(Borders::TOP).title(title));
    frame.render_stateful_widget(table, area, &mut view.table);
}

fn draw_log(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let fits = usize::from(area.height.saturating_sub(1));
    let lines: Vec<Line<'_>> = view
        .log
        .iter()
        .skip(view.log.len().saturating_sub(fits))
        .map(|line| Line::from(line.as_str()))
        .collect();
    frame.render_widget(Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(" log ")), area);
}

fn draw_foot(frame: &mut Frame<'_>, area: Rect, view: &View) {
    let line = match (&view.question, &view.notice) {
        (Some((question, _)), _) => {
            Line::from(format!(" {question}  y does it, any other key does not")).yellow()
        }
        (None, Some(notice)) => Line::from(format!(" {notice}")).yellow(),
        (None, None) => Line::from(KEYS).dim(),
    };
    frame.render_widget(Paragraph::new(line), area);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::news::News;
    use super::super::seen::{Chat, Client, Clients, Server};
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use throng_services::control::{Hello, Role};

    fn on_screen(view: &mut View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(frame, view)).unwrap();
        let buffer = terminal.backend().buffer();
        let row = |y| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    fn view() -> View {
        let hello =
            Hello { v: 1, program: "throng 0.1.0".into(), service: "chat".into(), pid: 1, role: Role::Admin };
        let mut view = View::new(&hello);
        let server =
            Server { open: 2, limit: 100, addresses: vec!["127.0.0.1:1".into()], ..Server::default() };
        let status =
            Status { state: "open".into(), server, chat: Some(Chat::default()), ..Status::default() };
        view.learn(News::Status(Box::new(status)));
        let ana = Client { id: 1, name: Some("ana".into()), queued_bytes: 2048, ..Client::default() };
        view.learn(News::Clients(Clients { total: 2, clients: vec![ana] }));
        view.learn(News::Logged("19:05:40 client.joined name=ana".into()));
        view
    }

    #[test]
    fn all_that_matters_is_on_the_screen() {
        let screen = on_screen(&mut view(), 120, 30);
        for part in [
            "throng 0.1.0 chat  open  up 0s  at 127.0.0.1:1",
            "clients   2 of 100",
            "delivery p50 -  p99 -",
            "1 of 2 clients, by queue",
            "ana",
            "2.00 KiB",
            "19:05:40 client.joined name=ana",
            "q leaves",
        ] {
            assert!(screen.contains(part), "{part}:\n{screen}");
        }
    }

    #[test]
    fn no_screen_is_too_small() {
        for (width, height) in [(1, 1), (10, 3), (40, 8), (300, 100)] {
            on_screen(&mut view(), width, height);
            on_screen(&mut View { help: true, ..view() }, width, height);
        }
    }
}
