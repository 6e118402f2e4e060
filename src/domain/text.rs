use std::ops::Deref;

/// The longest name or gate, in Unicode scalar values.
const MAX_CHARS: usize = 100;

/// A name or a gate: 1 to 100 Unicode scalar values, without white space at either end, and without
/// characters that can make a sheet show something else than it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Text(String);

/// The reasons to reject a string as a [`Text`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing is left after trimming.
    #[error("must have at least one character that is not white space")]
    Empty,
    /// More Unicode scalar values than `most` after trimming.
    #[error("must have at most {most} characters; this has {has}")]
    TooLong { has: usize, most: usize },
    /// A control character, or one that overrides the writing direction.
    #[error(
        "must not contain control characters, bidirectional overrides or isolates; this contains U+{:04X}",
        u32::from(*.0)
    )]
    Forbidden(char),
}

impl Text {
    /// Trims `raw` at both ends, then checks it.
    pub fn parse(raw: &str) -> Result<Self, InvalidText> {
        Self::parse_up_to(MAX_CHARS, raw)
    }

    /// The same for a text of at most `most` characters.
    pub(super) fn parse_up_to(most: usize, raw: &str) -> Result<Self, InvalidText> {
        let text = raw.trim();
        if text.is_empty() {
            return Err(InvalidText::Empty);
        }
        Self::check_characters(text)?;
        match text.chars().count() {
            has if has <= most => Ok(Self(text.to_owned())),
            has => Err(InvalidText::TooLong { has, most }),
        }
    }

    /// Fails if `text` contains a character that no text may contain.
    pub(super) fn check_characters(text: &str) -> Result<(), InvalidText> {
        match text.chars().find(|&c| is_forbidden(c)) {
            Some(c) => Err(InvalidText::Forbidden(c)),
            None => Ok(()),
        }
    }

    /// A text that a store holds. It was checked before it was recorded.
    pub fn from_store(text: String) -> Self {
        Self(text)
    }
}

impl InvalidText {
    /// The stable code for programs.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLong { .. } => "too_long",
            Self::Forbidden(_) => "forbidden_character",
        }
    }
}

impl Deref for Text {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

/// `char::is_control` covers C0, U+007F and C1. The others are the bidirectional overrides and
/// isolates of Unicode Standard Annex 9, with which one name can be displayed as another.
fn is_forbidden(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_any_script_and_shape_are_kept_as_they_are() {
        for name in
            ["Ng", "O", "O'Neil-Ünal", "عنز بن وائل", "李", "José María", "👩‍🏭", "I. de la Cruz"]
        {
            assert_eq!(&*Text::parse(name).unwrap(), name);
        }
    }

    #[test]
    fn white_space_is_trimmed_before_anything_is_checked() {
        assert_eq!(&*Text::parse("\t\u{3000}Arvin \n\u{85}").unwrap(), "Arvin");
        assert_eq!(Text::parse(" \u{2003}\n"), Err(InvalidText::Empty));
        assert_eq!(Text::parse("a\tb"), Err(InvalidText::Forbidden('\t')));
    }

    #[test]
    fn length_counts_scalar_values_and_not_bytes() {
        assert!(Text::parse(&"𠮷".repeat(100)).is_ok());
        assert_eq!(
            Text::parse(&"𠮷".repeat(101)),
            Err(InvalidText::TooLong { has: 101, most: 100 })
        );
        assert!(Text::parse(&format!("  {}  ", "x".repeat(100))).is_ok());
    }

    proptest! {
        #[test]
        fn what_is_accepted_keeps_every_rule(raw in any::<String>()) {
            if let Ok(text) = Text::parse(&raw) {
                prop_assert_eq!(&*text, raw.trim());
                prop_assert!((1..=100).contains(&text.chars().count()));
                prop_assert!(!text.chars().any(is_forbidden));
            }
        }

        #[test]
        fn one_forbidden_character_inside_refuses_the_whole(
            before in "[a-z]{1,9}", after in "[a-z]{1,9}",
            c in prop_oneof![
                proptest::char::range('\0', '\u{1f}'),
                proptest::char::range('\u{7f}', '\u{9f}'),
                proptest::char::range('\u{202a}', '\u{202e}'),
                proptest::char::range('\u{2066}', '\u{2069}'),
            ],
        ) {
            prop_assert_eq!(
                Text::parse(&format!("{before}{c}{after}")),
                Err(InvalidText::Forbidden(c))
            );
        }
    }
}
