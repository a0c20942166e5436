//! The stream of a connection with its ticket: every read and write is looked at here, whoever asks for it.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::BufMut;
use tokio::task::JoinSet;

use crate::buffer::Buffer;
use crate::stream::Stream;
use crate::ticket::{BUSY, CUT, DRAINED, FINISHING, Open, PEER_ENDED, PROTECTED, Ticket};
use crate::{linger, worker};

/// A connection's stream with its ticket; dropped, it closes as its end demands.
pub(crate) struct Socket {
    /// Both only until the drop.
    stream: Option<Stream>,
    open: Option<Arc<Open>>,
    ticket: Arc<Ticket>,
}

impl Socket {
    pub(crate) fn new(stream: Stream, open: Arc<Open>) -> Socket {
        Socket { stream: Some(stream), ticket: Arc::clone(&open.ticket), open: Some(open) }
    }

    pub(crate) fn ticket(&self) -> &Arc<Ticket> {
        &self.ticket
    }

    /// Begins a task that ends with the handler.
    pub(crate) fn begin_task(&self, begin: impl FnOnce(&mut JoinSet<()>)) -> io::Result<()> {
        let open = self.open.as_ref().expect("a socket has its place until it is dropped");
        open.begin_task(begin)
    }

    /// Reads once, behind what the buffer holds; one that waits, or got nothing, has no storage meanwhile.
    pub(crate) async fn read_into(&self, buffer: &mut Buffer) -> io::Result<usize> {
        poll_fn(|cx| {
            let outcome = self.poll_read(cx, buffer.ready());
            if !matches!(outcome, Poll::Ready(Ok(1..))) {
                buffer.rest();
            }
            outcome
        })
        .await
    }

    fn stream(&self) -> &Stream {
        self.stream.as_ref().expect("a socket has its stream until it is dropped")
    }

    /// Reads once into what room there is. 0 is the end: of the peer, or of this connection's time in a drain.
    pub(crate) fn poll_read(&self, cx: &mut Context<'_>, into: &mut impl BufMut) -> Poll<io::Result<usize>> {
        let ticket = self.ticket();
        ticket.reader.register(cx.waker());
        if ticket.has(CUT) {
            return Poll::Ready(Err(ticket.cut_error()));
        }
        if ticket.has(FINISHING) {
            return Poll::Ready(Ok(0));
        }
        if ticket.is_ending() && !ticket.has(PROTECTED | BUSY) && !self.stream().has_input() {
            ticket.set(DRAINED);
            return Poll::Ready(Ok(0));
        }
        match ready!(self.stream().poll_read(cx, into)) {
            Ok(0) => {
                ticket.set(PEER_ENDED);
                Poll::Ready(Ok(0))
            }
            Ok(read) => {
                ticket.note_read(read, worker::now_ms());
                ticket.set(BUSY);
                Poll::Ready(Ok(read))
            }
            Err(error) => Poll::Ready(Err(ticket.torn(error))),
        }
    }

    /// Writes once, without waiting.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        if self.ticket.has(CUT) {
            return Err(self.ticket.cut_error());
        }
        self.written(self.stream().try_write(bytes))
    }

    /// Hands what was written to the kernel, without waiting: a layer may hold some of it. `WouldBlock` when some is left.
    pub(crate) fn try_flush(&self) -> io::Result<()> {
        self.stream().try_flush().map_err(|error| self.failed(error))
    }

    /// Ready when a write may succeed, or will tell that it cannot.
    pub(crate) fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.ticket.writer.register(cx.waker());
        match self.ticket.has(CUT) {
            true => Poll::Ready(()),
            false => self.stream().poll_writable(cx),
        }
    }

    pub(crate) fn poll_write(&self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = self.waiting(cx, |cx| self.stream().poll_write(cx, bytes));
        let written = self.written(ready!(polled));
        if written.as_ref().is_ok_and(|written| *written == bytes.len()) {
            self.ticket.note_written(BUSY);
            self.ticket.end_stall();
        }
        Poll::Ready(written)
    }

    pub(crate) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(self.waiting(cx, |cx| self.stream().poll_flush(cx)));
        self.ticket.end_stall();
        Poll::Ready(flushed.map_err(|error| self.failed(error)))
    }

    /// The peer hears the end of what it is told.
    pub(crate) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = ready!(self.waiting(cx, |cx| self.stream().poll_shutdown(cx)));
        self.ticket.end_stall();
        Poll::Ready(shut)
    }

    /// The same without waiting, as far as that goes.
    pub(crate) fn shut_write(&self) {
        self.stream().try_shutdown();
    }

    /// Something that waits for the peer to take what it is told; a cut wakes who waits.
    fn waiting<T>(
        &self,
        cx: &mut Context<'_>,
        mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if self.ticket.has(CUT) {
            return Poll::Ready(Err(self.ticket.cut_error()));
        }
        if let Poll::Ready(done) = poll(cx) {
            return Poll::Ready(done);
        }
        self.ticket.begin_stall(worker::now_ms);
        self.ticket.writer.register(cx.waker());
        // Who was cut in between is not woken.
        match self.ticket.has(CUT) {
            true => Poll::Ready(Err(self.ticket.cut_error())),
            false => Poll::Pending,
        }
    }

    /// Counts what was written.
    fn written(&self, written: io::Result<usize>) -> io::Result<usize> {
        let written = written.map_err(|error| self.failed(error))?;
        self.ticket.note_sent(written);
        self.ticket.go_on(worker::now_ms);
        Ok(written)
    }

    /// What a failed call means.
    fn failed(&self, error: io::Error) -> io::Error {
        match error.kind() {
            ErrorKind::WouldBlock => error,
            _ if self.ticket.has(CUT) => error,
            _ => self.ticket.torn(error),
        }
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let (Some(stream), Some(open)) = (self.stream.take(), self.open.take()) {
            linger::close(stream, open);
        }
    }
}
