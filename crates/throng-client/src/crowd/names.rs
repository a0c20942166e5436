//! Names that are good at every server and say their number: letters only, `z` and digits of base 16.

/// The sixteen digits. No letter of them looks like another, and no word comes of them that a filter could mind.
const DIGITS: &[u8; 16] = b"abcdefghkmpqrstw";

/// The name of a client.
pub fn client(number: usize) -> String {
    format!("z{}", digits(number))
}

/// The name of a room, without its mark.
pub fn room(number: usize) -> String {
    format!("room{}", digits(number))
}

/// The number of a client, if this is the name of one.
pub fn number(name: &[u8]) -> Option<usize> {
    let digits = name.strip_prefix(b"z").filter(|digits| (1..=8).contains(&digits.len()))?;
    digits.iter().try_fold(0, |number, letter| {
        let value = VALUES[usize::from(*letter)];
        (value < 16).then(|| number << 4 | usize::from(value))
    })
}

/// Each letter's value as a digit; 16 for those that are none.
const VALUES: [u8; 256] = {
    let mut values = [16; 256];
    let mut digit = 0;
    while digit < 16 {
        values[DIGITS[digit] as usize] = digit as u8;
        digit += 1;
    }
    values
};

fn digits(number: usize) -> String {
    let mut left = number;
    let mut reversed = vec![DIGITS[left & 15]];
    while left > 15 {
        left >>= 4;
        reversed.push(DIGITS[left & 15]);
    }
    reversed.iter().rev().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_client_has_a_name_of_its_own_that_says_its_number() {
        let mut names = std::collections::BTreeSet::new();
        for index in (0..70_000).step_by(7) {
            let name = client(index);
            assert!(name.len() <= 9 && name.bytes().all(|letter| letter.is_ascii_lowercase()), "{name}");
            assert_eq!(number(name.as_bytes()), Some(index));
            assert!(names.insert(name));
        }
    }

    #[test]
    fn other_names_have_no_number() {
        for name in ["", "z", "ana", "zana", "zi", "za1", "zaaaaaaaaa", "Za"] {
            assert_eq!(number(name.as_bytes()), None, "{name:?}");
        }
    }
}
