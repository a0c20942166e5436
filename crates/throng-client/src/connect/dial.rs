//! Calls: looks a name up, and connects to the first of its addresses that answers.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, UnixStream};

use super::eyeballs;
use super::target::Target;

/// A connection as the kernel has it.
#[derive(Debug)]
pub enum Dialled {
    /// By TCP, with who answered.
    Tcp(TcpStream, SocketAddr),
    /// A Unix socket.
    Unix(UnixStream),
}

/// Why nobody was reached.
#[derive(Debug)]
pub enum DialError {
    /// The name leads nowhere.
    Unknown(io::Error),
    /// No address answered; each one's reason.
    Failed(Vec<(SocketAddr, io::Error)>),
    /// There is no answer within this time.
    TimedOut(Duration),
    /// The Unix socket gave none.
    Unix(io::Error),
}

/// Calls, and gives up after this time.
pub async fn dial(target: &Target, patience: Duration) -> Result<Dialled, DialError> {
    match tokio::time::timeout(patience, reach(target)).await {
        Ok(outcome) => outcome,
        Err(_) => Err(DialError::TimedOut(patience)),
    }
}

async fn reach(target: &Target) -> Result<Dialled, DialError> {
    let (host, port) = match target {
        Target::Unix(path) => {
            return UnixStream::connect(path).await.map(Dialled::Unix).map_err(DialError::Unix);
        }
        Target::Tcp { host, port } => (host.as_str(), *port),
    };
    let addresses = tokio::net::lookup_host((host, port)).await.map_err(DialError::Unknown)?;
    let connect = |address| async move { TcpStream::connect(address).await.map(|stream| (stream, address)) };
    let (stream, address) =
        eyeballs::race(eyeballs::in_turns(addresses), connect).await.map_err(DialError::Failed)?;
    // A conversation is made of small pieces; and a peer that vanished is found out some time. Neither is worth a failure.
    let _ = stream.set_nodelay(true);
    let _ = socket2::SockRef::from(&stream).set_keepalive(true);
    Ok(Dialled::Tcp(stream, address))
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DialError::Unknown(why) => write!(f, "no such host: {}", plain(why)),
            DialError::TimedOut(after) => write!(f, "no answer within {after:?}"),
            DialError::Unix(why) => f.write_str(&plain(why)),
            DialError::Failed(tried) => match tried.as_slice() {
                [] => f.write_str("the name has no address"),
                [(_, why)] => f.write_str(&plain(why)),
                several => {
                    let each = several.iter().map(|(address, why)| format!("{address}: {}", plain(why)));
                    f.write_str(&each.collect::<Vec<_>>().join("; "))
                }
            },
        }
    }
}

/// As people say it, without the number.
pub fn plain(why: &io::Error) -> String {
    let said = match why.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::TimedOut => "no answer".to_owned(),
        _ => why.to_string(),
    };
    let said = said.strip_prefix("failed to lookup address information: ").unwrap_or(&said);
    said.split(" (os error").next().unwrap_or(said).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_failure_says_what_happened() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let nobody = Target::Tcp { host: "127.0.0.1".to_owned(), port: free.port() };
        let missing = Target::Unix("/nonexistent/throng.sock".into());
        for (target, expected) in [(nobody, "connection refused"), (missing, "there is no such file")] {
            let why = dial(&target, Duration::from_secs(20)).await.unwrap_err();
            assert_eq!(why.to_string(), expected);
        }
    }

    #[tokio::test]
    async fn who_answers_is_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let expected = listener.local_addr().unwrap();
        let target = Target::Tcp { host: "localhost".to_owned(), port: expected.port() };
        let dialled = dial(&target, Duration::from_secs(20)).await.unwrap();
        assert!(matches!(dialled, Dialled::Tcp(_, address) if address == expected), "{dialled:?}");
    }
}
