use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};

/// Tells people and secret scanners what the text is.
const PREFIX: &str = "rollcall_";

/// How many characters follow it.
const RANDOM: usize = 43;

/// The secret that a client sends: `rollcall_` and 43 characters of base64url, which are 32 random
/// bytes. Only its hash is stored. `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The SHA-256 of a secret. The secrets are long and random, so that nothing slower is needed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash([u8; 32]);

/// What a client sent as a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SentToken {
    hash: TokenHash,
    has_form: bool,
}

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("no random bytes: {0}")]
pub struct NoRandomness(getrandom::Error);

impl Token {
    /// A new one, from the operating system's random bytes.
    pub fn generate() -> Result<Self, NoRandomness> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(NoRandomness)?;
        Ok(Self(format!("{PREFIX}{}", BASE64URL_NOPAD.encode(&bytes))))
    }

    /// Whether a part of `text` has the form of a token.
    pub fn is_within(text: &str) -> bool {
        text.match_indices(PREFIX).any(|(at, _)| {
            let random = text.as_bytes()[at + PREFIX.len()..].iter();
            random.take_while(|byte| is_base64url(**byte)).count() >= RANDOM
        })
    }

    /// The secret itself, for the one answer that shows it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub fn hash(&self) -> TokenHash {
        TokenHash::of(self.0.as_bytes())
    }
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

impl TokenHash {
    /// The hash of what a client sent.
    pub fn of(secret: &[u8]) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The hash that a store holds.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl SentToken {
    pub fn of(secret: &[u8]) -> Self {
        let random = secret.strip_prefix(PREFIX.as_bytes());
        let has_form = random.is_some_and(|random| {
            random.len() == RANDOM && random.iter().all(|byte| is_base64url(*byte))
        });
        Self { hash: TokenHash::of(secret), has_form }
    }

    pub fn hash(&self) -> TokenHash {
        self.hash
    }

    /// Whether it has the form of a token. Without it, only a token of the settings can be equal.
    pub fn may_be_stored(&self) -> bool {
        self.has_form
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_prefix_and_43_random_characters() {
        let (one, other) = (Token::generate().unwrap(), Token::generate().unwrap());
        let random = one.reveal().strip_prefix("rollcall_").unwrap();
        assert_eq!(random.len(), 43);
        assert!(random.bytes().all(is_base64url));
        assert_ne!(one, other);
        assert_ne!(one.hash(), other.hash());
    }

    #[test]
    fn a_token_is_recognized_within_a_text() {
        let token = Token::generate().unwrap();
        let token = token.reveal();
        for text in [token, &format!("x={token}."), &format!("rollcall_{token}")] {
            assert!(Token::is_within(text), "{text}");
        }
        let cut = &token[..token.len() - 1];
        let upper = token.to_ascii_uppercase();
        for text in ["", "rollcall_", cut, &upper, &format!("{cut}=")] {
            assert!(!Token::is_within(text), "{text}");
        }
    }

    #[test]
    fn only_what_has_the_form_of_a_token_may_be_stored() {
        let token = Token::generate().unwrap();
        let sent = SentToken::of(token.reveal().as_bytes());
        assert!(sent.may_be_stored());
        assert_eq!(sent.hash(), token.hash());
        let cut = &token.reveal()[1..];
        let dotted = format!("rollcall_{}", ".".repeat(43));
        for other in ["", "x", cut, &format!("{}A", token.reveal()), &dotted, "rollcall_"] {
            assert!(!SentToken::of(other.as_bytes()).may_be_stored(), "{other}");
        }
    }

    #[test]
    fn the_hash_is_sha256_of_the_whole_text() {
        // From FIPS 180-2, appendix B.1.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        let hex: String =
            TokenHash::of(b"abc").as_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, abc);
        let token = Token::generate().unwrap();
        assert_eq!(token.hash(), TokenHash::of(token.reveal().as_bytes()));
    }

    #[test]
    fn debug_shows_neither_the_token_nor_its_hash() {
        let token = Token::generate().unwrap();
        assert_eq!(format!("{token:?} {:?}", token.hash()), "Token(***) TokenHash(***)");
    }
}
