//! What the viewer sees, and what keys do. It knows no socket and no screen.

use std::collections::VecDeque;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::widgets::TableState;
use throng_services::control::Hello;
use throng_wire::printable::printable;

use super::news::{News, Wanted};
use super::seen::{Client, Status};

/// How many lines of the log are kept.
const LOG_MAX: usize = 200;

/// The orders of the list, one after the other.
pub const ORDERS: [&str; 6] = ["queue", "silent", "in", "out", "age", "name"];

/// Everything that is shown.
pub struct View {
    /// The program, and what it serves.
    pub title: String,
    /// How the server is; nothing before it was heard.
    pub status: Option<Status>,
    /// How many are connected in all.
    pub total: usize,
    /// Those who are listed.
    pub clients: Vec<Client>,
    /// Which of them is chosen.
    pub table: TableState,
    /// The end of the log.
    pub log: VecDeque<String>,
    /// By what the list is sorted.
    pub order: usize,
    /// What a command came to, or why the server does not answer.
    pub notice: Option<String>,
    /// What is asked before it is done: the words, and the command.
    pub question: Option<(String, String)>,
    /// Is the help shown?
    pub help: bool,
    /// Does the server answer?
    pub gone: bool,
}

/// What a key came to.
pub enum Deed {
    /// Nothing that others must know.
    None,
    /// The server is asked.
    Ask(Wanted),
    /// The end, with this exit code.
    Leave(u8),
}

impl View {
    /// Of this server.
    pub fn new(hello: &Hello) -> View {
        View {
            title: title(hello),
            status: None,
            total: 0,
            clients: Vec::new(),
            table: TableState::default(),
            log: VecDeque::new(),
            order: 0,
            notice: None,
            question: None,
            help: false,
            gone: false,
        }
    }

    /// Something new has come. Texts of others are made safe here, once.
    pub fn learn(&mut self, news: News) {
        match news {
            News::Status(status) => {
                if std::mem::take(&mut self.gone) {
                    self.notice = None;
                }
                self.status = Some(*status);
            }
            News::Clients(found) => self.list(found.total, found.clients),
            News::Logged(line) => {
                for line in line.lines() {
                    if self.log.len() == LOG_MAX {
                        self.log.pop_front();
                    }
                    self.log.push_back(printable(line).into_owned());
                }
            }
            News::Said(text) => self.notice = text.lines().next().map(|line| printable(line).into_owned()),
            News::Gone(why) => {
                self.gone = true;
                self.notice = Some(format!("{}; calling again every second", printable(&why)));
            }
        }
    }

    /// The list is new; whoever was chosen stays it, wherever they are now.
    fn list(&mut self, total: usize, mut clients: Vec<Client>) {
        for client in &mut clients {
            client.address = printable(&client.address).into_owned();
            client.name = client.name.take().map(|name| printable(&name).into_owned());
        }
        let chosen = self.chosen().map(|client| client.id);
        self.total = total;
        self.clients = clients;
        let place = chosen.and_then(|id| self.clients.iter().position(|client| client.id == id));
        self.table.select(place);
    }

    /// The client that is chosen.
    pub fn chosen(&self) -> Option<&Client> {
        self.table.selected().and_then(|place| self.clients.get(place))
    }

    /// A key was pressed.
    pub fn press(&mut self, key: KeyEvent) -> Deed {
        if key.kind == KeyEventKind::Release {
            return Deed::None;
        }
        if key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL) {
            return Deed::Leave(130);
        }
        if !self.gone {
            self.notice = None;
        }
        if let Some((_, command)) = self.question.take() {
            return match key.code {
                KeyCode::Char('y') => Deed::Ask(Wanted::Command(command)),
                _ => Deed::None,
            };
        }
        if std::mem::take(&mut self.help) {
            return Deed::None;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Deed::Leave(0),
            KeyCode::Char('?' | 'h') => self.help = true,
            KeyCode::Down | KeyCode::Char('j') => self.choose(1),
            KeyCode::Up => self.choose(-1),
            KeyCode::Char('k') => self.ask_kick(),
            KeyCode::Char('p') => self.ask_pause(),
            KeyCode::Tab => return Deed::Ask(Wanted::NextService),
            KeyCode::Char('s') => {
                self.order = (self.order + 1) % ORDERS.len();
                return Deed::Ask(Wanted::Order(ORDERS[self.order]));
            }
            _ => {}
        }
        Deed::None
    }

    fn choose(&mut self, step: isize) {
        let last = self.clients.len().saturating_sub(1);
        let next = self.table.selected().map_or(0, |place| place.saturating_add_signed(step).min(last));
        self.table.select((!self.clients.is_empty()).then_some(next));
    }

    fn ask_kick(&mut self) {
        self.question = self.chosen().map(|client| {
            let who = client.name.clone().unwrap_or_else(|| client.address.clone());
            (format!("Kick {who}, connection {}?", client.id), format!("kick --number {}", client.id))
        });
        if self.question.is_none() {
            self.notice = Some("choose somebody first, with the arrow keys".to_owned());
        }
    }

    fn ask_pause(&mut self) {
        let Some(status) = &self.status else { return };
        let (label, of) = match status.place {
            Some(_) => {
                (format!(" of {}", printable(&status.service)), format!(" --service {}", status.service))
            }
            None => (String::new(), String::new()),
        };
        self.question = Some(match status.state.as_str() {
            "paused" | "held" => (format!("Take new clients{label} again?"), format!("resume{of}")),
            _ => (format!("Refuse new clients{label}? Who is here stays."), format!("pause{of}")),
        });
    }
}

/// The program, and what it serves; several services are told one by one.
fn title(hello: &Hello) -> String {
    let service = if hello.service.contains(' ') { "" } else { &hello.service };
    printable(format!("{} {service}", hello.program).trim_end()).into_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::seen::Clients;
    use super::*;
    use throng_services::control::Role;

    fn view() -> View {
        let hello =
            Hello { v: 1, program: "throng 0".into(), service: "chat".into(), pid: 1, role: Role::Admin };
        View::new(&hello)
    }

    fn listed(view: &mut View, ids: &[u64]) {
        let clients = ids.iter().map(|id| Client { id: *id, ..Client::default() }).collect();
        view.learn(News::Clients(Clients { total: ids.len(), clients }));
    }

    fn press(view: &mut View, code: KeyCode) -> Option<String> {
        match view.press(KeyEvent::from(code)) {
            Deed::Ask(Wanted::Command(line)) => Some(line),
            _ => None,
        }
    }

    #[test]
    fn whoever_is_chosen_stays_chosen_wherever_they_are_listed() {
        let mut view = view();
        listed(&mut view, &[1, 2, 3]);
        press(&mut view, KeyCode::Down);
        press(&mut view, KeyCode::Down);
        assert_eq!(view.chosen().unwrap().id, 2);
        listed(&mut view, &[2, 3, 1]);
        assert_eq!(view.chosen().unwrap().id, 2);
        listed(&mut view, &[3, 1]);
        assert!(view.chosen().is_none(), "who has gone is not somebody else");
        assert_eq!(press(&mut view, KeyCode::Char('k')), None);
        assert!(view.notice.unwrap().contains("arrow keys"));
    }

    #[test]
    fn nothing_is_done_without_a_yes() {
        let mut view = view();
        listed(&mut view, &[7]);
        press(&mut view, KeyCode::Down);
        for (answer, expected) in [('n', None), ('q', None), ('y', Some("kick --number 7".to_owned()))] {
            press(&mut view, KeyCode::Char('k'));
            assert!(view.question.is_some());
            assert_eq!(press(&mut view, KeyCode::Char(answer)), expected);
            assert!(view.question.is_none());
        }
        press(&mut view, KeyCode::Char('p'));
        assert!(view.question.is_none(), "before anything is known of the server nothing is asked");
        view.status = Some(Status::default());
        press(&mut view, KeyCode::Char('p'));
        assert_eq!(press(&mut view, KeyCode::Char('y')), Some("pause".to_owned()));
        view.status = Some(Status { state: "paused".into(), ..Status::default() });
        press(&mut view, KeyCode::Char('p'));
        assert_eq!(press(&mut view, KeyCode::Char('y')), Some("resume".to_owned()));
    }

    #[test]
    fn of_several_services_one_is_shown_and_paused_and_tab_takes_the_next() {
        let mut view = view();
        let of = |label: &str| Status { service: label.to_owned(), ..Status::default() };
        let all = || Status { services: vec![of("chat"), of("lab")], ..of("chat") };
        let places: Vec<_> =
            (0..3).map(|place| all().choose(place)).map(|status| (status.service, status.place)).collect();
        let expected = [("chat", 0), ("lab", 1), ("chat", 0)];
        assert_eq!(places, expected.map(|(label, at)| (label.to_owned(), Some((at, 2)))));
        assert_eq!(Status { services: vec![of("chat")], ..of("chat") }.choose(5).place, None);
        view.learn(News::Status(Box::new(all().choose(1))));
        press(&mut view, KeyCode::Char('p'));
        assert_eq!(press(&mut view, KeyCode::Char('y')), Some("pause --service lab".to_owned()));
        assert!(matches!(view.press(KeyEvent::from(KeyCode::Tab)), Deed::Ask(Wanted::NextService)));
    }

    #[test]
    fn texts_of_others_are_safe_and_the_log_has_an_end() {
        let mut view = view();
        for number in 0..2 * LOG_MAX {
            view.learn(News::Logged(format!("{number} \u{1b}[2J\u{202e}")));
        }
        assert_eq!(view.log.len(), LOG_MAX);
        assert!(view.log.iter().all(|line| !line.contains(['\u{1b}', '\u{202e}'])));
        let client = Client { name: Some("\u{1b}[2J".into()), ..Client::default() };
        view.learn(News::Clients(Clients { total: 1, clients: vec![client] }));
        assert!(!view.clients[0].name.as_ref().unwrap().contains('\u{1b}'));
    }
}
