//! What an open port says of itself: it is listened to for a moment, and one that says nothing is asked for a page. So those
//! who greet (SSH, SMTP, FTP) are heard, and those who wait to be asked (HTTP) too.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::core::Found;
use crate::event::BANNER_MAX;

/// So many ports are listened to at the same time,
const LISTENERS: usize = 16;
/// and so many wait for it. More, and the scan waits.
const WAITING_MAX: usize = 256;
/// A greeting comes within this,
const GREETING_WAIT: Duration = Duration::from_millis(1200);
/// an answer within this.
const ANSWER_WAIT: Duration = Duration::from_millis(1500);
const QUESTION: &[u8] = b"GET / HTTP/1.0\r\n\r\n";

/// An open port, and the connection by which it is known to be open.
pub type Connected = (Found, socket2::Socket);

/// Those who listen, until the last sender is gone. `tell` gets what each port said.
pub fn listeners<F>(stopped: &Arc<AtomicBool>, tell: F) -> std::io::Result<SyncSender<Connected>>
where
    F: Fn(Found, Option<Arc<[u8]>>) + Clone + Send + 'static,
{
    let (hand_over, queue) = sync_channel(WAITING_MAX);
    let queue = Arc::new(Mutex::new(queue));
    for _ in 0..LISTENERS {
        let (queue, stopped, tell) = (Arc::clone(&queue), Arc::clone(stopped), tell.clone());
        std::thread::Builder::new().name("throng-scan-banner".to_owned()).spawn(move || {
            while let Some((found, socket)) = next(&queue) {
                let hurried = stopped.load(Ordering::Relaxed);
                tell(found, if hurried { None } else { listen(socket.into()) });
            }
        })?;
    }
    Ok(hand_over)
}

/// One at a time waits for the next; the lock is given back with it.
fn next(queue: &Mutex<Receiver<Connected>>) -> Option<Connected> {
    queue.lock().ok()?.recv().ok()
}

/// What it says. A port that fails now was open all the same.
fn listen(mut stream: TcpStream) -> Option<Arc<[u8]>> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(GREETING_WAIT)).ok()?;
    stream.set_write_timeout(Some(ANSWER_WAIT)).ok()?;
    let mut said = vec![0; BANNER_MAX];
    let heard = match stream.read(&mut said) {
        Ok(count) => count,
        Err(_) => {
            stream.write_all(QUESTION).ok()?;
            stream.set_read_timeout(Some(ANSWER_WAIT)).ok()?;
            stream.read(&mut said).ok()?
        }
    };
    said.truncate(heard);
    (heard > 0).then(|| said.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn said_by(serve: impl FnOnce(TcpStream) + Send + 'static) -> Option<Vec<u8>> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = std::thread::spawn(move || serve(listener.accept().unwrap().0));
        let said = listen(stream).map(|said| said.to_vec());
        server.join().unwrap();
        said
    }

    #[test]
    fn who_greets_is_heard_and_who_waits_is_asked() {
        assert_eq!(said_by(|mut peer| peer.write_all(b"SSH-2.0-x\r\n").unwrap()).unwrap(), b"SSH-2.0-x\r\n");
        let page = |mut peer: TcpStream| {
            let mut asked = [0; QUESTION.len()];
            peer.read_exact(&mut asked).unwrap();
            peer.write_all(if asked == QUESTION { b"HTTP/1.0 200 OK" } else { b"?" }).unwrap();
        };
        assert_eq!(said_by(page).unwrap(), b"HTTP/1.0 200 OK");
        assert_eq!(said_by(drop), None);
        let much = said_by(|mut peer| drop(peer.write_all(&vec![b'x'; 100_000])));
        assert!(much.is_some_and(|much| much.len() <= BANNER_MAX));
    }
}
