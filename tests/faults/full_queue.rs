//! More entries than the service can hold: some are refused at once, and the others are recorded.

use std::time::Instant;

use serde_json::json;

use crate::connection::post;
use crate::store_lock::StoreLock;
use crate::support::{Fresh, Options, StoreKind, TestApp};
use crate::waiting::Waiting;

/// In this process, because the binary's own queue is too long to be filled by connections.
#[test]
fn what_the_queue_cannot_hold_is_refused_at_once_and_not_recorded() {
    const LIMIT: u64 = 8;
    let options = Options { queue_limit: LIMIT as usize, ..Options::default() };
    let timeout = options.timeout;
    let app = TestApp::with(Fresh::migrated(StoreKind::Postgres), options);
    let entry =
        |number: u64| json!({"firstname": format!("Number {number}"), "lastname": "Visitor"});
    let mut lock = StoreLock::take(&app.store);
    let mut waiting = Waiting::at(app.address());
    waiting.post(entry(0));
    lock.wait_until_met(1);
    (1..=LIMIT).for_each(|number| waiting.post(entry(number)));
    waiting.wait_until_queued(LIMIT);

    for surplus in 0..5 {
        let begin = Instant::now();
        let answer =
            post(app.address(), &json!({"firstname": "Surplus", "lastname": surplus.to_string()}));
        answer.problem(503, "busy");
        assert!(answer.header("retry-after").is_some(), "{answer:?}");
        assert!(begin.elapsed() < timeout / 2, "{:?}", begin.elapsed());
    }
    drop(lock);

    let answers = waiting.answers();
    let stored = app.sheet("today");
    assert_eq!(stored.len(), answers.len());
    for answer in answers {
        assert_eq!(answer.status, 201, "{answer:?}");
        assert!(stored.contains(&answer.json()));
    }
}
