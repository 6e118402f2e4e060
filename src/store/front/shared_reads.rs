//! Reads that requests share. Reading has the same shape as the group commit: while one read of
//! something is running, all requests for the same thing gather, and one read answers all of them.
//!
//! A request never gets the result of a read that had begun when it arrived, so everybody sees what
//! was acknowledged before they asked.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::store::StoreError;

/// How long the next read of the same thing waits for the one that is running. A longer one is
/// slow for a reason of its own, and is not waited for.
const MAX_WAIT: Duration = Duration::from_secs(1);

/// The reads of each thing, by its key.
pub(super) struct SharedReads<K, T>(Arc<Mutex<HashMap<K, Reads<T>>>>);

/// The reads of one thing. Both channels carry the result once it is there.
struct Reads<T> {
    /// The last one that has begun.
    running: Outcome<T>,
    /// The one that requests can still join.
    gathering: Option<Outcome<T>>,
}

type Outcome<T> = watch::Receiver<Option<Result<T, StoreError>>>;

impl<K: Clone + Eq + Hash + Send + 'static, T: Clone + Send + Sync + 'static> SharedReads<K, T> {
    pub(super) fn new() -> Self {
        Self(Arc::default())
    }

    /// The result of a read of `key` that begins after this call. `read` is used if no other
    /// request has a read that this one can join.
    pub(super) async fn read(
        &self,
        key: K,
        read: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Result<T, StoreError> {
        let mut outcome = self.join_or_start(key, read);
        let outcome = outcome.wait_for(Option::is_some).await;
        let failed = || Err(StoreError::defect("a shared read ended without a result"));
        outcome.map_or_else(|_| failed(), |outcome| outcome.clone().unwrap_or_else(failed))
    }

    fn join_or_start(
        &self,
        key: K,
        read: impl Future<Output = Result<T, StoreError>> + Send + 'static,
    ) -> Outcome<T> {
        let mut all = lock(&self.0);
        let (sender, outcome) = watch::channel(None);
        let previous = match all.get_mut(&key) {
            None => {
                let reads = Reads { running: outcome.clone(), gathering: None };
                all.insert(key.clone(), reads);
                None
            }
            Some(Reads { gathering: Some(gathering), .. }) => return gathering.clone(),
            Some(reads) => {
                reads.gathering = Some(outcome.clone());
                Some(reads.running.clone())
            }
        };
        drop(all);
        let (all, own) = (self.0.clone(), outcome.clone());
        // A task of its own: it goes on if the request that started it is given up.
        tokio::spawn(async move {
            if let Some(mut previous) = previous {
                // Both outcomes, its end and the timeout, mean that this one begins.
                let _ = timeout(MAX_WAIT, previous.wait_for(Option::is_some)).await;
                if let Some(reads) = lock(&all).get_mut(&key) {
                    reads.running = own.clone();
                    reads.gathering = None;
                }
            }
            sender.send_replace(Some(read.await));
            let mut all = lock(&all);
            if all
                .get(&key)
                .is_some_and(|reads| reads.gathering.is_none() && reads.running.same_channel(&own))
            {
                all.remove(&key);
            }
        });
        outcome
    }
}

/// No panic can happen while the lock is held.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::sync::Semaphore;

    use super::*;

    /// Counts reads as they begin, and lets each end when it is told to.
    #[derive(Clone)]
    struct Source {
        begun: Arc<AtomicUsize>,
        may_end: Arc<Semaphore>,
    }

    impl Source {
        fn new() -> Self {
            Self { begun: Arc::default(), may_end: Arc::new(Semaphore::new(0)) }
        }

        /// Returns its own number, beginning with 1.
        async fn read(self) -> Result<usize, StoreError> {
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            self.may_end.acquire().await.unwrap().forget();
            Ok(number)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn requests_that_arrive_during_a_read_share_the_next_one() {
        let (reads, source) = (SharedReads::new(), Source::new());
        let mut first = Box::pin(reads.read("day", source.clone().read()));
        // Polling starts the read; it cannot end yet.
        assert!(timeout(Duration::from_millis(1), &mut first).await.is_err());
        let mut later: Vec<_> =
            (0..5).map(|_| Box::pin(reads.read("day", source.clone().read()))).collect();
        for request in &mut later {
            assert!(timeout(Duration::from_millis(1), request).await.is_err());
        }
        assert_eq!(source.begun.load(Ordering::SeqCst), 1);
        source.may_end.add_permits(2);
        assert_eq!(first.await.unwrap(), 1);
        for request in later {
            assert_eq!(request.await.unwrap(), 2, "not the read that was running");
        }
        assert_eq!(source.begun.load(Ordering::SeqCst), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_read_holds_the_next_one_up_for_a_second_only() {
        let (reads, source) = (SharedReads::new(), Source::new());
        let mut slow = Box::pin(reads.read("day", source.clone().read()));
        assert!(timeout(Duration::from_millis(1), &mut slow).await.is_err());
        let second = reads.read("day", async { Ok(0) });
        assert_eq!(timeout(MAX_WAIT * 2, second).await.unwrap().unwrap(), 0);
        source.may_end.add_permits(1);
        assert_eq!(slow.await.unwrap(), 1);
        assert!(lock(&reads.0).is_empty(), "nothing is kept of reads that have ended");
    }

    #[tokio::test]
    async fn other_keys_and_later_requests_read_for_themselves() {
        let reads = SharedReads::new();
        assert_eq!(reads.read("one", async { Ok(1) }).await.unwrap(), 1);
        assert_eq!(reads.read("other", async { Ok(2) }).await.unwrap(), 2);
        assert_eq!(reads.read("one", async { Ok(3) }).await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_read_that_panics_is_a_defect_and_not_a_hang() {
        let reads: SharedReads<_, ()> = SharedReads::new();
        let outcome = reads.read("day", async { panic!("on purpose") }).await;
        assert!(matches!(outcome, Err(StoreError::Defect(_))), "{outcome:?}");
        assert!(reads.read("day", async { Ok(()) }).await.is_ok(), "the next one still begins");
    }
}
