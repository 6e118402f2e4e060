//! A row that the database rejects, in a batch with other rows.

use serde_json::{Value, json};

use crate::connection::{post, sheet};
use crate::pending_creates::PendingCreates;
use crate::store_lock::StoreLock;
use crate::support::{Fresh, Process, StoreKind, on_both_stores};

/// The least number of other entries in the rejected row's batch.
const OTHERS: u64 = 20;

/// Makes the database reject every row with the last name 'Rejected'.
pub fn add_trigger(store: &Fresh) {
    store.sql(match store {
        Fresh::Postgres(_) => {
            "CREATE FUNCTION guard_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF NEW.lastname = 'Rejected' THEN RAISE EXCEPTION 'words of SQL'; END IF; \
                 RETURN NEW; END $$; \
             CREATE TRIGGER guard_rows BEFORE INSERT ON attendance \
             FOR EACH ROW EXECUTE FUNCTION guard_rows()"
        }
        Fresh::Embedded(_) => {
            "CREATE TRIGGER guard_rows BEFORE INSERT ON attendance WHEN NEW.lastname = 'Rejected' \
             BEGIN SELECT RAISE(ABORT, 'words of SQL'); END"
        }
    });
}

fn visitor() -> Value {
    json!({"firstname": "Arvin", "lastname": "Visitor"})
}

on_both_stores! {
    fn a_rejected_row_does_not_fail_the_rest_of_its_batch(store: StoreKind) {
        let store = Fresh::migrated(store);
        add_trigger(&store);
        let service = Process::serve(&store.environment());
        // While the store is locked, the writer is blocked with a first batch of unknown size. All
        // later entries become the second batch. The rejected row is in one of them, and there are
        // other entries before and after it.
        let lock = StoreLock::take(&store);
        let mut others = PendingCreates::to(service.address());
        let mut rejected = PendingCreates::to(service.address());
        others.post_until_queued(OTHERS, visitor);
        rejected.post(json!({"firstname": "Arvin", "lastname": "Rejected"}));
        others.post_until_queued(2 * OTHERS, visitor);
        drop(lock);

        let rejected = rejected.answers().remove(0);
        rejected.problem(500, "internal");
        for word in ["SQL", "guard_rows", "attendance", "RAISE", "Rejected"] {
            assert!(!rejected.body.contains(word), "{rejected:?}");
        }
        let answers = others.answers();
        let stored = sheet(service.address(), "today");
        assert_eq!(stored.len(), answers.len());
        for answer in answers {
            assert_eq!(answer.status, 201, "{answer:?}");
            assert!(stored.contains(&answer.json()));
        }
        assert_eq!(post(service.address(), &visitor()).status, 201);
    }

    // The same trigger for all rows: then no entry is the cause.
    fn a_store_that_refuses_every_row_is_unavailable(store: StoreKind) {
        let store = Fresh::migrated(store);
        add_trigger(&store);
        let timeout = [("DATABASE_TIMEOUT_SECONDS", "1".to_owned())];
        let service = Process::serve(&[&store.environment()[..], &timeout].concat());
        assert_eq!(post(service.address(), &visitor()).status, 201);
        let is_rejected = "NEW.lastname = 'Rejected'";
        let (change, restore) = match store {
            Fresh::Postgres(_) => {
                let function = |condition: &str| {
                    format!(
                        "CREATE OR REPLACE FUNCTION guard_rows() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                         IF {condition} THEN RAISE EXCEPTION 'words of SQL'; END IF; RETURN NEW; END $$"
                    )
                };
                (function("true"), function(is_rejected))
            }
            Fresh::Embedded(_) => (
                "CREATE TRIGGER guard_all BEFORE INSERT ON attendance \
                 BEGIN SELECT RAISE(ABORT, 'words of SQL'); END"
                    .to_owned(),
                "DROP TRIGGER guard_all".to_owned(),
            ),
        };
        store.sql(&change);
        let refused = post(service.address(), &visitor());
        refused.problem(503, "store_unavailable");
        assert!(refused.header("retry-after").is_some(), "{refused:?}");
        let line = service.wait_for_line("the store cannot be written to");
        assert!(line["error"].as_str().unwrap().contains("words of SQL"), "{line}");

        store.sql(&restore);
        assert_eq!(post(service.address(), &visitor()).status, 201);
        assert_eq!(sheet(service.address(), "today").len(), 2);
        let rejected = json!({"firstname": "Arvin", "lastname": "Rejected"});
        post(service.address(), &rejected).problem(500, "internal");
    }
}
