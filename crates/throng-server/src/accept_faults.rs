//! A scripted kernel: what accept(2) says next, for tests of what a server makes of it.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Errors that the next accepts of a server fail with, before the kernel is asked. All clones are one script.
///
/// ```
/// use throng_server::testing::AcceptFaults;
/// # use throng_server::{Conn, Server};
/// # async fn serve(_conn: Conn) -> throng_server::Result { Ok(()) }
///
/// let faults = AcceptFaults::default();
/// let running = Server::new(serve).listen("127.0.0.1:0").accept_faults(&faults).start()?;
/// faults.add([103]); // ECONNABORTED of Linux: that client is gone already, and the next one is served
/// let client = std::net::TcpStream::connect(&running.addresses()[0]).unwrap();
/// assert_eq!(std::io::read_to_string(client).unwrap(), "");
/// assert_eq!((faults.left(), running.stats().accepted), (0, 1));
/// # Ok::<(), throng_server::StartError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct AcceptFaults {
    script: Arc<Mutex<VecDeque<i32>>>,
}

impl AcceptFaults {
    /// Adds errors by their numbers (errno(3)), behind those that are left. Numbers differ between systems. Example:
    /// [`AcceptFaults`].
    pub fn add(&self, errors: impl IntoIterator<Item = i32>) {
        self.script().extend(errors);
    }

    /// How many are left. Example: [`AcceptFaults`].
    pub fn left(&self) -> usize {
        self.script().len()
    }

    /// The next, if one is left.
    pub(crate) fn next(&self) -> Option<io::Error> {
        self.script().pop_front().map(io::Error::from_raw_os_error)
    }

    fn script(&self) -> std::sync::MutexGuard<'_, VecDeque<i32>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
