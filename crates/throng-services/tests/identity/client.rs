//! A client's side of SCRAM-SHA-256, for the tests: RFC 5802 §3 as it reads.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use data_encoding::BASE64;

pub fn first(name: &str) -> String {
    format!("n,,n={name},r=fyko+d2lbbFgONRv9qkxdawL")
}

pub struct Salted {
    pub salt: String,
    pub rounds: u32,
}

pub fn read(challenge: &str) -> Salted {
    let mut parts = challenge.split(',');
    parts.next().unwrap().strip_prefix("r=fyko+d2lbbFgONRv9qkxdawL").unwrap();
    let salt = parts.next().unwrap().strip_prefix("s=").unwrap().to_owned();
    Salted { salt, rounds: parts.next().unwrap().strip_prefix("i=").unwrap().parse().unwrap() }
}

/// The last message, and what the server must answer.
pub fn last(name: &str, password: &str, challenge: &str) -> (String, String) {
    let Salted { salt, rounds } = read(challenge);
    let salt = BASE64.decode(salt.as_bytes()).unwrap();
    let mut salted = [0; 32];
    derive(PBKDF2_HMAC_SHA256, rounds.try_into().unwrap(), &salt, password.as_bytes(), &mut salted);
    let mac = |key: &[u8], text: &str| sign(&Key::new(HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec();
    let client_key = mac(&salted, "Client Key");
    let stored_key = digest(&SHA256, &client_key);
    let nonce = challenge.split(',').next().unwrap();
    let without_proof = format!("c=biws,{nonce}");
    let signed = format!("{},{challenge},{without_proof}", &first(name)[3..]);
    let proof: Vec<u8> = client_key
        .iter()
        .zip(mac(stored_key.as_ref(), &signed))
        .map(|(key, signature)| key ^ signature)
        .collect();
    let server = mac(&mac(&salted, "Server Key"), &signed);
    (format!("{without_proof},p={}", BASE64.encode(&proof)), format!("v={}", BASE64.encode(&server)))
}
