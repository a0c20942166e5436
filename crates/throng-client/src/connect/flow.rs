//! The way out: what is to be sent waits in a short queue, and is written as fast as the server takes it.

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, WriteHalf};
use tokio::sync::mpsc::Receiver;

use super::transcript::Transcript;

/// A connection, whatever it is made of.
pub trait Both: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Both for T {}

/// A connection of any kind.
pub type Stream = Box<dyn Both>;

/// How many pieces may wait for a server that takes nothing. Who fills it is told, or waits.
pub const OUTGOING_MAX: usize = 64;

/// Something to send.
#[derive(Debug, PartialEq, Eq)]
pub enum Outgoing {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, which no transcript may have.
    Secret(Vec<u8>),
    /// The end of what we say; the server may go on.
    Finish,
}

/// Sends until it is told to finish. What fails here shows in what is read, so it is not told.
pub async fn send(mut writes: WriteHalf<Stream>, outgoing: &mut Receiver<Outgoing>, transcript: &Transcript) {
    while let Some((bytes, secret)) = match outgoing.recv().await {
        Some(Outgoing::Bytes(bytes)) => Some((bytes, false)),
        Some(Outgoing::Secret(bytes)) => Some((bytes, true)),
        Some(Outgoing::Finish) | None => None,
    } {
        let written = async {
            writes.write_all(&bytes).await?;
            writes.flush().await
        };
        if written.await.is_err() {
            return;
        }
        match secret {
            true => transcript.note("sent_hidden", None),
            false => transcript.sent(&bytes),
        }
    }
    let _ = writes.shutdown().await;
    transcript.note("finished", None);
}
