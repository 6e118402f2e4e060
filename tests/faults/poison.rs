//! One entry that the database itself refuses, in a batch with others.

use serde_json::{Value, json};

use crate::connection::{post, sheet};
use crate::store_lock::StoreLock;
use crate::support::{Fresh, Process, StoreKind, on_both_stores};
use crate::waiting::Waiting;

/// Entries that share a batch with the poison, at least.
const NEIGHBOURS: u64 = 20;

fn refuse_poison(store: &Fresh) {
    store.sql(match store {
        Fresh::Postgres(_) => {
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF NEW.lastname = 'Poison' THEN RAISE EXCEPTION 'words of SQL'; END IF; \
                 RETURN NEW; END $$; \
             CREATE TRIGGER refuse BEFORE INSERT ON attendance \
             FOR EACH ROW EXECUTE FUNCTION refuse()"
        }
        Fresh::Embedded(_) => {
            "CREATE TRIGGER refuse BEFORE INSERT ON attendance WHEN NEW.lastname = 'Poison' \
             BEGIN SELECT RAISE(ABORT, 'words of SQL'); END"
        }
    });
}

fn visitor() -> Value {
    json!({"firstname": "Arvin", "lastname": "Visitor"})
}

on_both_stores! {
    fn a_poisoned_entry_harms_none_of_its_batch(store: StoreKind) {
        let store = Fresh::migrated(store);
        refuse_poison(&store);
        let service = Process::serve(&store.environment());
        // While the store is held, the writer is stuck with a first batch, which it took at a
        // moment that nobody knows. What comes later is the second one. The poison has neighbours
        // in both.
        let lock = StoreLock::take(&store);
        let mut neighbours = Waiting::at(service.address());
        let mut poison = Waiting::at(service.address());
        neighbours.post_until_queued(NEIGHBOURS, visitor);
        poison.post(json!({"firstname": "Arvin", "lastname": "Poison"}));
        neighbours.post_until_queued(2 * NEIGHBOURS, visitor);
        drop(lock);

        let refused = poison.answers().remove(0);
        refused.problem(500, "internal");
        for word in ["SQL", "refuse", "attendance", "RAISE", "Poison"] {
            assert!(!refused.body.contains(word), "{refused:?}");
        }
        let answers = neighbours.answers();
        let stored = sheet(service.address(), "today");
        assert_eq!(stored.len(), answers.len());
        for answer in answers {
            assert_eq!(answer.status, 201, "{answer:?}");
            assert!(stored.contains(&answer.json()));
        }
        assert_eq!(post(service.address(), &visitor()).status, 201);
    }
}
