//! Two processes of the service on one store amend the same entry at the same time.

use std::sync::Barrier;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::connection::{Connection, get, post, sheet};
use crate::support::{Answer, Fresh, Process, StoreKind, on_both_stores};

const ROUNDS: usize = 200;
const OCCURRED_AT: &str = "2026-03-02T00:15:00Z";
const DAY: &str = "20260302";

/// What a service is asked to do in one round: a correction, or in every other round a void.
fn request(round: usize, entry_id: Uuid, side: usize) -> (String, Value) {
    let reason = format!("by the service {side}");
    match round.is_multiple_of(2) {
        true => {
            let body = json!({"reason": reason, "gate": format!("Gate {side}")});
            (format!("/table/entry/{entry_id}/correct"), body)
        }
        false => (format!("/table/entry/{entry_id}/void"), json!({"reason": reason})),
    }
}

/// The kinds of the changes of `entry_id`, and the reason of the last one.
fn history(service: &Process, entry_id: Uuid) -> (Vec<String>, Value) {
    let trail = get(service.address(), &format!("/table/entry/{entry_id}")).json();
    let changes = trail["history"].as_array().unwrap();
    let kinds = changes.iter().map(|change| change["kind"].as_str().unwrap().to_owned()).collect();
    (kinds, changes.last().unwrap()["reason"].clone())
}

/// The numbers of all changes.
fn told(service: &Process) -> Vec<i64> {
    let (mut after, mut told) = (0, Vec::new());
    loop {
        let page = get(service.address(), &format!("/table/changes?after={after}")).json();
        let changes = page["changes"].as_array().unwrap();
        told.extend(changes.iter().map(|change| change["change"].as_i64().unwrap()));
        match page["next"].as_i64().unwrap() {
            next if next == after => return told,
            next => after = next,
        }
    }
}

on_both_stores! {
    fn of_two_amendments_of_one_entry_at_the_same_time_one_wins_and_the_trail_is_complete(store: StoreKind) {
        let store = Fresh::migrated(store);
        let services = [(); 2].map(|()| Process::serve(&store.environment()));
        let entries: Vec<_> = (0..ROUNDS).map(|_| Uuid::now_v7()).collect();
        for entry_id in &entries {
            let body = json!({"firstname": "Arvin", "lastname": "Cudanin", "entry_id": entry_id, "occurred_at": OCCURRED_AT});
            assert_eq!(post(services[0].address(), &body).status, 201);
        }
        let start = Barrier::new(2);
        let amend = |side: usize| -> Vec<Answer> {
            let mut connection = Connection::open(services[side].address()).unwrap();
            let rounds = entries.iter().enumerate().map(|(round, entry_id)| {
                let (path, body) = request(round, *entry_id, side);
                start.wait();
                connection.send("POST", &path, "", &body.to_string()).unwrap()
            });
            rounds.collect()
        };
        let answers = std::thread::scope(|scope| {
            let other = scope.spawn(|| amend(1));
            [amend(0), other.join().unwrap()]
        });
        for (round, entry_id) in entries.iter().enumerate() {
            let is_correction = round.is_multiple_of(2);
            let won = if is_correction { 201 } else { 200 };
            let pair = [&answers[0][round], &answers[1][round]];
            let winners: Vec<_> = (0..2).filter(|side| pair[*side].status == won).collect();
            assert_eq!(winners.len(), 1, "{pair:?}");
            pair[1 - winners[0]].problem(409, "already_amended");
            let kinds: &[&str] = match is_correction {
                true => &["created", "created", "replaced"],
                false => &["created", "voided"],
            };
            let reason = json!(format!("by the service {}", winners[0]));
            let [one, other] = services.each_ref().map(|service| history(service, *entry_id));
            assert_eq!(one, other);
            assert_eq!((one.0, one.1), (kinds.iter().map(|kind| (*kind).to_owned()).collect(), reason));
        }
        // A replacement for each correction, and nothing of the losers.
        assert_eq!(sheet(services[1].address(), DAY).len(), ROUNDS / 2);
        for service in &services {
            let told = told(service);
            assert_eq!(told.len(), ROUNDS + ROUNDS / 2 * 3);
            assert!(told.is_sorted_by(|one, next| one < next));
        }
    }
}
