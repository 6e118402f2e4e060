use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use uuid::{Builder, Uuid};

/// What the ids of this process have in common: the random bits of a UUID.
static PREFIX: LazyLock<u64> = LazyLock::new(|| Uuid::now_v7().as_u64_pair().1);

static NUMBER: AtomicU64 = AtomicU64::new(0);

/// A version 8 UUID for a request: random bits of this process, and a number. A random one for each
/// would cost a system call.
pub(super) fn new_request_id() -> String {
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let id = Uuid::from_u64_pair(*PREFIX, number).into_bytes();
    Builder::from_custom_bytes(id).into_uuid().to_string()
}
