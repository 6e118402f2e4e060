use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::Uuid;

/// What the ids of this process have in common: the random bits of a UUID.
static PREFIX: LazyLock<u64> = LazyLock::new(|| Uuid::now_v7().as_u64_pair().1);

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// An id for a request, in the form of a UUID. It is as unique as a random one, which would cost a
/// system call each.
pub(super) fn new_request_id() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Uuid::from_u64_pair(*PREFIX, number).to_string()
}
