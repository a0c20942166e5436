//! Which values do not go together. Pure; asked when all are known, wherever they come from.

use throng_server::Address;

use super::choices::{Choice, Model, Service};
use super::values::Settings;
use crate::listen::{Listen, Wanted};

/// Descriptors that are kept for the store, the log, and whatever else is not a client.
pub const DESCRIPTORS_KEPT: u64 = 128;

/// Values that do not go together.
#[derive(Debug, PartialEq, Eq)]
pub struct Misfit {
    /// Whose they are; the first one is where it is told.
    pub paths: &'static [&'static str],
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub hints: Vec<String>,
}

/// All that does not go together, in a process that may have so many descriptors.
pub fn misfits(settings: &Settings, descriptors: u64) -> Vec<Misfit> {
    [tls(settings), clients(settings, descriptors), metrics(settings)]
        .into_iter()
        .flatten()
        .chain(match settings.service {
            Service::Chat => chat(settings),
            Service::Echo | Service::Hello => Vec::new(),
        })
        .collect()
}

/// As many clients as there may be.
pub fn possible(descriptors: u64) -> u64 {
    descriptors.saturating_sub(DESCRIPTORS_KEPT).max(1)
}

fn misfit<const N: usize>(
    paths: &'static [&'static str],
    what: impl Into<String>,
    hints: [&str; N],
) -> Misfit {
    Misfit { paths, what: what.into(), hints: hints.map(str::to_owned).into() }
}

fn tls(settings: &Settings) -> Option<Misfit> {
    let give = "give both: --tls-cert FILE --tls-key FILE, or cert and key in [tls]";
    let make = "make one to try with: throng tls self-signed";
    match (&settings.tls_cert, &settings.tls_key) {
        (Some(_), None) => Some(misfit(&["tls.cert", "tls.key"], "tls.cert needs tls.key", [give])),
        (None, Some(_)) => Some(misfit(&["tls.key", "tls.cert"], "tls.key needs tls.cert", [give])),
        (None, None) if settings.listen.iter().any(Wanted::only_tls) => {
            let paths = &["listen", "tls.cert", "tls.key"];
            Some(misfit(paths, "TLS needs a certificate", ["give one: --tls-cert FILE --tls-key FILE", make]))
        }
        _ => None,
    }
}

fn clients(settings: &Settings, descriptors: u64) -> Option<Misfit> {
    let (limit, possible) = (u64::from(settings.limits_clients?), possible(descriptors));
    (limit > possible).then(|| Misfit {
        paths: &["limits.clients"],
        what: format!("limits.clients = {limit} is more than this process may have: {possible}"),
        hints: vec![
            format!("the descriptor limit is {descriptors}, and {DESCRIPTORS_KEPT} are kept aside"),
            "raise it before the start: ulimit -n, or LimitNOFILE= in the unit (systemd.exec(5))".to_owned(),
        ],
    })
}

fn metrics(settings: &Settings) -> Option<Misfit> {
    let has_port = |listen: &&Listen| match &listen.address {
        Address::Tcp(tcp) => tcp.port() != 0,
        _ => true,
    };
    let taken = |metrics: &Listen| {
        settings.listen.iter().any(|wanted| matches!(wanted, Wanted::At(at) if at.address == metrics.address))
    };
    let both = settings.metrics_listen.iter().filter(has_port).find(|metrics| taken(metrics))?;
    let what = format!("metrics.listen = {both} is where people are served");
    Some(misfit(&["metrics.listen", "listen"], what, ["give it a port of its own"]))
}

fn chat(settings: &Settings) -> Vec<Misfit> {
    let other = ["it is for the other services: throng serve echo --model threads"];
    let model = (settings.model != Model::Events).then(|| {
        let what = format!("the chat runs on event loops, not by the model {}", settings.model.word());
        misfit(&["model"], what, other)
    });
    let verbose =
        settings.verbose.then(|| misfit(&["verbose"], "the chat prints no more than its log", other));
    let probed = settings.timeouts_probe + settings.timeouts_probe / 2;
    let idle = settings.timeouts_idle.filter(|idle| *idle <= probed).map(|_| {
        let what = "timeouts.idle would end clients of the chat before they can answer a probe";
        let hint = "it must be longer than timeouts.probe and half of that again, or off";
        misfit(&["timeouts.idle", "timeouts.probe"], what, [hint])
    });
    model.into_iter().chain(verbose).chain(idle).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::settings::find;

    fn check(service: Service, given: &[(&str, &str)], expected: &[&str]) {
        let mut settings = Settings::of(service);
        given.iter().for_each(|(path, text)| (find(path).unwrap().set)(&mut settings, text).unwrap());
        let told: Vec<_> = misfits(&settings, 1_128).iter().map(|misfit| misfit.paths[0]).collect();
        assert_eq!(told, expected, "{given:?}");
    }

    #[test]
    fn what_does_not_go_together_is_told_where_it_is() {
        let both = [("tls.cert", "a"), ("tls.key", "b")];
        check(Service::Chat, &[], &[]);
        check(Service::Chat, &both, &[]);
        check(Service::Chat, &both[..1], &["tls.cert"]);
        check(Service::Chat, &both[1..], &["tls.key"]);
        check(Service::Chat, &[("listen", "tls:127.0.0.1:0")], &["listen"]);
        check(Service::Chat, &[both[0], both[1], ("listen", "tls:127.0.0.1:0")], &[]);
        check(Service::Chat, &[("limits.clients", "1000")], &[]);
        check(Service::Chat, &[("limits.clients", "1001")], &["limits.clients"]);
        check(Service::Chat, &[("model", "threads"), ("verbose", "true")], &["model", "verbose"]);
        check(Service::Echo, &[("model", "threads"), ("verbose", "true")], &[]);
        check(Service::Chat, &[("timeouts.idle", "3m")], &["timeouts.idle"]);
        check(Service::Chat, &[("timeouts.idle", "181s")], &[]);
        check(Service::Echo, &[("timeouts.idle", "1s")], &[]);
        let at = |port: &'static str| [("listen", port), ("metrics.listen", port)];
        check(Service::Chat, &at("127.0.0.1:9"), &["metrics.listen"]);
        check(Service::Chat, &at("127.0.0.1:0"), &[]);
    }
}
