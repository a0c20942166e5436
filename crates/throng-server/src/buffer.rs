//! A read buffer whose storage belongs to the worker: nobody holds any while waiting for bytes.

use std::cell::RefCell;
use std::ops::Deref;

/// The storage that a read has, at least. One read of a busy connection is worth as much as the kernel has for it.
const STORAGE_BYTES: usize = 64 << 10;

/// Where a buffer that is kept from the last read has less room than this, it grows before the next.
const ROOM_MIN: usize = 4 << 10;

/// How much unused storage a worker keeps; more than one is in use only while a handler that has read waits for
/// something else.
const POOLED_MAX: usize = 16;

thread_local! {
    /// Each thread has its own; a buffer that moved to another thread leaves its storage there.
    static POOL: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// What was read and not cleared yet; it derefs to the bytes. [`crate::Conn::buffer`] gives one.
///
/// A read takes up to some 64 KiB into it, behind what it holds. It grows for whoever does not clear it, without a limit.
///
/// ```
/// use throng_server::{Conn, testing::drive};
/// use tokio::io::{AsyncReadExt, AsyncWriteExt};
///
/// /// Gives back four bytes, in however many pieces they come.
/// async fn four(mut conn: Conn) -> throng_server::Result {
///     let mut buffer = conn.buffer();
///     while buffer.len() < 4 {
///         if conn.read_into(&mut buffer).await? == 0 {
///             return Err("fewer than four bytes".into());
///         }
///     }
///     conn.write_all(&buffer[..4]).await?;
///     buffer.clear();
///     assert!(buffer.is_empty());
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> throng_server::Result {
/// let (mut client, _) = drive(four);
/// client.write_all(b"ab").await?;
/// client.write_all(b"cd").await?;
/// let mut heard = [0; 4];
/// client.read_exact(&mut heard).await?;
/// assert_eq!(&heard, b"abcd");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
}

impl Buffer {
    /// Forgets what was read. The storage is kept for the next read, and given back while that waits. Example:
    /// [`Buffer`].
    pub fn clear(&mut self) {
        self.bytes.clear();
    }

    /// Forgets so many of the first bytes.
    pub(crate) fn forget(&mut self, count: usize) {
        self.bytes.drain(..count);
    }

    /// Keeps bytes that were read elsewhere, in storage of their own size.
    pub(crate) fn append(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The storage with room for a read.
    pub(crate) fn ready(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = pooled().unwrap_or_else(|| Vec::with_capacity(STORAGE_BYTES));
        } else if self.bytes.capacity() - self.bytes.len() < ROOM_MIN {
            self.bytes.reserve(STORAGE_BYTES);
        }
        &mut self.bytes
    }

    /// A read waits: what is kept moves to storage of its own size, and the large storage goes back.
    pub(crate) fn rest(&mut self) {
        if self.bytes.capacity() >= STORAGE_BYTES && self.bytes.capacity() > self.bytes.len() {
            let kept = self.bytes.as_slice().to_vec();
            give_back(std::mem::replace(&mut self.bytes, kept));
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        give_back(std::mem::take(&mut self.bytes));
    }
}

fn pooled() -> Option<Vec<u8>> {
    // The pool is gone only while its thread ends.
    POOL.try_with(|pool| pool.borrow_mut().pop()).ok().flatten()
}

fn give_back(mut storage: Vec<u8>) {
    if storage.capacity() == STORAGE_BYTES {
        storage.clear();
        let _ = POOL.try_with(|pool| {
            let mut pool = pool.borrow_mut();
            if pool.len() < POOLED_MAX {
                pool.push(storage);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_waiting_buffer_holds_only_what_was_kept() {
        let mut buffer = Buffer::default();
        buffer.ready().extend_from_slice(b"half a line");
        assert!(buffer.bytes.capacity() >= STORAGE_BYTES);
        buffer.rest();
        assert_eq!(&buffer[..], b"half a line");
        assert!(buffer.bytes.capacity() < ROOM_MIN);
        buffer.clear();
        let mut empty = Buffer::default();
        empty.ready();
        empty.rest();
        assert_eq!(empty.bytes.capacity(), 0);
    }

    #[test]
    fn the_pool_is_bounded() {
        let mut buffers: Vec<_> = (0..POOLED_MAX * 2).map(|_| Buffer::default()).collect();
        for buffer in &mut buffers {
            buffer.ready();
        }
        drop(buffers);
        assert_eq!(POOL.with(|pool| pool.borrow().len()), POOLED_MAX);
    }

    #[test]
    fn a_full_buffer_grows_before_it_reads_on() {
        let mut buffer = Buffer::default();
        let room = buffer.ready().capacity();
        buffer.bytes.resize(room, b'x');
        assert!(buffer.ready().capacity() > room);
    }
}
