//! All that was printed, heard and written, and the search in it.

use std::path::Path;

use data_encoding::{BASE64, HEXLOWER, HEXUPPER};

/// What was found, each with its place.
#[derive(Default)]
pub struct Evidence {
    kept: Vec<(String, String)>,
    /// The tokens that were given: each was taken out of what its owner heard.
    pub tokens: Vec<String>,
}

impl Evidence {
    /// Keeps something. Secrets are plain letters, so they are in the text where they are among the bytes.
    pub fn keep(&mut self, place: &str, bytes: &[u8]) {
        self.kept.push((place.to_owned(), String::from_utf8_lossy(bytes).into_owned()));
    }

    /// Keeps every file of a folder.
    pub fn look_through(&mut self, folder: &Path, when: &str) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let kind = std::fs::symlink_metadata(&path).unwrap().file_type();
            match kind {
                kind if kind.is_dir() => self.look_through(&path, when),
                kind if kind.is_file() => {
                    let bytes = std::fs::read(&path).unwrap();
                    self.keep(&format!("{when}: {}", path.display()), &bytes);
                }
                _ => {}
            }
        }
    }

    /// Where it is.
    pub fn places_of(&self, words: &str) -> Vec<&str> {
        let has = |(_, text): &&(String, String)| text.contains(words);
        self.kept.iter().filter(has).map(|(place, _)| place.as_str()).collect()
    }
}

/// How a secret may look: as it is, in hexadecimal digits, and in Base64 at each of the three places where it may begin
/// among other bytes.
pub fn forms(secret: &str) -> Vec<String> {
    let bytes = secret.as_bytes();
    let mut forms = vec![secret.to_owned(), HEXLOWER.encode(bytes), HEXUPPER.encode(bytes)];
    for (before, letters) in [(0, 0), (1, 2), (2, 3)] {
        let shifted = [&vec![0; before], bytes].concat();
        let whole = shifted.len() / 3 * 3;
        forms.push(BASE64.encode(&shifted[..whole])[letters..].to_owned());
    }
    forms
}

#[test]
fn a_secret_is_found_in_what_sasl_sends() {
    for name in ["a", "bo", "ana"] {
        let sent = BASE64.encode(format!("\0{name}\0correct-horse").as_bytes());
        assert!(forms("correct-horse").iter().any(|form| sent.contains(form)), "{sent}");
    }
}
