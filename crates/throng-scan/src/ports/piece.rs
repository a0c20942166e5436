//! Reads what is written of ports, piece by piece.

use std::ops::RangeInclusive;

use super::{PIECES_MAX, PortSet, PortsFault, PortsWhy, TEXT_BYTES_MAX};
use crate::services;

/// The whole text. Its work is bounded by its length and by how many pieces it may have.
pub fn read(text: &str) -> Result<PortSet, PortsFault> {
    let whole = |why| PortsFault { piece: String::new(), why };
    if text.len() > TEXT_BYTES_MAX {
        return Err(whole(PortsWhy::TooLong));
    }
    if text.trim().is_empty() {
        return Err(whole(PortsWhy::Nothing));
    }
    if text.bytes().filter(|byte| *byte == b',').count() >= PIECES_MAX {
        return Err(whole(PortsWhy::TooMany));
    }
    let (mut wanted, mut unwanted) = (PortSet::empty(), PortSet::empty());
    let mut has_wanted = false;
    for piece in text.split(',').map(str::trim) {
        let (set, bare) = match piece.strip_prefix('!') {
            Some(bare) => (&mut unwanted, bare.trim_start()),
            None => {
                has_wanted = true;
                (&mut wanted, piece)
            }
        };
        put(set, piece, bare).map_err(|why| PortsFault { piece: piece.to_owned(), why })?;
    }
    if !has_wanted {
        wanted = PortSet::all();
    }
    wanted.remove_all(&unwanted);
    if wanted.is_empty() { Err(whole(PortsWhy::NothingLeft)) } else { Ok(wanted) }
}

/// Puts in what the piece means.
fn put(set: &mut PortSet, piece: &str, bare: &str) -> Result<(), PortsWhy> {
    if bare.is_empty() {
        return Err(if piece.is_empty() { PortsWhy::EmptyPiece } else { PortsWhy::NothingExcluded });
    }
    if bare.eq_ignore_ascii_case("all") {
        set.insert_all(&PortSet::all());
        return Ok(());
    }
    if bare.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
        set.insert_range(range(bare)?);
        return Ok(());
    }
    if bare.get(..3).is_some_and(|word| word.eq_ignore_ascii_case("top")) {
        if let Some(count) = bare[3..].strip_prefix(':') {
            services::top().take(count_of(count)?).for_each(|port| set.insert(port));
            return Ok(());
        }
        if bare[3..].bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(PortsWhy::Top);
        }
    }
    let mut found = services::ports(bare).peekable();
    if found.peek().is_none() {
        return Err(meant(bare));
    }
    found.for_each(|port| set.insert(port));
    Ok(())
}

/// `N`, `N-M`, `-M`, `N-` or `-`.
fn range(bare: &str) -> Result<RangeInclusive<u16>, PortsWhy> {
    let (first, last) = match bare.split_once('-') {
        None => (port(bare)?, port(bare)?),
        Some((_, last)) if last.contains('-') => return Err(PortsWhy::Form),
        Some((first, last)) => {
            let first = if first.is_empty() { 1 } else { port(first)? };
            (first, if last.is_empty() { u16::MAX } else { port(last)? })
        }
    };
    if first > last { Err(PortsWhy::Backwards { first, last }) } else { Ok(first..=last) }
}

fn port(digits: &str) -> Result<u16, PortsWhy> {
    match digits.parse() {
        Ok(0) => Err(PortsWhy::Zero),
        Ok(port) => Ok(port),
        // There is nothing but digits in it.
        Err(_) => Err(PortsWhy::TooHigh),
    }
}

fn count_of(count: &str) -> Result<usize, PortsWhy> {
    if count.is_empty() || !count.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(PortsWhy::Top);
    }
    match count.parse() {
        Ok(0) => Err(PortsWhy::Top),
        Ok(count) if count <= services::known() => Ok(count),
        _ => Err(PortsWhy::TopBeyond { known: services::known() }),
    }
}

/// What was probably meant by something that means nothing.
fn meant(bare: &str) -> PortsWhy {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let by_protocol =
        bare.split_once(':').is_some_and(|(kind, _)| ["t", "u", "s", "p"].contains(&&*kind.to_lowercase()));
    let with_protocol = bare.split_once('/').is_some_and(|(port, _)| is_digits(port));
    if by_protocol || with_protocol {
        return PortsWhy::Protocol;
    }
    for between in [":", "..", "–"] {
        if let Some((first, last)) = bare.split_once(between)
            && is_digits(first)
            && is_digits(last)
        {
            return PortsWhy::Range { first: first.to_owned(), last: last.to_owned() };
        }
    }
    if bare.contains([';', ' ', '\t', '\n', '|']) {
        return PortsWhy::Separator;
    }
    if bare.bytes().all(|byte| byte.is_ascii_digit() || b"-+.:*".contains(&byte)) {
        return PortsWhy::Form;
    }
    PortsWhy::Unknown { alike: services::alike(bare) }
}
