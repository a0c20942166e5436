//! A place to test in: a server at a port of the kernel's choice, what it tells, and clients that wait for ever for nothing.
//!
//! Every wait has [`PATIENCE`] as its bound. It is never how long something takes: it is when a test gives up.

#![allow(dead_code, reason = "each test file uses a part of it")]

use std::future::Future;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::Duration;

use throng_server::model::PerWorker;
use throng_server::{Conn, End, Event, Events, LocalHandler, Running, Server, Workers};

/// When a test gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often a condition is looked at before a test gives up.
const LOOKS_MAX: usize = 50_000_000;

/// Events that a test may leave unread.
const EVENTS_MAX: usize = 1 << 16;

/// A running server, and what it tells.
pub(crate) struct Place {
    pub(crate) running: Running,
    pub(crate) told: Mutex<Receiver<Event>>,
}

/// Starts a server, at one more address: a port of 127.0.0.1.
pub(crate) fn open<K: 'static>(server: Server<K>) -> Place {
    open_at(server.listen("127.0.0.1:0"))
}

/// Starts a server at the addresses that it has.
pub(crate) fn open_at<K: 'static>(server: Server<K>) -> Place {
    let (tell, told) = sync_channel(EVENTS_MAX);
    let sink =
        move |event: &Event| tell.try_send(event.clone()).expect("a test reads its events, or has few");
    let running = server.events(sink).start().unwrap();
    Place { running, told: Mutex::new(told) }
}

impl Place {
    /// Its first address.
    pub(crate) fn address(&self) -> SocketAddr {
        self.running.addresses()[0].tcp().unwrap()
    }

    /// A new client at its first address.
    #[track_caller]
    pub(crate) fn client(&self) -> TcpStream {
        knock(self.address())
    }

    /// The next event.
    #[track_caller]
    pub(crate) fn next_event(&self) -> Event {
        self.told.lock().unwrap().recv_timeout(PATIENCE).expect("the server tells something")
    }

    /// The events that were told and not looked at yet.
    pub(crate) fn told(&self) -> Vec<Event> {
        self.told.lock().unwrap().try_iter().collect()
    }

    /// The end of the next connection that ends.
    #[track_caller]
    pub(crate) fn next_end(&self) -> End {
        loop {
            if let Event::Closed { end, .. } = self.next_event() {
                return end;
            }
        }
    }

    /// Connections that are open.
    pub(crate) fn open_count(&self) -> u64 {
        self.running.stats().open
    }

    /// Ends the server at once.
    pub(crate) fn end(&self) {
        self.running.drain(Duration::ZERO).wait();
    }
}

/// The echo of the crate's first page.
pub(crate) async fn echo(mut conn: Conn) -> throng_server::Result {
    let mut buffer = conn.buffer();
    while conn.read_into(&mut buffer).await? > 0 {
        conn.write_all(&buffer).await?;
        buffer.clear();
    }
    Ok(())
}

/// A handler that stays on its worker, as one that splits its connection must.
pub(crate) struct Local<F>(pub(crate) F);

impl<F, Served> LocalHandler for Local<F>
where
    F: Fn(Conn) -> Served + 'static,
    Served: Future<Output = throng_server::Result>,
{
    async fn serve(&self, conn: Conn) -> throng_server::Result {
        (self.0)(conn).await
    }
}

/// A server of such handlers.
pub(crate) fn local<F, Served>(serve: F) -> Server<PerWorker<Local<F>>>
where
    F: Fn(Conn) -> Served + Clone + Send + Sync + 'static,
    Served: Future<Output = throng_server::Result>,
{
    Server::local(move |_| Local(serve.clone()))
}

/// So many workers.
pub(crate) fn workers(count: usize) -> Events {
    Events { workers: Workers::Count(count) }
}

/// A client that is let in.
#[track_caller]
pub(crate) fn knock(address: impl ToSocketAddrs) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Says something and hears the same.
#[track_caller]
pub(crate) fn talk(stream: &mut (impl Read + Write), text: &str) {
    stream.write_all(text.as_bytes()).unwrap();
    assert_eq!(hear(stream, text.len()), text);
}

/// The next bytes, as text.
#[track_caller]
pub(crate) fn hear(stream: &mut impl Read, bytes: usize) -> String {
    let mut heard = vec![0; bytes];
    stream.read_exact(&mut heard).unwrap();
    String::from_utf8(heard).unwrap()
}

/// Everything up to the end, which must be a clean one.
#[track_caller]
pub(crate) fn hear_all(stream: &mut impl Read) -> Vec<u8> {
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    heard
}

/// Everything up to the end, whatever that is, and whether it was a clean one.
#[track_caller]
pub(crate) fn hear_out(stream: &mut impl Read) -> (Vec<u8>, bool) {
    let mut heard = Vec::new();
    let clean = match stream.read_to_end(&mut heard) {
        Ok(_) => true,
        // TLS has an end of its own, without which the socket's comes too early; it also writes while it reads.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe
            ) =>
        {
            false
        }
        Err(error) => panic!("{error}"),
    };
    (heard, clean)
}

/// Ends our side, unless the other has thrown us out already.
pub(crate) fn end_side(stream: &TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
}

/// Closes with a reset instead of an end (socket(7), SO_LINGER with no time).
pub(crate) fn reset(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
    drop(stream);
}

/// Waits until something holds that nobody tells about.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    for _ in 0..LOOKS_MAX {
        if holds() {
            return;
        }
        std::thread::yield_now();
    }
    panic!("it never came true that {what}");
}

/// Bytes that are told apart wherever a stream is cut: growing numbers.
pub(crate) fn numbered(bytes: usize) -> Vec<u8> {
    (0..bytes.div_ceil(8) as u64).flat_map(u64::to_be_bytes).take(bytes).collect()
}
