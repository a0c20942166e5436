//! What follows what: the client's first message, our challenge, its proof, ours. Each step takes the one before it away, so
//! no step can be done twice or left out.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use data_encoding::BASE64;
use zeroize::Zeroize;

use super::super::secret::{Unable, random};
use super::super::token::sha256;
use super::keys::{Keys, mac};
use super::message::{self, BadMessage, ClientFirst};

/// A client said whose password it will prove.
#[derive(Debug)]
pub struct Opened(ClientFirst);

/// It was told salt and rounds, and owes a proof.
#[derive(Debug)]
pub struct Challenged {
    keys: Keys,
    header: String,
    nonce: String,
    /// The client's first message and our challenge, as both sign them.
    signed: String,
}

/// A nonce of ours, 144 bits of it.
pub fn nonce() -> Result<String, Unable> {
    Ok(BASE64.encode(&random::<18>()?))
}

impl Opened {
    /// Hears the client's first message.
    pub fn hear(client_first: &[u8]) -> Result<Opened, BadMessage> {
        message::client_first(client_first).map(Opened)
    }

    /// Whose password is to be proven, as it was typed.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// On whose behalf, where that was said.
    pub fn acts_for(&self) -> Option<&str> {
        self.0.acts_for.as_deref()
    }

    /// Our challenge, by these keys, and with our part of the nonce.
    pub fn challenge(self, keys: Keys, nonce: &str) -> (String, Challenged) {
        let ClientFirst { header, bare, nonce: theirs, .. } = self.0;
        let nonce = format!("{theirs}{nonce}");
        let challenge = format!("r={nonce},s={},i={}", BASE64.encode(&keys.salt), keys.rounds);
        let signed = format!("{bare},{challenge}");
        (challenge, Challenged { keys, header, nonce, signed })
    }
}

impl Challenged {
    /// Hears the proof: our own, for the client to check; `None` when it proves nothing.
    pub fn hear(self, client_final: &[u8]) -> Result<Option<String>, BadMessage> {
        let last = message::client_final(client_final)?;
        if last.header != self.header.as_bytes() || last.nonce != self.nonce {
            return Ok(None);
        }
        let signed = format!("{},{}", self.signed, last.without_proof);
        // ClientProof is ClientKey XOR ClientSignature, and StoredKey is the hash of ClientKey (RFC 5802 §3).
        let mut client_key = mac(&self.keys.stored, signed.as_bytes());
        client_key.iter_mut().zip(last.proof).for_each(|(key, proof)| *key ^= proof);
        let proven = verify_slices_are_equal(&sha256(&client_key), &self.keys.stored).is_ok();
        client_key.zeroize();
        let ours = format!("v={}", BASE64.encode(&mac(&self.keys.server, signed.as_bytes())));
        Ok(proven.then_some(ours))
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use aws_lc_rs::pbkdf2;

    use super::super::super::secret::Secret;
    use super::*;

    // RFC 7677 §3.
    const FIRST: &str = "n,,n=user,r=rOprNGfwEbeRWgbNEkqO";
    const OUR_NONCE: &str = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
    const CHALLENGE: &str =
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
    const OURS: &str = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

    fn challenged(password: &str) -> (String, Challenged) {
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let rounds = NonZeroU32::new(4096).unwrap();
        let keys = Keys::derive(&Secret::from(password), rounds, &salt);
        let opened = Opened::hear(FIRST.as_bytes()).unwrap();
        assert_eq!((opened.name(), opened.acts_for()), ("user", None));
        opened.challenge(keys, OUR_NONCE)
    }

    #[test]
    fn the_exchange_of_the_rfc_is_spoken() {
        let (challenge, challenged) = challenged("pencil");
        assert_eq!(challenge, CHALLENGE);
        assert_eq!(challenged.hear(LAST.as_bytes()), Ok(Some(OURS.to_owned())));
    }

    #[test]
    fn what_is_not_quite_a_proof_proves_nothing() {
        let check = |password: &str, last: &str| {
            let (_, challenged) = challenged(password);
            assert_eq!(challenged.hear(last.as_bytes()), Ok(None), "{last}");
        };
        check("pencils", LAST);
        check("pencil", &LAST.replace("p=dH", "p=dI"));
        check("pencil", &LAST.replace("Ilj)", "Ilj("));
        // "y,,": somebody on the way made the client believe that we cannot bind to the channel.
        check("pencil", &LAST.replace("biws", "eSws"));
        check("pencil", &LAST.replace(",p=", ",x=y,p="));
    }

    #[test]
    fn a_proof_is_for_what_was_said_before() {
        // Whoever is in between changed the first message or the challenge: the client's proof is right, for what it saw.
        let salt = BASE64.decode(b"W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let mut salted = [0; 32];
        let rounds = NonZeroU32::new(4096).unwrap();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, b"pencil", &mut salted);
        let client_key = mac(&salted, b"Client Key");
        let check = |without_proof: &str, right: bool| {
            let signed = format!("{},{CHALLENGE},{without_proof}", &FIRST[3..]);
            let signature = mac(&sha256(&client_key), signed.as_bytes());
            let proof: Vec<u8> = client_key.iter().zip(signature).map(|(key, other)| key ^ other).collect();
            let last = format!("{without_proof},p={}", BASE64.encode(&proof));
            let answer = challenged("pencil").1.hear(last.as_bytes()).unwrap();
            assert_eq!(answer.is_some(), right, "{last}");
        };
        let nonce = CHALLENGE.split(',').next().unwrap();
        check(&format!("c=biws,{nonce}"), true);
        check(&format!("c=eSws,{nonce}"), false);
        check(&format!("c=biws,{nonce}x"), false);
        check("c=biws,r=rOprNGfwEbeRWgbNEkqO", false);
    }

    #[test]
    fn nobody_can_prove_a_decoy() {
        let keys = Keys::decoy(&Secret::new([3; 32]), "user", NonZeroU32::new(4096).unwrap());
        let (challenge, challenged) = Opened::hear(FIRST.as_bytes()).unwrap().challenge(keys, OUR_NONCE);
        assert_eq!(challenge.len(), CHALLENGE.len(), "it looks like any other");
        assert_eq!(challenged.hear(LAST.as_bytes()), Ok(None));
    }

    #[test]
    fn each_nonce_is_new_and_needs_no_comma() {
        let (one, other) = (nonce().unwrap(), nonce().unwrap());
        assert_ne!(one, other);
        assert!(!one.contains(','));
    }

    proptest::proptest! {
        #[test]
        fn no_proof_makes_it_panic(last in "[a-z=,0-9A-Z+/]{0,90}") {
            let keys = Keys::decoy(&Secret::new([3; 32]), "user", NonZeroU32::MIN);
            let (_, challenged) = Opened::hear(FIRST.as_bytes()).unwrap().challenge(keys, OUR_NONCE);
            proptest::prop_assert!(!matches!(challenged.hear(last.as_bytes()), Ok(Some(_))));
        }
    }
}
