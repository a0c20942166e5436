//! What is said when all services are ready: to the log, to whoever waits for it, and on a terminal.

use throng_server::Running;

use super::chat::{self, OpenChat};
use super::{Start, plain};
use crate::banner::{self, Banner};
use crate::control::server::Socket;
use crate::listen::Listen;
use crate::log::{Event, Log};
use crate::settings::choices::Service;
use crate::sharing;

impl Start<'_> {
    /// Says it.
    pub(super) fn say_ready(
        &self,
        servers: &[Running],
        listens: &[Vec<Listen>],
        chat: Option<&OpenChat>,
        (log, socket): (&Log, Option<&Socket>),
        has_terminal: bool,
    ) {
        let own = |ready: Event| match (chat, servers) {
            (Some(open), _) => ready.with("data", open.folder().display()).with("kept", &open.kept),
            (None, [one]) => ready.with("model", one.model()),
            (None, _) => ready,
        };
        let services = self.plan.is_several().then(|| self.plan.labels());
        let ready_ms =
            self.tell_ready(&listens.concat(), log, |ready| own(ready).with_some("services", services));
        let Some((open, config)) = chat.zip(self.plan.chat()) else {
            if has_terminal {
                self.screen.say(&self.plain_banner(servers, listens, ready_ms));
            }
            return;
        };
        let is_chat = |at: usize| self.plan.services()[at].settings.service == Service::Chat;
        let at = (0..listens.len()).find(|at| is_chat(*at)).unwrap_or(0);
        let (people, house) = (&listens[at], chat::sharing(&config.settings, self.plan.is_several()));
        sharing::events(people, house).chain(open.first_operator.event()).for_each(|event| log.tell(event));
        if !has_terminal {
            return;
        }
        let others = (0..listens.len()).filter(|at| !is_chat(*at));
        let others = others.flat_map(|at| {
            let (label, model) = (&*self.plan.services()[at].label, servers[at].model());
            listens[at].iter().map(move |listen| (label, listen, model))
        });
        self.screen.say(
            &Banner {
                label: &config.label,
                listens: people,
                others: others.collect(),
                tls: config.settings.tls_cert.is_some(),
                kept: format!("{}  ({})", banner::shown(open.folder()), open.kept),
                console: socket.map(Socket::typed),
                ready_ms,
                clients_max: self.plan.shares(self.sources.descriptors)[at],
                sharing: sharing::words(people, house),
                first_operator: open.first_operator.words(),
            }
            .text(),
        );
    }

    /// Of services without a chat.
    fn plain_banner(&self, servers: &[Running], listens: &[Vec<Listen>], ready_ms: u128) -> String {
        let mut lines = vec![format!("throng {}", env!("CARGO_PKG_VERSION"))];
        let services = self.plan.services();
        let width = banner::width(services.iter().map(|config| &*config.label));
        for ((config, running), listens) in services.iter().zip(servers).zip(listens) {
            let line = |listen| banner::service(&config.label, listen, running.model(), width);
            lines.extend(listens.iter().map(line));
        }
        let first = listens.iter().flatten().next();
        lines.extend(first.map(|listen| format!("\n  Try:     {}", banner::by_terminal(listen))));
        let shares = self.plan.shares(self.sources.descriptors);
        let at_once = self.plan.services().iter().zip(shares);
        let at_once: u64 = at_once.map(|(config, clients)| plain::at_once(&config.settings, clients)).sum();
        lines.push(format!("\nready in {ready_ms} ms, {at_once} served at once"));
        lines.join("\n")
    }
}
