use std::sync::OnceLock;

use bytes::Bytes;

use crate::domain::Change;

/// Consecutive changes, in order. Readers that ask for the same ones share them, and their text too.
#[derive(Debug, Default)]
pub struct ChangePage {
    changes: Vec<Change>,
    text: OnceLock<Bytes>,
}

impl ChangePage {
    pub(super) fn new(changes: Vec<Change>) -> Self {
        Self { changes, text: OnceLock::new() }
    }

    /// None if nothing happened.
    pub fn last(&self) -> Option<&Change> {
        self.changes.last()
    }

    /// The text that the first reader's `write` makes of the changes. The others take it as it is.
    pub fn text(&self, write: impl FnOnce(&[Change]) -> Vec<u8>) -> Bytes {
        self.text.get_or_init(|| write(&self.changes).into()).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_made_once() {
        let page = ChangePage::default();
        assert_eq!(page.text(|_| b"first".to_vec()), "first");
        assert_eq!(page.text(|_| b"second".to_vec()), "first");
    }
}
