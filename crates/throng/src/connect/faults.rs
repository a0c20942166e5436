//! What is said when a call fails, or ends badly: what happened, what may help, and the exit code.

use std::io;
use std::path::Path;

use throng_client::connect::tls::TlsFault;
use throng_client::connect::{DialError, End, Target};
use throng_wire::printable::printable;

use crate::banner::shown;
use crate::fault::Fault;

/// The exit code of who was interrupted, as shells count SIGINT.
pub const INTERRUPTED: u8 = 130;

/// Nobody was reached.
pub fn of_dial(target: &Target, why: &DialError) -> Fault {
    let fault = Fault::nobody(format!(
        "cannot connect to {}: {}",
        printable(&target.to_string()),
        printable(&why.to_string())
    ));
    let is_refused = |error: &io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    match why {
        DialError::Unknown(_) => fault.hint("check how the name is written, or give an address"),
        DialError::TimedOut(_) => fault.hint("wait longer: --connect-timeout 1m"),
        DialError::Failed(tried) if !tried.is_empty() && tried.iter().all(|(_, error)| is_refused(error)) => {
            let local = tried.iter().all(|(address, _)| address.ip().is_loopback());
            let fault = fault.hint("nothing listens at that port");
            if local { fault.hint("start a server of your own: throng serve") } else { fault }
        }
        DialError::Failed(_) | DialError::Unix(_) => fault,
    }
}

/// There is no TLS.
pub fn of_tls(target: &Target, why: &TlsFault) -> Fault {
    let target = printable(&target.to_string()).into_owned();
    match why {
        TlsFault::Setting(why) => Fault::usage(printable(why)),
        TlsFault::NotTrusted(why, fingerprint) => {
            let fault = Fault::refused(format!(
                "the certificate of {target} is not to be trusted: {}",
                printable(why)
            ));
            let fingerprint = fingerprint.iter().map(|digits| format!("its fingerprint is SHA-256 {digits}"));
            fingerprint
                .fold(fault, Fault::hint)
                .hint("trust the one who signed it: --ca FILE")
                .hint("believe anybody, where nothing secret is said: --insecure")
        }
        TlsFault::NotTls => {
            Fault::refused(format!("{target} does not speak TLS")).hint("try it without --tls")
        }
        TlsFault::TimedOut(after) => {
            Fault::refused(format!("{target} did not agree on TLS within {after:?}"))
                .hint("it may not speak TLS: try it without --tls")
        }
        TlsFault::Lost(_) => Fault::refused(format!("{target} hung up where TLS begins"))
            .hint("it may not speak TLS: try it without --tls"),
        TlsFault::Failed(why) => Fault::refused(format!("no TLS with {target}: {}", printable(why))),
    }
}

/// The transcript cannot be written.
pub fn of_transcript(path: &Path, why: &io::Error) -> Fault {
    Fault::failed(format!("the transcript {} cannot be written: {why}", shown(path)))
}

/// The exit code of an end that is one, or what went wrong.
pub fn of_end(end: &End) -> Result<u8, Fault> {
    match end {
        End::Server | End::Ours | End::Lingered => Ok(0),
        End::Interrupted => Ok(INTERRUPTED),
        // Whoever read has seen enough, and says so by leaving.
        End::Output(why) if why.kind() == io::ErrorKind::BrokenPipe => Ok(1),
        End::Output(_) => Err(Fault::failed(end.to_string())),
        End::Tls(_) => Err(Fault::refused(end.to_string())),
        End::Unmet(_) => Err(Fault::incomplete(end.to_string()).hint("wait longer: --expect-timeout 1m")),
        End::Reset | End::TimedOut | End::Truncated | End::Unanswered(_) | End::Broken(_) => {
            Err(Fault::incomplete(end.to_string()))
        }
    }
}
