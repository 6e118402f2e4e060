//! Generated bodies: each is recorded or rejected with a problem, and the store has exactly the
//! recorded ones.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};

use crate::support::{StoreKind, TestApp};

const BODIES: usize = 100_000;
const THREADS: usize = 4;

/// Any JSON value; sometimes a valid one for a member.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[ \\t]{0,2}[A-Z][a-z]{1,120}".prop_map(Value::from),
        "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{11,12}".prop_map(Value::from),
        "[0-9]{4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,12})?(Z|z|[+-][0-2][0-9]:?[0-6][0-9])"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::hash_map(".{0,8}", inner, 0..4).prop_map(|map| json!(map)),
        ]
    })
}

/// Mostly an object with known and unknown members, sometimes damaged; else any JSON or any bytes.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let member = prop_oneof![
        Just("firstname".to_owned()),
        Just("lastname".to_owned()),
        Just("gate".to_owned()),
        Just("entry_id".to_owned()),
        Just("occurred_at".to_owned()),
        ".{0,8}",
    ];
    let object = (proptest::collection::vec((member, value()), 0..6), any::<bool>(), 0usize..60)
        .prop_map(|(members, complete, cut)| {
            let mut text: Vec<_> =
                members.iter().map(|(name, value)| format!("{}: {value}", json!(name))).collect();
            if complete && !members.iter().any(|(name, _)| name.ends_with("name")) {
                text.push(r#""firstname": "Arvin", "lastname": "Cudanin""#.into());
            }
            let mut bytes = format!("{{{}}}", text.join(", ")).into_bytes();
            if cut == 0 {
                bytes.truncate(bytes.len() / 2);
            } else if cut < 3 {
                let middle = bytes.len() / 2;
                bytes[middle] = bytes[middle].wrapping_add(cut as u8 * 97);
            }
            bytes
        });
    prop_oneof![
        12 => object,
        1 => value().prop_map(|value| value.to_string().into_bytes()),
        1 => proptest::collection::vec(any::<u8>(), 0..300),
    ]
}

/// Posts `count` bodies made from `seed` and returns how many were recorded. Asserts that these are
/// more than one in twenty.
fn post_bodies(app: &TestApp, seed: u8, count: usize) -> usize {
    let config = Config::default();
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[seed; 32]);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy = body();
    let mut recorded = 0;
    for _ in 0..count {
        let body = strategy.new_tree(&mut runner).unwrap().current();
        let answer = app.post_bytes(&body);
        match answer.status {
            200 | 201 => recorded += usize::from(answer.status == 201),
            400 => match answer.json()["code"].as_str() {
                Some("invalid_entry") => {
                    let problem = answer.problem(400, "invalid_entry");
                    assert!(problem["errors"].as_array().is_some_and(|errors| !errors.is_empty()));
                }
                _ => drop(answer.problem(400, "invalid_json")),
            },
            422 => drop(answer.problem(422, "entry_id_reused")),
            status => panic!("{status} for {:?}", String::from_utf8_lossy(&body)),
        }
    }
    assert!(recorded > count / 20, "too few valid bodies: {recorded} of {count}");
    recorded
}

#[test]
fn of_100_000_generated_bodies_each_is_recorded_or_rejected() {
    let app = TestApp::start(StoreKind::Embedded);
    let recorded = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (app, recorded) = (&app, &recorded);
            scope.spawn(move || {
                let count = post_bodies(app, thread as u8, BODIES / THREADS);
                recorded.fetch_add(count, Ordering::Relaxed);
            });
        }
    });
    let recorded = recorded.into_inner();
    assert_eq!(app.count_rows(), recorded as i64);
}

#[test]
fn of_5_000_generated_bodies_each_is_recorded_or_rejected_on_postgresql() {
    let app = TestApp::start(StoreKind::Postgres);
    let recorded = post_bodies(&app, 77, 5_000);
    assert_eq!(app.count_rows(), recorded as i64);
}
