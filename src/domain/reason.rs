use std::ops::Deref;

use super::{InvalidText, Text};

/// The longest reason, in Unicode scalar values.
const MAX_CHARS: usize = 500;

/// Why an entry was amended: 1 to 500 characters, otherwise the rule of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason(Text);

impl Reason {
    /// Trims `raw` at both ends, then checks it.
    pub fn parse(raw: &str) -> Result<Self, InvalidText> {
        Text::parse_up_to(MAX_CHARS, raw).map(Self)
    }

    /// A reason that a store holds. It was checked before it was recorded.
    pub fn from_store(reason: String) -> Self {
        Self(Text::from_store(reason))
    }
}

impl Deref for Reason {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_trimmed_and_has_1_to_500_characters() {
        assert_eq!(&*Reason::parse(" wrong\u{a0}badge \n").unwrap(), "wrong\u{a0}badge");
        assert!(Reason::parse(&"𠮷".repeat(500)).is_ok());
        let too_long = Reason::parse(&"x".repeat(501)).unwrap_err();
        assert_eq!(too_long, InvalidText::TooLong { has: 501, most: 500 });
        assert_eq!(Reason::parse(" "), Err(InvalidText::Empty));
        assert_eq!(Reason::parse("a\u{202e}b"), Err(InvalidText::Forbidden('\u{202e}')));
    }
}
