//! Moves bytes from one descriptor to another until they end, by the kernel alone where it can (splice(2), sendfile(2)):
//! what passes through no memory of ours costs about half. One of the two is always a socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

/// So much is moved by one call at most. A call of splice(2) holds the pipe's lock until it ends, and whoever writes into the
/// pipe waits for it: with a whole MiB the two took turns, at a sixth more CPU for each byte than with a quarter of it.
const PIECE: usize = 256 * 1024;

/// What a pipe of ours should hold: the usual 64 KiB make for many calls.
#[cfg(target_os = "linux")]
const PIPE: usize = 1024 * 1024;

/// On which side it failed.
#[derive(Debug)]
pub enum PumpError {
    /// Nothing more can be read.
    Read(io::Error),
    /// Nothing more can be written.
    Write(io::Error),
}

/// Moves everything. Ends with the end of `from`.
pub fn pump(from: impl AsFd, to: impl AsFd) -> Result<(), PumpError> {
    let (from, to) = (from.as_fd(), to.as_fd());
    #[cfg(target_os = "linux")]
    if let Some(by_kernel) = by_kernel(from, to)
        && by_kernel.run(from, to)? == Moved::All
    {
        return Ok(());
    }
    by_hand(from, to)
}

/// Reads and writes, where the kernel has no shorter way.
fn by_hand(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<(), PumpError> {
    let mut buffer = vec![0; PIECE];
    loop {
        let read = match rustix::io::read(from, &mut buffer) {
            Ok(0) => return Ok(()),
            Ok(read) => read,
            Err(Errno::INTR) => continue,
            Err(Errno::AGAIN) => {
                wait(from, PollFlags::IN).map_err(PumpError::Read)?;
                continue;
            }
            Err(why) => return Err(PumpError::Read(why.into())),
        };
        let mut rest = &buffer[..read];
        while !rest.is_empty() {
            match rustix::io::write(to, rest) {
                Ok(written) => rest = &rest[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => wait(to, PollFlags::OUT).map_err(PumpError::Write)?,
                Err(why) => return Err(PumpError::Write(why.into())),
            }
        }
    }
}

/// Somebody may have made our standard input or output non-blocking: it is shared with whoever else has it.
fn wait(descriptor: BorrowedFd<'_>, readiness: PollFlags) -> io::Result<()> {
    match rustix::event::poll(&mut [PollFd::from_borrowed_fd(descriptor, readiness)], None) {
        Ok(_) | Err(Errno::INTR) => Ok(()),
        Err(why) => Err(why.into()),
    }
}

/// A way by which the kernel moves bytes itself.
#[cfg(target_os = "linux")]
#[derive(Clone, Copy)]
enum ByKernel {
    /// To or from a pipe.
    Splice,
    /// From a file.
    SendFile,
}

#[cfg(target_os = "linux")]
#[derive(PartialEq, Eq)]
enum Moved {
    All,
    /// This kernel does not do it for these two.
    NotSo,
}

#[cfg(target_os = "linux")]
fn by_kernel(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Option<ByKernel> {
    use rustix::fs::FileType;
    let kind = |of| rustix::fs::fstat(of).map(|found| FileType::from_raw_mode(found.st_mode)).ok();
    match (kind(from)?, kind(to)?) {
        (FileType::Fifo, _) => enlarge(from),
        (_, FileType::Fifo) => enlarge(to),
        (FileType::RegularFile, _) => return Some(ByKernel::SendFile),
        _ => return None,
    }
    Some(ByKernel::Splice)
}

#[cfg(target_os = "linux")]
fn enlarge(pipe: BorrowedFd<'_>) {
    // Somebody who may not, has the usual size.
    let _ = rustix::pipe::fcntl_setpipe_size(pipe, PIPE);
}

#[cfg(target_os = "linux")]
impl ByKernel {
    fn run(self, from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<Moved, PumpError> {
        loop {
            let moved = match self {
                ByKernel::Splice => {
                    rustix::pipe::splice(from, None, to, None, PIECE, rustix::pipe::SpliceFlags::empty())
                }
                ByKernel::SendFile => rustix::fs::sendfile(to, from, None, PIPE),
            };
            match moved {
                Ok(0) => return Ok(Moved::All),
                Ok(_) | Err(Errno::INTR) => {}
                // Which of the two is not ready is not told: the second wait ends at once when it was the first.
                Err(Errno::AGAIN) => {
                    wait(from, PollFlags::IN).map_err(PumpError::Read)?;
                    wait(to, PollFlags::OUT).map_err(PumpError::Write)?;
                }
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => return Ok(Moved::NotSo),
                Err(why @ Errno::PIPE) => return Err(PumpError::Write(why.into())),
                Err(why) => return Err(PumpError::Read(why.into())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Seek, SeekFrom, Write};
    use std::net::{TcpListener, TcpStream};

    fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ours = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ours, listener.accept().unwrap().0)
    }

    /// More than any buffer on the way, and no two pieces of it alike.
    fn bytes() -> Vec<u8> {
        (0..3_000_000_u32).flat_map(u32::to_le_bytes).take(3 * PIECE * 4 + 7).collect()
    }

    /// What arrives at the other end of a connection into which this is pumped.
    fn sent(from: impl AsFd) -> Vec<u8> {
        let (ours, mut theirs) = pair();
        std::thread::scope(|scope| {
            let reading = scope.spawn(move || {
                let mut read = Vec::new();
                theirs.read_to_end(&mut read).unwrap();
                read
            });
            pump(from, &ours).unwrap();
            drop(ours);
            reading.join().unwrap()
        })
    }

    #[test]
    fn every_byte_of_a_file_or_a_pipe_is_sent() {
        let bytes = bytes();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&bytes).unwrap();
        file.seek(SeekFrom::Start(0)).unwrap();
        assert!(sent(&file) == bytes, "from a file");
        let (reads, mut writes) = std::io::pipe().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                writes.write_all(&bytes).unwrap();
                drop(writes);
            });
            assert!(sent(&reads) == bytes, "from a pipe");
        });
        assert!(sent(std::fs::File::open("/dev/null").unwrap()).is_empty());
    }

    #[test]
    fn every_byte_comes_into_a_file_or_a_pipe() {
        let bytes = bytes();
        let filled = || {
            let (ours, mut theirs) = pair();
            let bytes = bytes.clone();
            std::thread::spawn(move || theirs.write_all(&bytes).unwrap());
            ours
        };
        let mut file = tempfile::tempfile().unwrap();
        pump(filled(), &file).unwrap();
        let mut found = Vec::new();
        file.seek(SeekFrom::Start(0)).unwrap();
        file.read_to_end(&mut found).unwrap();
        assert!(found == bytes, "into a file");

        let (mut reads, writes) = std::io::pipe().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                pump(filled(), &writes).unwrap();
                drop(writes);
            });
            let mut found = Vec::new();
            reads.read_to_end(&mut found).unwrap();
            assert!(found == bytes, "into a pipe");
        });
    }

    #[test]
    fn a_pipe_that_nobody_blocks_on_is_waited_for() {
        let (reads, mut writes) = std::io::pipe().unwrap();
        rustix::io::ioctl_fionbio(&reads, true).unwrap();
        std::thread::scope(|scope| {
            let found = scope.spawn(|| sent(&reads));
            writes.write_all(b"late").unwrap();
            drop(writes);
            assert_eq!(found.join().unwrap(), b"late");
        });
    }

    #[test]
    fn it_is_told_on_which_side_it_failed() {
        let (ours, mut theirs) = pair();
        theirs.write_all(b"hello").unwrap();
        let (reads, writes) = std::io::pipe().unwrap();
        drop(reads);
        assert!(matches!(pump(&ours, &writes), Err(PumpError::Write(_))));
        let folder = std::fs::File::open("/").unwrap();
        assert!(matches!(pump(&folder, &ours), Err(PumpError::Read(_))));
    }
}
