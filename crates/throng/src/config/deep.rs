//! What a configuration names, looked at without changing it: ports, certificate, data folder. The doctor looks by the same eyes.

use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};
use throng_server::{Address, CertificateFiles, Claim, TlsError};
use throng_services::chat::house::wall_clock;
use throng_store::{DataFolder, RunningInfo};

use super::mistake::Mistake;
use super::origin::Origin;
use super::plan::{Config, Plan};
use crate::banner::shown;
use crate::listen::{Listen, Wanted};
use crate::settings::{Settings, find, live};
use crate::{data, holder};

/// Days before its end at which a certificate is warned of: as many as most have left when they are renewed.
const EXPIRY_WARNED_DAYS: i64 = 21;

/// In seconds.
pub const DAY: i64 = 86_400;

/// What there is to say.
#[derive(Debug, Default)]
pub struct Seen {
    /// What would keep a server from its start.
    pub mistakes: Vec<Mistake>,
    /// What would not.
    pub warnings: Vec<String>,
}

/// Looks.
pub fn look(plan: &Plan) -> Seen {
    let mut seen = Seen::default();
    let folder = plan.process().data.clone().map_or_else(data::usual, Ok);
    let running = folder.as_ref().ok().and_then(|folder| DataFolder::published(folder)).filter(lives);
    for config in plan.services() {
        let wanted = config.settings.listen.iter().filter_map(|wanted| match wanted {
            Wanted::At(listen) => Some(listen),
            Wanted::Passed { .. } => None,
        });
        wanted.for_each(|listen| door(config, "listen", listen, running.as_ref(), &mut seen));
        certificate(config, &mut seen);
    }
    let first = &plan.services()[0];
    for listen in &plan.process().metrics_listen {
        door(first, "metrics.listen", listen, running.as_ref(), &mut seen);
    }
    match folder {
        Ok(folder) => {
            if let Err(why) = can_keep(&folder) {
                seen.mistakes.push(at(first, "data", why));
            }
        }
        Err(why) => seen.mistakes.push(at(first, "data", why.what)),
    }
    seen
}

/// An address, which must be free or that server's.
fn door(config: &Config, path: &str, listen: &Listen, running: Option<&RunningInfo>, seen: &mut Seen) {
    if !is_ours(listen, running)
        && let Err(why) = is_free(&listen.address)
    {
        seen.mistakes.push(at(config, path, format!("cannot listen on {}: {why}", listen.address)));
    }
}

/// A mistake where the value stands, if somebody wrote it.
fn at(config: &Config, path: &str, what: String) -> Mistake {
    let origin = find(path).map(|row| config.origin(row)).filter(|origin| **origin != Origin::Default);
    Mistake { at: origin.cloned(), what, hints: Vec::new() }
}

fn lives(running: &RunningInfo) -> bool {
    let pid = i32::try_from(running.pid).ok().and_then(rustix::process::Pid::from_raw);
    pid.is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

/// Does the server that runs on this folder listen there?
fn is_ours(listen: &Listen, running: Option<&RunningInfo>) -> bool {
    let same = |other: &String| other.parse::<Listen>().is_ok_and(|other| other.address == listen.address);
    running.is_some_and(|running| running.addresses.iter().any(same))
}

/// Could a server listen there? Why not, and who does.
pub fn is_free(address: &Address) -> Result<(), String> {
    match address {
        Address::Tcp(tcp) => is_port_free(*tcp),
        // To bind there would leave a file; who listens answers.
        Address::Unix(Some(path)) => match UnixStream::connect(path) {
            Ok(_) => Err("something listens there".to_owned()),
            Err(_) => {
                can_write(path.parent().filter(|folder| *folder != Path::new("")).unwrap_or(Path::new(".")))
            }
        },
        _ => Ok(()),
    }
}

fn is_port_free(tcp: SocketAddr) -> Result<(), String> {
    let Err(why) = Claim::bind(Address::Tcp(tcp)) else { return Ok(()) };
    let by = holder::of(tcp).map_or_else(String::new, |holder| format!(", held by {holder}"));
    Err(format!("{}{by}", why.source))
}

fn certificate(config: &Config, seen: &mut Seen) {
    let settings: &Settings = &config.settings;
    let (Some(certificate), Some(key)) = (&settings.tls_cert, &settings.tls_key) else { return };
    if let Err(why) = live::tls(settings) {
        return seen.mistakes.push(at(config, "tls.cert", why.to_string()));
    }
    let files = CertificateFiles { certificate: certificate.clone(), key: key.clone() };
    let Ok(left) = left(&files) else { return };
    if let Some(warning) = expiry(left) {
        seen.warnings.push(format!("the certificate {} {warning}", shown(certificate)));
    }
}

/// For how many seconds a certificate is good.
pub fn left(files: &CertificateFiles) -> Result<i64, TlsError> {
    files.good_until().map(left_until)
}

/// How many seconds there are to this one, from 1970 on.
pub fn left_until(until: u64) -> i64 {
    i64::try_from(until).unwrap_or(i64::MAX).saturating_sub(wall_clock().0 / 1000)
}

/// What there is to say of a certificate that is good for so many seconds; nothing where it is good for long.
pub fn expiry(left: i64) -> Option<String> {
    match left {
        ..0 => Some("has expired: clients do not believe it".to_owned()),
        left if left < DAY => Some("expires within a day".to_owned()),
        left if left < EXPIRY_WARNED_DAYS * DAY => Some(format!("expires in {} days", left / DAY)),
        _ => None,
    }
}

/// Can a server keep its data there?
pub fn can_keep(folder: &Path) -> Result<(), String> {
    throng_store::check(folder).map_err(|why| why.to_string())?;
    if folder.exists() && !folder.is_dir() {
        return Err(format!("{} is not a folder", shown(folder)));
    }
    let there = folder.ancestors().map(|path| if path == Path::new("") { Path::new(".") } else { path });
    let nearest: PathBuf = there.into_iter().find(|path| path.exists()).unwrap_or(Path::new("/")).into();
    can_write(&nearest)
}

fn can_write(folder: &Path) -> Result<(), String> {
    access(folder, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|why| format!("cannot write in {}: {}", shown(folder), std::io::Error::from(why)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_taken_port_is_told_unless_it_is_our_own_servers() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let listen: Listen = taken.local_addr().unwrap().to_string().parse().unwrap();
        assert!(is_free(&listen.address).is_err());
        let running = |address: &str| {
            let addresses = vec![address.to_owned()];
            RunningInfo { pid: 1, addresses, started: 0, control: None }
        };
        assert!(is_ours(&listen, Some(&running(&listen.to_string()))));
        assert!(is_ours(&listen, Some(&running(&format!("tls:{listen}")))));
        assert!(!is_ours(&listen, Some(&running("127.0.0.1:1"))) && !is_ours(&listen, None));
        drop(taken);
        assert_eq!(is_free(&listen.address), Ok(()));
    }

    #[test]
    fn a_certificate_is_warned_of_before_its_end() {
        for (days, expected) in [(-1, true), (0, true), (20, true), (21, false), (90, false)] {
            assert_eq!(expiry(days * DAY).is_some(), expected, "{days}");
        }
    }

    #[test]
    fn a_folder_that_is_none_is_told_and_one_that_is_not_there_yet_is_good() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(can_keep(&folder.path().join("a/b/c")), Ok(()));
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        assert!(can_keep(&file).is_err() && can_keep(&file.join("below")).is_err());
    }
}
