//! Which values do not go together. Pure; asked when all are known, wherever they come from.

use throng_server::Address;

use super::choices::{Choice, Model, Service};
use super::values::Settings;
use crate::listen::{Listen, Wanted};

/// Descriptors that are kept for the store, the log, and whatever else is not a client.
pub const DESCRIPTORS_KEPT: u64 = 128;

/// What is kept for each service beside the first one: its event loops, on some sixteen cores, its addresses, and the lines to its
/// worker processes.
pub const KEPT_FOR_ANOTHER: u64 = 64;

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

/// All that does not go together in one service.
pub fn misfits(settings: &Settings) -> Vec<Misfit> {
    [tls(settings), metrics(settings)]
        .into_iter()
        .flatten()
        .chain(match settings.service {
            Service::Chat => chat(settings),
            Service::Echo | Service::Hello => Vec::new(),
        })
        .collect()
}

/// As many clients as there may be, of so many services together.
fn possible(descriptors: u64, services: usize) -> u64 {
    descriptors.saturating_sub(kept(services)).max(1)
}

fn kept(services: usize) -> u64 {
    DESCRIPTORS_KEPT + KEPT_FOR_ANOTHER * (services as u64).saturating_sub(1)
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

/// What does not fit into a process that may have so many descriptors, of what its services want for their clients; and whose
/// it is.
pub fn clients(wanted: &[Option<u32>], descriptors: u64) -> Option<(usize, Misfit)> {
    let possible = possible(descriptors, wanted.len());
    let asked: u64 = wanted.iter().flatten().copied().map(u64::from).sum();
    let without = wanted.iter().filter(|wanted| wanted.is_none()).count() as u64;
    if asked == 0 || asked + without <= possible || wanted.len() == 1 && asked <= possible {
        return None;
    }
    let (at, _) = wanted.iter().enumerate().max_by_key(|(_, wanted)| **wanted)?;
    let what = match wanted {
        [_] => format!("limits.clients = {asked} is more than this process may have: {possible}"),
        _ => format!(
            "limits.clients of all services is {asked}, and this process may have {possible} clients in {} services",
            wanted.len()
        ),
    };
    let hints = vec![
        format!("the descriptor limit is {descriptors}, and {} are kept aside", kept(wanted.len())),
        "raise it before the start: ulimit -n, or LimitNOFILE= in the unit (systemd.exec(5))".to_owned(),
    ];
    Some((at, Misfit { paths: &["limits.clients"], what, hints }))
}

/// How many clients each service may have: those that do not say it share what the others leave, equally.
pub fn shares(wanted: &[Option<u32>], descriptors: u64) -> Vec<u64> {
    let asked: u64 = wanted.iter().flatten().copied().map(u64::from).sum();
    let without = wanted.iter().filter(|wanted| wanted.is_none()).count() as u64;
    let share = (possible(descriptors, wanted.len()).saturating_sub(asked) / without.max(1)).max(1);
    wanted.iter().map(|wanted| wanted.map_or(share, u64::from)).collect()
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
        let told: Vec<_> = misfits(&settings).iter().map(|misfit| misfit.paths[0]).collect();
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
        check(Service::Chat, &[("model", "threads"), ("verbose", "true")], &["model", "verbose"]);
        check(Service::Echo, &[("model", "threads"), ("verbose", "true")], &[]);
        check(Service::Chat, &[("timeouts.idle", "3m")], &["timeouts.idle"]);
        check(Service::Chat, &[("timeouts.idle", "181s")], &[]);
        check(Service::Echo, &[("timeouts.idle", "1s")], &[]);
        let at = |port: &'static str| [("listen", port), ("metrics.listen", port)];
        check(Service::Chat, &at("127.0.0.1:9"), &["metrics.listen"]);
        check(Service::Chat, &at("127.0.0.1:0"), &[]);
    }

    #[test]
    fn services_share_what_a_process_may_have() {
        for (wanted, misfit, expected) in [
            (&[None][..], None, &[1_000][..]),
            (&[Some(1_000)], None, &[1_000]),
            (&[Some(1_001)], Some(0), &[1_001]),
            (&[None, None], None, &[468, 468]),
            (&[Some(200), None, None], None, &[200, 336, 336]),
            (&[Some(500), Some(436)], None, &[500, 436]),
            (&[Some(400), Some(537)], Some(1), &[400, 537]),
            (&[Some(935), None], None, &[935, 1]),
            (&[Some(936), None], Some(0), &[936, 1]),
        ] {
            assert_eq!(clients(wanted, 1_128).map(|(at, _)| at), misfit, "{wanted:?}");
            assert_eq!(shares(wanted, 1_128), expected, "{wanted:?}");
        }
    }
}
