//! Asks for what is missing, on a terminal: a host and a port, with what is likely meant in brackets.

use throng_client::connect::target::port_of;
use throng_client::connect::{Place, Target};
use throng_store::DataFolder;

use crate::cli::Connect;
use crate::fault::Fault;
use crate::listen::Listen;
use crate::question::question;
use crate::{config, data};

/// Where throng serves unless told otherwise.
const HOST: &str = "127.0.0.1";
const PORT: u16 = 50_007;

/// Whom to call, asked for where it is not told and there is somebody to ask.
pub fn target(asked: &Connect, has_terminal: bool) -> Result<Target, Fault> {
    let usual = usual();
    let (usual_host, usual_port) = match &usual {
        Some(Place::Host(host, port)) => (host.clone(), port.unwrap_or(PORT)),
        _ => (HOST.to_owned(), PORT),
    };
    let place = match &asked.host {
        Some(place) => place.clone(),
        None if has_terminal => {
            let shown = match &usual {
                Some(Place::Unix(path)) => Target::Unix(path.clone()).to_string(),
                _ => usual_host.clone(),
            };
            question("Host", Some(&shown), Place::parse)?
        }
        None => return Err(missing("no host")),
    };
    let (host, port) = match place {
        Place::Unix(path) if asked.port.is_none() => return Ok(Target::Unix(path)),
        Place::Unix(_) => return Err(Fault::usage("a Unix socket has no port")),
        Place::Host(_, Some(_)) if asked.port.is_some() => {
            return Err(
                Fault::usage("the port is given twice").hint("once is enough: throng connect HOST PORT")
            );
        }
        Place::Host(host, port) => (host, port.or(asked.port)),
    };
    let port = match port {
        Some(port) => port,
        None if has_terminal => {
            let default = if asked.host.is_none() && host == usual_host { usual_port } else { PORT };
            question("Port", Some(&default.to_string()), port_of)?
        }
        None => return Err(missing("no port")),
    };
    Ok(Target::Tcp { host, port })
}

fn missing(what: &str) -> Fault {
    Fault::usage(format!("{what} was given, and there is no terminal to ask"))
        .hint("try: throng connect 127.0.0.1 50007")
}

/// The address of a throng that runs here, as far as one can know it.
fn usual() -> Option<Place> {
    let folder = config::data_folder().or_else(|_| data::usual()).ok()?;
    let running = DataFolder::published(&folder)?;
    // Whoever was killed could not take its word back.
    let pid = i32::try_from(running.pid).ok().and_then(rustix::process::Pid::from_raw)?;
    rustix::process::test_kill_process(pid).ok()?;
    let listens = running.addresses.iter().filter_map(|address| address.parse::<Listen>().ok());
    let listen = listens.into_iter().find(|listen| !listen.only_tls)?;
    match listen.address.tcp() {
        Some(tcp) => Some(Place::Host(crate::banner::reachable(tcp.ip()), Some(tcp.port()))),
        None => listen.address.path().map(|path| Place::Unix(path.to_owned())),
    }
}
