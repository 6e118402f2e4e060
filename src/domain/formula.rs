//! Cells of a CSV file that a spreadsheet would run as formulas.

use std::borrow::Cow;

/// The characters that begin a formula, in ASCII and in their full-width forms.
const SIGNS: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

/// The cell to write for `text`: one more `'` in front of what a spreadsheet would take for a
/// formula, and of what looks like the result of that, so that it can be taken away again.
pub fn guarded(text: &str) -> Cow<'_, str> {
    match is_formula(text) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// The text of a cell that [`guarded`] has written.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

/// Whether `text` is any number of `'` and then a sign that begins a formula.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(SIGNS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_formulas_get_one_more_quote() {
        for (text, cell) in [
            ("=1+1", "'=1+1"),
            ("＠x", "'＠x"),
            ("'=1", "''=1"),
            ("''-1", "'''-1"),
            ("'t Hooft", "'t Hooft"),
            ("''", "''"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(guarded(text), cell);
            assert_eq!(unguarded(cell), text);
        }
        assert_eq!(unguarded("=1"), "=1");
    }

    proptest! {
        #[test]
        fn what_goes_out_comes_back_equal(text in "'{0,3}[-=+@＝＋－＠'a]{0,2}.{0,5}") {
            let cell = guarded(&text);
            prop_assert!(!cell.starts_with(SIGNS));
            prop_assert_eq!(unguarded(&cell), &*text);
        }
    }
}
