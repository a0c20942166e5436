//! What the sockets were that the first process was started with, told to its workers. None of those sockets is theirs; but a
//! worker comes to the same server on the same way through `main`, and has to find as many, at the same addresses and by the
//! same names.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel};

use crate::address::Address;
use crate::passed_name::{escape, unescape};

/// Tells a worker: for each socket its address, and before it the name that a service manager gave it, as `name=address`.
/// Both are escaped, and a colon stands between two.
pub(crate) const PASSED: &str = "THRONG_SERVER_PASSED";

/// What begins the address of a Unix socket.
const UNIX: &[u8] = b"unix:";

/// What this process was started with, once that was taken.
static TAKEN: OnceLock<String> = OnceLock::new();

/// Was this worker told already? Who takes sockets twice has nothing the second time.
static TOLD: AtomicBool = AtomicBool::new(false);

/// One socket: a service manager's name for it, and its address.
pub(crate) type Passed = (Option<String>, Address);

/// Notes what this process was started with, for the workers that it will have.
pub(crate) fn note(passed: impl IntoIterator<Item = Passed>) {
    // Only the first time is there anything.
    let _ = TAKEN.set(write(passed));
}

/// What workers are told, if there is anything.
#[cfg(target_os = "linux")]
pub(crate) fn for_workers() -> Option<&'static str> {
    TAKEN.get().map(String::as_str)
}

/// What this worker is told.
pub(crate) fn told() -> Vec<Passed> {
    if TOLD.swap(true, AcqRel) {
        return Vec::new();
    }
    std::env::var(PASSED).map(|list| read(&list)).unwrap_or_default()
}

fn write(passed: impl IntoIterator<Item = Passed>) -> String {
    let words = passed.into_iter().map(|(name, address)| {
        let address = match &address {
            Address::Unix(path) => {
                let path = path.as_ref().map_or(&b""[..], |path| path.as_os_str().as_bytes());
                escape(&[UNIX, path].concat())
            }
            other => escape(other.to_string().as_bytes()),
        };
        name.map_or(address.clone(), |name| format!("{}={address}", escape(name.as_bytes())))
    });
    words.collect::<Vec<_>>().join(":")
}

/// What is not understood was not written by this program, and is left out.
fn read(list: &str) -> Vec<Passed> {
    list.split(':').filter_map(read_one).collect()
}

fn read_one(word: &str) -> Option<Passed> {
    let (name, address) = word.split_once('=').map_or((None, word), |(name, rest)| (Some(name), rest));
    let name = match name {
        Some(name) => Some(String::from_utf8(unescape(name)?).ok()?),
        None => None,
    };
    let address = unescape(address)?;
    let address = match address.strip_prefix(UNIX) {
        Some(path) => Address::Unix((!path.is_empty()).then(|| OsString::from_vec(path.to_vec()).into())),
        None => Address::Tcp(std::str::from_utf8(&address).ok()?.parse().ok()?),
    };
    Some((name, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_passed_is_read_as_it_was_written() {
        let path = OsString::from_vec(b"/run/a=b:\xff.sock".to_vec());
        let passed = [
            (Some("web"), Address::resolve("127.0.0.1:80").unwrap()),
            (None, Address::resolve("[::1]:81").unwrap()),
            (Some(""), Address::Unix(Some(path.into()))),
            (Some("a:b=c%d é"), Address::Unix(None)),
            (None, Address::resolve("unix:/run/echo.sock").unwrap()),
        ];
        let passed = passed.map(|(name, address)| (name.map(str::to_owned), address));
        for count in 0..=passed.len() {
            assert_eq!(read(&write(passed[..count].to_vec())), passed[..count]);
        }
    }

    #[test]
    fn anything_is_read_without_a_panic() {
        for wrong in ["", ":", "=", "web=", "web=127.0.0.1", "%", "%z0=127.0.0.1%3a1", "%ff=127.0.0.1%3a1"] {
            assert_eq!(read(wrong), [], "{wrong}");
        }
        bolero::check!().with_type::<String>().for_each(|list| {
            let read_again = read(&write(read(list)));
            assert_eq!(read_again, read(list));
        });
    }
}
