use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::store::StoreError;

/// How many results of a turn are kept. Open pages all ask for the same, other readers come one at a time.
const LIMIT: usize = 8;

/// Reads whose results are kept for a turn, such as the time between two looks of the follower: two
/// hundred open pages cost one read in each turn, and not two hundred. What fails is kept as well, so that
/// they do not wait one after the other for a store that is away.
pub struct KeptReads<K, T>(Mutex<Turn<K, T>>);

struct Turn<K, T> {
    number: u64,
    reads: HashMap<K, Kept<T>>,
}

type Kept<T> = Arc<OnceCell<Result<T, StoreError>>>;

impl<K, T> Default for KeptReads<K, T> {
    fn default() -> Self {
        Self(Mutex::new(Turn { number: 0, reads: HashMap::new() }))
    }
}

impl<K: Eq + Hash, T: Clone> KeptReads<K, T> {
    /// What was read of `key` in this turn. `read` is used if nothing was. Turns are numbered upwards.
    pub async fn read(
        &self,
        turn: u64,
        key: K,
        read: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        self.kept(turn, key).get_or_init(|| read).await.clone()
    }

    fn kept(&self, turn: u64, key: K) -> Kept<T> {
        // No panic can happen while the lock is held.
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if turn > current.number {
            *current = Turn { number: turn, reads: HashMap::new() };
        }
        // A reader that is still in an older turn reads for itself.
        if turn < current.number {
            return Kept::default();
        }
        match current.reads.get(&key) {
            Some(kept) => kept.clone(),
            None if current.reads.len() < LIMIT => current.reads.entry(key).or_default().clone(),
            None => Kept::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::join;

    use super::*;

    /// Reads, and how many there were. Each returns its own number.
    #[derive(Default)]
    struct Counted {
        kept: KeptReads<i64, usize>,
        reads: AtomicUsize,
    }

    impl Counted {
        async fn read(&self, turn: u64, key: i64) -> usize {
            let read = async {
                let number = self.reads.fetch_add(1, Ordering::Relaxed) + 1;
                tokio::task::yield_now().await;
                Ok(number)
            };
            self.kept.read(turn, key, read).await.unwrap()
        }
    }

    #[tokio::test]
    async fn a_result_is_shared_until_the_next_turn() {
        let counted = Counted::default();
        assert_eq!(join!(counted.read(1, 5), counted.read(1, 5)), (1, 1));
        assert_eq!(counted.read(1, 5).await, 1);
        assert_eq!(counted.read(1, 6).await, 2);
        assert_eq!(counted.read(2, 5).await, 3);
        assert_eq!(counted.read(1, 5).await, 4, "not what was read for a later turn");
        assert_eq!(counted.read(2, 5).await, 3);
    }

    #[tokio::test]
    async fn few_results_are_kept() {
        let counted = Counted::default();
        for key in 0..100 {
            counted.read(1, key).await;
        }
        assert_eq!(counted.kept.0.lock().unwrap().reads.len(), LIMIT);
        assert_eq!((counted.read(1, 0).await, counted.read(1, 99).await), (1, 101));
    }

    #[tokio::test]
    async fn a_failure_is_shared_and_tried_again_in_the_next_turn() {
        let kept = KeptReads::default();
        let fail = async { Err::<(), _>(StoreError::defect("on purpose")) };
        assert!(kept.read(1, 0, fail).await.is_err());
        assert!(kept.read(1, 0, async { Ok(()) }).await.is_err());
        assert!(kept.read(2, 0, async { Ok(()) }).await.is_ok());
    }
}
