//! Where a password comes from on the command line: typed twice and unseen, from standard input, or made up.

use std::io::Read;

use throng_services::chat::Name;
use throng_services::identity::Secret;
use throng_services::identity::password::{BYTES_MAX, check};
use throng_wire::printable::printable;
use zeroize::Zeroizing;

use super::asked::Password;
use super::hidden::{Typed, Unseen};
use super::wish::NewPassword;
use crate::fault::Fault;

/// How often one may type it wrongly.
const ASKED_MAX: usize = 3;

/// As in the table of `main`.
const INTERRUPTED: u8 = 130;

/// The password for this account.
pub(super) fn password(asked: &Password, name: &Name) -> Result<NewPassword, Fault> {
    if asked.generate {
        return Ok(NewPassword::Generated);
    }
    let given = if asked.password_stdin {
        from(std::io::stdin().lock())?
    } else if let Some(terminal) = Unseen::begin() {
        typed(&terminal, name)?
    } else {
        return Err(Fault::usage("no password was given, and there is no terminal to ask for it")
            .hint("from standard input: --password-stdin")
            .hint("or make one up and print it: --generate"));
    };
    check(&given).map_err(|why| Fault::usage(why.to_string()))?;
    Ok(NewPassword::Given(given))
}

/// The first line, without its end.
fn from(input: impl Read) -> Result<Secret<String>, Fault> {
    // With room for the end of the line, and for one byte by which it is too long.
    let mut bytes = Zeroizing::new(Vec::with_capacity(BYTES_MAX + 3));
    input
        .take(BYTES_MAX as u64 + 3)
        .read_to_end(&mut bytes)
        .map_err(|why| Fault::failed(format!("cannot read the password: {why}")))?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|_| Fault::usage("the password is not UTF-8"))?;
    Ok(Secret::from(text))
}

fn typed(terminal: &Unseen, name: &Name) -> Result<Secret<String>, Fault> {
    let shown = printable(name.as_str());
    for _ in 0..ASKED_MAX {
        let first = line(terminal, &format!("Password for {shown} (it is not shown): "))?;
        if let Err(why) = check(&first) {
            crate::screen::tell_stderr(&format!("  {why}"));
            continue;
        }
        if line(terminal, "The same again: ")?.expose() == first.expose() {
            return Ok(first);
        }
        crate::screen::tell_stderr("  these were two different ones");
    }
    Err(Fault::usage(format!("no password after {ASKED_MAX} tries")))
}

fn line(terminal: &Unseen, question: &str) -> Result<Secret<String>, Fault> {
    match terminal.ask(question) {
        Typed::Line(line) => Ok(line),
        Typed::Interrupted => {
            Err(Fault { exit_code: INTERRUPTED, ..Fault::failed("interrupted: nothing was changed") })
        }
        Typed::Over => Err(Fault::usage("no password was given")),
        Typed::NoText => Err(Fault::usage("the password is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_password_is_the_first_line_as_it_is() {
        for (given, expected) in [
            (&b" corr\xc3\xa9ct horse \n"[..], " corréct horse "),
            (b"windows\r\n", "windows"),
            (b"no end", "no end"),
            (b"one\ntwo\n", "one"),
            (b"", ""),
        ] {
            assert_eq!(from(given).unwrap().expose(), expected);
        }
        assert!(from(&b"\xff\n"[..]).is_err());
        let long = vec![b'x'; 1 << 20];
        assert!(check(&from(&long[..]).unwrap()).is_err(), "it is too long, and no more of it is read");
    }
}
