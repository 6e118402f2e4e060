use std::ops::Deref;

/// The name of the admin whose token is a setting. No stored token may have it.
const ENV: &str = "env";

/// The longest name, in bytes.
const MAX_LENGTH: usize = 63;

/// The name of a token, unique for ever: `[a-z0-9][a-z0-9._-]{0,62}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenName(String);

/// The text breaks the rule for a token's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must have 1 to 63 characters: a to z, 0 to 9, '.', '_' and '-', the first a letter or a digit"
)]
pub struct InvalidTokenName;

impl TokenName {
    pub fn parse(text: &str) -> Result<Self, InvalidTokenName> {
        let is_letter_or_digit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_valid = text.len() <= MAX_LENGTH
            && text.bytes().next().is_some_and(is_letter_or_digit)
            && text.bytes().all(|byte| is_letter_or_digit(byte) || b"._-".contains(&byte));
        if is_valid { Ok(Self(text.to_owned())) } else { Err(InvalidTokenName) }
    }

    /// The name of the admin whose token is a setting.
    pub fn env() -> Self {
        Self(ENV.to_owned())
    }

    /// Whether no stored token may have it.
    pub fn is_reserved(&self) -> bool {
        self.0 == ENV
    }
}

impl Deref for TokenName {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_short_and_plain() {
        for good in ["a", "7", "gate-a", "north.2_b", &"x".repeat(63)] {
            assert_eq!(&*TokenName::parse(good).unwrap(), good);
        }
        for bad in ["", "-a", ".a", "_a", "A", "gate a", "é", "a/b", "a\n", &"x".repeat(64)] {
            assert_eq!(TokenName::parse(bad), Err(InvalidTokenName), "{bad:?}");
        }
        assert!(TokenName::parse("env").unwrap().is_reserved());
        assert!(!TokenName::parse("envy").unwrap().is_reserved());
    }

    proptest! {
        #[test]
        fn exactly_the_pattern_is_accepted(text in "[a-z0-9._A-Z-]{0,65}", good in "[a-z0-9][a-z0-9._-]{0,62}") {
            prop_assert!(TokenName::parse(&good).is_ok());
            if let Ok(name) = TokenName::parse(&text) {
                prop_assert_eq!(&*name, text);
            }
        }
    }
}
