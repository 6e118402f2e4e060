use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::{Entry, InvalidText, Text};

/// A part of a person's name to search for. Case, accents and other marks do not matter.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Search(String);

impl Search {
    /// A search for entries whose first and last name, joined by a space, contain `text`. Fails if
    /// no name may contain it.
    pub fn parse(text: &str) -> Result<Self, InvalidText> {
        Text::check_characters(text)?;
        Ok(Self(folded(text)))
    }

    pub fn matches(&self, entry: &Entry) -> bool {
        let mut name = folded(&entry.passage.firstname);
        name.push(' ');
        name.push_str(&folded(&entry.passage.lastname));
        name.contains(&self.0)
    }
}

/// The text in compatibility decomposition (NFKD), without marks, in lower case.
fn folded(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let bare = text.nfkd().filter(|&c| !is_combining_mark(c));
    // The lower case of a letter may have marks of its own, and Greek has two small sigmas.
    bare.flat_map(char::to_lowercase)
        .filter(|&c| !is_combining_mark(c))
        .map(|c| if c == 'ς' { 'σ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_accents_and_compatibility_forms_do_not_matter() {
        for (one, other) in [
            ("José", "JOSE"),
            ("Jose\u{301}", "josé"),
            ("ＡＲＶＩＮ", "arvin"),
            ("İpek", "ipek"),
            ("ΝΊΚΟΣ", "Νίκος"),
            ("ﬁn", "FIN"),
            ("Nguyễn", "nguyen"),
        ] {
            assert_eq!(folded(one), folded(other), "{one} {other}");
        }
        assert_ne!(folded("Łukasz"), folded("Lukasz"), "a stroke is no mark");
    }

    proptest! {
        #[test]
        fn folding_is_done_after_once(text in any::<String>()) {
            let once = folded(&text);
            prop_assert!(!once.chars().any(is_combining_mark));
            prop_assert_eq!(once.chars().flat_map(char::to_lowercase).collect::<String>(), once);
        }

        #[test]
        fn every_text_is_folded_like_its_upper_and_lower_case(text in "[a-zà-öø-þα-ω ]{0,20}") {
            prop_assert_eq!(folded(&text.to_lowercase()), folded(&text));
            let part: String = text.chars().skip(1).take(5).collect();
            prop_assert!(folded(&text).contains(&folded(&part)));
        }
    }
}
