//! More entries than the queue can hold: the surplus is refused at once, the others are recorded.

use std::time::Instant;

use serde_json::json;

use crate::connection::post;
use crate::pending_creates::PendingCreates;
use crate::store_lock::StoreLock;
use crate::support::{Fresh, Options, StoreKind, TestApp};

/// In this process, because the binary's queue is too long to be filled by connections.
#[test]
fn entries_beyond_the_queue_limit_are_refused_at_once_and_not_recorded() {
    const LIMIT: u64 = 8;
    let options = Options { queue_limit: LIMIT as usize, ..Options::default() };
    let timeout = options.timeout;
    let app = TestApp::with(Fresh::migrated(StoreKind::Postgres), options);
    let entry =
        |number: u64| json!({"firstname": format!("Number {number}"), "lastname": "Visitor"});
    let mut lock = StoreLock::take(&app.store);
    let mut pending = PendingCreates::to(app.address());
    pending.post(entry(0));
    lock.wait_until_blocked(1);
    (1..=LIMIT).for_each(|number| pending.post(entry(number)));
    pending.wait_until_queued(LIMIT);

    for surplus in 0..5 {
        let begin = Instant::now();
        let answer =
            post(app.address(), &json!({"firstname": "Surplus", "lastname": surplus.to_string()}));
        answer.problem(503, "busy");
        let retry_after = answer.header("retry-after").and_then(|value| value.parse::<u32>().ok());
        assert!(retry_after.is_some_and(|seconds| seconds > 0), "{answer:?}");
        assert!(begin.elapsed() < timeout / 2, "{:?}", begin.elapsed());
    }
    drop(lock);

    let answers = pending.answers();
    let stored = app.sheet("today");
    assert_eq!(stored.len(), answers.len());
    for answer in answers {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(stored.contains(&answer.json()));
    }
}
