//! Who calls, and over what: a server listens there, and its clients come over TCP, over a Unix socket, or over TLS.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rustls::ClientConfig;
use tempfile::TempDir;
use throng_server::{Server, Tls};

use crate::place::{self, PATIENCE, Place, open_at};
use crate::secured::{Authority, Secure, secure};

const NAME: &str = "chat.example.org";

/// Over what clients come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Unix,
    Tls,
}

pub(crate) const TRANSPORTS: [Transport; 3] = [Transport::Tcp, Transport::Unix, Transport::Tls];

/// Where clients have an address: those of a Unix socket have none, so nothing is limited by it.
pub(crate) const ADDRESSED: [Transport; 2] = [Transport::Tcp, Transport::Tls];

/// One certificate for all, and those who believe it.
struct Secrets {
    _authority: Authority,
    tls: Tls,
    believer: Arc<ClientConfig>,
}

static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    let authority = Authority::new();
    let files = authority.files("server", NAME);
    let tls = Tls::files(files.certificate, files.key).unwrap();
    let believer = authority.trusting(None);
    Secrets { _authority: authority, tls, believer }
});

/// Makes what all share, before descriptors are counted.
pub(crate) fn prepare() {
    LazyLock::force(&SECRETS);
}

/// Where one server listens.
pub(crate) struct Ground {
    pub(crate) transport: Transport,
    folder: Option<TempDir>,
}

impl Ground {
    pub(crate) fn new(transport: Transport) -> Ground {
        let folder = (transport == Transport::Unix).then(|| tempfile::tempdir().unwrap());
        Ground { transport, folder }
    }

    /// Starts a server here.
    pub(crate) fn open<K: 'static>(&self, server: Server<K>) -> Place {
        open_at(match self.transport {
            Transport::Tcp => server.listen("127.0.0.1:0"),
            Transport::Unix => server.listen(&format!("unix:{}", self.path().display())),
            Transport::Tls => server.listen_tls("127.0.0.1:0", &SECRETS.tls),
        })
    }

    /// The path of a Unix socket.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.as_ref().expect("only a Unix socket has a path").path().join("here")
    }

    /// A new client. TLS begins with its first bytes.
    pub(crate) fn client(&self, place: &Place) -> io::Result<Client> {
        self.bare(place).map(|client| self.secured(client))
    }

    /// A new client that has not begun with TLS.
    pub(crate) fn bare(&self, place: &Place) -> io::Result<Client> {
        if self.transport == Transport::Unix {
            let stream = UnixStream::connect(self.path())?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            return Ok(Client::Unix(stream));
        }
        let stream = TcpStream::connect(place.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Client::Tcp(stream))
    }

    /// One that speaks from here on what is spoken here.
    pub(crate) fn secured(&self, client: Client) -> Client {
        match client {
            Client::Tcp(stream) if self.transport == Transport::Tls => {
                let mut secure = secure(stream, Arc::clone(&SECRETS.believer), NAME);
                // What is said before the handshake is kept until it is over, however much that is.
                secure.conn.set_buffer_limit(None);
                Client::Tls(Box::new(secure))
            }
            client => client,
        }
    }
}

/// A client over one of them.
pub(crate) enum Client {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Secure>),
}

impl Client {
    /// Waits for the end of the handshake, if there is one.
    #[track_caller]
    pub(crate) fn shake(&mut self) {
        if let Client::Tls(secure) = self {
            while secure.conn.is_handshaking() {
                secure.conn.complete_io(&mut secure.sock).unwrap();
            }
            secure.flush().unwrap();
        }
    }

    /// Ends our side, unless the other has thrown us out already.
    pub(crate) fn end_side(&mut self) {
        let _ = match self {
            Client::Tcp(stream) => stream.shutdown(Shutdown::Write),
            Client::Unix(stream) => stream.shutdown(Shutdown::Write),
            Client::Tls(secure) => {
                secure.conn.send_close_notify();
                let _ = secure.flush();
                secure.sock.shutdown(Shutdown::Write)
            }
        };
    }

    /// Closes with a reset; a Unix socket has none.
    pub(crate) fn reset(self) {
        match self {
            Client::Tcp(stream) => place::reset(stream),
            Client::Tls(secure) => place::reset(secure.into_parts().1),
            Client::Unix(_) => panic!("a Unix socket has no reset"),
        }
    }
}

impl Read for Client {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Client::Tcp(stream) => stream.read(into),
            Client::Unix(stream) => stream.read(into),
            Client::Tls(secure) => secure.read(into),
        }
    }
}

impl Write for Client {
    /// Waits for no handshake: one who is not let in yet can speak all the same, and is heard later.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Client::Tcp(stream) => stream.write(bytes),
            Client::Unix(stream) => stream.write(bytes),
            Client::Tls(secure) => {
                let written = secure.conn.writer().write(bytes)?;
                while secure.conn.wants_write() {
                    secure.conn.write_tls(&mut secure.sock)?;
                }
                Ok(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
