//! What a listening socket is called that is passed from one process to the one that follows it: the name says that it is
//! nobody else's, and where the file of a Unix socket is.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use crate::address::Address;

/// What the name of a socket begins with that was a predecessor's alone. The path of a Unix socket follows, since the socket
/// itself knows only the one that it was bound to, and may have been moved from there.
const OURS: &str = "throng.ours";

/// The name of a socket that is passed to a process which will be its only owner.
pub(crate) fn name_of_ours(address: &Address) -> String {
    let path = address.path().map_or(&b""[..], |path| path.as_os_str().as_bytes());
    format!("{OURS}{}", escape(path))
}

/// The path in such a name, empty where there is none; nothing when it is another's name.
pub(crate) fn path_in(name: &str) -> Option<PathBuf> {
    unescape(name.strip_prefix(OURS)?).map(|path| PathBuf::from(OsString::from_vec(path)))
}

/// Any bytes as letters that mean nothing in a list of names.
pub(crate) fn escape(bytes: &[u8]) -> String {
    let escaped = bytes.iter().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'_' | b'-' => char::from(*byte).to_string(),
        byte => format!("%{byte:02x}"),
    });
    escaped.collect()
}

/// The bytes again; nothing when they were not written so.
pub(crate) fn unescape(escaped: &str) -> Option<Vec<u8>> {
    let mut from = escaped.bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = from.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        bytes.push(match byte {
            b'%' => u8::try_from(digit(from.next())? * 16 + digit(from.next())?).ok()?,
            byte => byte,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_path_of_a_socket_comes_through_its_name() {
        for path in ["/run/echo.sock", "a b", "/with:colon/and%percent", "/ключ", "."] {
            let address = Address::Unix(Some(PathBuf::from(path)));
            let name = name_of_ours(&address);
            assert!(name.is_ascii() && !name.contains([':', ' ']), "{name}");
            assert_eq!(path_in(&name).as_deref(), Some(Path::new(path)), "{name}");
        }
        assert_eq!(path_in("throng.ours"), Some(PathBuf::new()));
        for foreign in ["web", "throng", "throng.ours%4", "throng.ours%zz", "throng.ours%"] {
            assert_eq!(path_in(foreign), None, "{foreign}");
        }
    }
}
