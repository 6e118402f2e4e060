//! Voided and replaced entries: left out of what is read, unless they are asked for.

use serde_json::{Value, json};

use crate::reading::{SHEET, names, pass};
use crate::support::{StoreKind, TestApp, on_both_stores};

const EXPORT: &str = "/table/export?from=20190624&to=20190624";
const PEOPLE: &str = "/table/people?from=20190624&to=20190624";

/// A day with an entry that is voided, one that is replaced, its replacement, and one that stands.
fn start(store: StoreKind) -> TestApp {
    let app = TestApp::start(store);
    app.set_now("2019-06-24T12:00:00+08:00");
    let voided = pass(&app, "08:00:00", "Void Ed", json!({"gate": "North"}));
    let replaced = pass(&app, "08:01:00", "Re Placed", json!({}));
    pass(&app, "08:02:00", "Stan Ding", json!({}));
    amend(&app, &voided, "void", json!({"reason": "=posted twice"}));
    amend(&app, &replaced, "correct", json!({"reason": "a, \"b\"", "firstname": "New"}));
    app
}

fn amend(app: &TestApp, entry: &Value, how: &str, body: Value) {
    let path = format!("/table/entry/{}/{how}", entry["entry_id"].as_str().unwrap());
    let answer = app.request("POST", &path, &[], &body.to_string());
    assert!([200, 201].contains(&answer.status), "{answer:?}");
}

on_both_stores! {
    fn sheets_exports_people_and_inside_leave_amended_entries_out(store: StoreKind) {
        let app = start(store);
        let standing = ["Stan", "New"];
        for path in [SHEET, EXPORT] {
            assert_eq!(names(&app.get(path)), standing, "{path}");
            for format in ["csv", "ndjson"] {
                let joint = if path == SHEET { '?' } else { '&' };
                let rows = app.get(&format!("{path}{joint}format={format}")).body;
                let entries = rows.lines().filter(|line| line.contains("2019-06-24")).count();
                assert_eq!(entries, 2, "{rows}");
            }
        }
        for path in [PEOPLE.to_owned(), format!("{PEOPLE}&include=amended")] {
            assert_eq!(names(&app.get(&path)), ["Stan", "New"], "{path}");
        }
        for path in ["/table/inside", "/table/inside?include=amended"] {
            let inside = app.get(path).json();
            let names: Vec<_> = inside["inside"].as_array().unwrap().iter().map(|e| &e["firstname"]).collect();
            assert_eq!(names, ["Stan", "New"], "{path}");
        }
    }

    fn amended_entries_come_with_their_amendments_where_they_are_asked_for(store: StoreKind) {
        let app = start(store);
        let sheet = app.sheet("20190624");
        let all = app.get(&format!("{SHEET}?include=amended"));
        assert_eq!(app.get(&format!("{EXPORT}&include=amended")).body, all.body);
        assert_eq!(names(&all), ["Void", "Re", "Stan", "New"]);
        let rows: Vec<Value> = serde_json::from_str(&all.body).unwrap();
        let amended: Vec<_> = rows.iter().map(|row| row["amended"].clone()).collect();
        let (at, by) = ("2019-06-24T04:00:00.000000Z", app.sender());
        assert_eq!(amended, [
            json!({"kind": "voided", "change": 4, "at": at, "reason": "=posted twice", "by": by, "replacement": null}),
            json!({"kind": "replaced", "change": 6, "at": at, "reason": "a, \"b\"", "by": by, "replacement": rows[3]["entry_id"]}),
            Value::Null,
            Value::Null,
        ]);
        assert!(all.body.contains(r#""person_ref":null,"amended":{"kind":"voided","change":4,"at":"#));
        let mut without = rows.clone();
        without.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("amended")));
        assert_eq!(without[2..], sheet);

        let ndjson = app.get(&format!("{SHEET}?include=amended&format=ndjson")).body;
        let lines: Vec<Value> = ndjson.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines, rows);
        let csv = app.get(&format!("{EXPORT}&include=amended&format=csv")).body;
        let ends: Vec<_> = csv.split("\r\n").map(|line| line.splitn(12, ',').nth(11).unwrap_or_default()).collect();
        assert_eq!(ends, ["amended,reason", "voided,'=posted twice", "replaced,\"a, \"\"b\"\"\"", ",", ",", ""]);
    }

    fn filters_and_the_search_apply_to_amended_entries_too(store: StoreKind) {
        let app = start(store);
        for (query, expected) in [
            ("gate=North", vec!["Void"]),
            ("q=placed", vec!["Re", "New"]),
            ("direction=out", vec![]),
        ] {
            assert_eq!(names(&app.get(&format!("{SHEET}?include=amended&{query}"))), expected, "{query}");
        }
        assert_eq!(names(&app.get(&format!("{SHEET}?include=&q=placed"))), ["New"]);
    }

    fn a_voided_entry_that_is_replaced_is_a_replaced_one(store: StoreKind) {
        let app = start(store);
        let voided = &app.get(&format!("{SHEET}?include=amended&q=void")).json()[0];
        amend(&app, voided, "correct", json!({"reason": "was right"}));
        let rows = app.get(&format!("{SHEET}?include=amended&q=void")).json();
        assert_eq!((&rows[0]["amended"]["kind"], &rows[1]["amended"]), (&json!("replaced"), &Value::Null));
        assert_eq!(rows[0]["amended"]["reason"], "was right");
    }

    fn an_export_with_amended_entries_is_imported_without_them(store: StoreKind) {
        let app = start(store);
        for format in ["csv", "ndjson"] {
            let target = crate::import::Target::start(store);
            let export = app.get(&format!("{EXPORT}&include=amended&format={format}")).body;
            let file = target.file(&format!("all.{format}"), &export);
            assert_eq!(target.outcome(&file, &[]), (1, crate::import::counts(2, 0, 2)), "{format}");
            assert_eq!(renumbered(target.app.sheet("20190624")), renumbered(app.sheet("20190624")));
        }
    }
}

/// The entries with the ids 1, 2 and so on.
fn renumbered(mut sheet: Vec<Value>) -> Vec<Value> {
    for (entry, id) in sheet.iter_mut().zip(1..) {
        entry["id"] = json!(id);
    }
    sheet
}
