use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use tokio::sync::OnceCell;

use crate::domain::Change;
use crate::store::StoreError;

/// How many pages of a look are kept. Open pages that follow the changes ask for the same one; other
/// readers come one at a time.
const KEPT_PAGES: usize = 4;

/// Consecutive changes, in order. Readers that ask for the same ones share them, and their text too.
#[derive(Debug, Default)]
pub struct ChangePage {
    changes: Vec<Change>,
    text: OnceLock<Bytes>,
}

/// The pages that were read since the follower's last look. Until its next look nobody is told more,
/// so that two hundred open pages cost one read and not two hundred.
#[derive(Default)]
pub(super) struct ChangePages(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    look: u64,
    /// By the number after which they begin, and how many changes they have at most.
    pages: HashMap<(i64, u16), Page>,
}

type Page = Arc<OnceCell<Arc<ChangePage>>>;

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

impl ChangePages {
    /// The page after the number `after`, by what the look `look` has found. `read` is used if it has not
    /// been read yet.
    pub(super) async fn read(
        &self,
        look: u64,
        after: i64,
        limit: u16,
        read: impl Future<Output = Result<Vec<Change>, StoreError>>,
    ) -> Result<Arc<ChangePage>, StoreError> {
        let page = self.page(look, (after, limit));
        let read = async { read.await.map(ChangePage::new).map(Arc::new) };
        page.get_or_try_init(|| read).await.cloned()
    }

    fn page(&self, look: u64, key: (i64, u16)) -> Page {
        // No panic can happen while the lock is held.
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if look > kept.look {
            *kept = Kept { look, pages: HashMap::new() };
        }
        match kept.pages.get(&key) {
            // A reader that knows an older look is told no more than that.
            Some(page) if look == kept.look => page.clone(),
            None if look == kept.look && kept.pages.len() < KEPT_PAGES => {
                kept.pages.entry(key).or_default().clone()
            }
            _ => Page::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::join;

    use super::*;

    /// Pages, and how often one was read.
    #[derive(Default)]
    struct Counted {
        pages: ChangePages,
        reads: AtomicUsize,
    }

    impl Counted {
        async fn read(&self, look: u64, after: i64) -> Result<Arc<ChangePage>, StoreError> {
            let read = async {
                self.reads.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
                Ok(Vec::new())
            };
            self.pages.read(look, after, 10, read).await
        }

        fn reads(&self) -> usize {
            self.reads.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn readers_share_a_page_until_the_next_look() {
        let counted = Counted::default();
        let (one, other) = join!(counted.read(1, 5), counted.read(1, 5));
        assert!(Arc::ptr_eq(&one.unwrap(), &other.unwrap()));
        counted.read(1, 5).await.unwrap();
        assert_eq!(counted.reads(), 1);
        counted.read(1, 6).await.unwrap();
        counted.read(2, 5).await.unwrap();
        assert_eq!(counted.reads(), 3);
        counted.read(1, 5).await.unwrap();
        counted.read(2, 5).await.unwrap();
        assert_eq!(counted.reads(), 4, "what an older look has found is read again, and not kept");
    }

    #[tokio::test]
    async fn few_pages_are_kept() {
        let counted = Counted::default();
        for after in 0..100 {
            counted.read(1, after).await.unwrap();
        }
        assert_eq!(counted.pages.0.lock().unwrap().pages.len(), KEPT_PAGES);
        assert_eq!(counted.reads(), 100);
    }

    #[tokio::test]
    async fn a_failed_read_is_tried_again() {
        let pages = ChangePages::default();
        let failed = pages.read(1, 0, 10, async { Err(StoreError::defect("on purpose")) }).await;
        assert!(failed.is_err());
        assert!(pages.read(1, 0, 10, async { Ok(Vec::new()) }).await.is_ok());
    }

    #[test]
    fn the_text_is_made_once() {
        let page = ChangePage::default();
        assert_eq!(page.text(|_| b"first".to_vec()), "first");
        assert_eq!(page.text(|_| b"second".to_vec()), "first");
    }
}
