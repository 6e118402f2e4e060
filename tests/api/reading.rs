//! Filters and forms of sheets, the people of days, and who is inside.

use serde_json::{Value, json};

use crate::support::{Answer, StoreKind, TestApp, on_both_stores};

/// Records an entry of 24 June 2019 at `time`, and returns it.
#[track_caller]
pub fn pass(app: &TestApp, time: &str, name: &str, more: Value) -> Value {
    let (firstname, lastname) = name.split_once(' ').unwrap();
    let mut body = json!({
        "firstname": firstname, "lastname": lastname,
        "occurred_at": format!("2019-06-24T{time}+08:00"),
    });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let answer = app.post(body);
    assert_eq!(answer.status, 201, "{answer:?}");
    answer.json()
}

/// The first names of an array of entries or people.
pub fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let rows: Vec<Value> = serde_json::from_str(&answer.body).unwrap();
    rows.iter().map(|row| row["firstname"].as_str().unwrap().to_owned()).collect()
}

/// The fields and codes of an answer that refuses a query.
fn errors(answer: &Answer) -> Vec<(String, String)> {
    let problem = answer.problem(400, "invalid_query");
    let errors = problem["errors"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    errors.map(|error| (text(&error["field"]), text(&error["code"]))).collect()
}

pub const SHEET: &str = "/table/view/date:20190624";

on_both_stores! {
    fn a_sheet_shows_only_what_the_filters_let_through(store: StoreKind) {
        let app = TestApp::start(store);
        pass(&app, "08:00:00", "José Müller", json!({"gate": "North", "person_ref": "7"}));
        pass(&app, "08:01:00", "Ann O'Neil", json!({"gate": "South"}));
        pass(&app, "08:02:00", "Jo Semple", json!({"gate": "North", "direction": "out"}));
        for (query, expected) in [
            ("", vec!["José", "Ann", "Jo"]),
            ("gate=North", vec!["José", "Jo"]),
            ("gate=north", vec![]),
            ("gate=North&direction=in", vec!["José"]),
            ("direction=out", vec!["Jo"]),
            ("person_ref=7&direction=in&gate=North", vec!["José"]),
            ("person_ref=70", vec![]),
            ("q=jose", vec!["José"]),
            ("q=O+SEM", vec!["Jo"]),
            ("q=jos%C3%A9%20mull", vec!["José"]),
            ("q=ann&gate=North", vec![]),
            ("q=&gate=&direction=&unknown=x&unknown=y", vec!["José", "Ann", "Jo"]),
        ] {
            assert_eq!(names(&app.get(&format!("{SHEET}?{query}"))), expected, "{query}");
        }
    }

    fn a_bad_parameter_is_an_invalid_query_with_every_error(store: StoreKind) {
        let app = TestApp::start(store);
        let all = app.get(&format!("{SHEET}?direction=up&gate=A&gate=A&person_ref=%FF&format=xml&bom=2&include=all"));
        let expected = [
            ("bom", "invalid_choice"), ("format", "invalid_choice"), ("gate", "repeated"),
            ("direction", "invalid_direction"), ("person_ref", "invalid_encoding"), ("include", "invalid_choice"),
        ];
        assert_eq!(errors(&all), expected.map(|(field, code)| (field.to_owned(), code.to_owned())));
        for q in ["%00", "a%0Ab", "%C2%85", "Ann%E2%80%AE"] {
            let forbidden = [("q".to_owned(), "forbidden_character".to_owned())];
            assert_eq!(errors(&app.get(&format!("{SHEET}?q={q}"))), forbidden, "{q}");
        }
        app.get("/table/view/date:2019?direction=up").problem(400, "invalid_date");
        for path in ["/table/export", "/table/people"] {
            let fields: Vec<_> = errors(&app.get(path)).into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, ["from", "to"]);
            for query in ["from=20190624&to=20190623", "from=20190624&to=20200624", "from=20190631&to=20190624"] {
                assert_eq!(errors(&app.get(&format!("{path}?{query}"))).len(), 1, "{query}");
            }
            assert_eq!(app.get(&format!("{path}?from=20190624&to=20200623")).status, 200);
        }
    }

    fn a_sheet_is_json_csv_or_ndjson(store: StoreKind) {
        let app = TestApp::start(store);
        let entry = pass(&app, "08:00:00.25", "=Ann O'Neil", json!({"gate": "a,b", "person_ref": "+7"}));
        let csv = app.get(&format!("{SHEET}?format=csv"));
        assert_eq!(csv.header("content-type"), Some("text/csv"));
        assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"attendance-20190624.csv\""));
        assert_eq!(csv.header("cache-control"), Some("no-store"));
        let (id, entry_id, received_at) = (&entry["id"], &entry["entry_id"], &entry["received_at"]);
        let expected = format!(
            "id,date,time,login,firstname,lastname,person_ref,direction,gate,entry_id,received_at\r\n\
             {id},2019-06-24,08:00:00,2019-06-24T08:00:00.250000+08:00,'=Ann,O'Neil,'+7,in,\"a,b\",{},{}\r\n",
            entry_id.as_str().unwrap(), received_at.as_str().unwrap(),
        );
        assert_eq!(csv.body, expected);
        assert_eq!(app.get(&format!("{SHEET}?format=csv&bom=1")).body, format!("\u{feff}{expected}"));

        let accepting = |accept| app.request("GET", SHEET, &[("Accept", accept)], "");
        assert_eq!(accepting("text/csv").body, expected);
        let ndjson = accepting("application/x-ndjson");
        assert_eq!(ndjson.header("content-type"), Some("application/x-ndjson"));
        assert_eq!(ndjson.header("content-disposition"), None);
        assert_eq!(ndjson.body, format!("{}\n", &app.get(SHEET).body[1..app.get(SHEET).body.len() - 1]));
        for json in [accepting("application/json"), accepting("image/png")] {
            assert_eq!((json.header("content-type"), json.json()), (Some("application/json"), json!([entry])));
        }
        assert_eq!(accepting("text/html").header("content-type"), Some("text/html; charset=utf-8"));
        assert_eq!(app.get("/table/view/date:20190625?format=ndjson").body, "");
        let head = app.request("HEAD", &format!("{SHEET}?format=csv"), &[], "");
        assert_eq!(head.header("content-length"), Some(expected.len().to_string().as_str()));
        assert_eq!(head.header("content-disposition"), csv.header("content-disposition"));
    }

    fn people_have_their_first_in_and_last_out_of_each_day(store: StoreKind) {
        let app = TestApp::start(store);
        pass(&app, "09:00:00", "Ann Zoe", json!({"person_ref": "7"}));
        pass(&app, "08:00:00", "Anna Zoe", json!({"person_ref": "7"}));
        pass(&app, "17:00:00", "Ann Young", json!({"person_ref": "7", "direction": "out"}));
        pass(&app, "12:00:00", "Ann Zoe", json!({"person_ref": "7", "direction": "out"}));
        pass(&app, "10:00:00", "Bob Young", json!({}));
        let later = json!({"firstname": "Bob", "lastname": "Young", "occurred_at": "2019-06-25T01:00:00+08:00", "direction": "out"});
        assert_eq!(app.post(later).status, 201);
        let people = app.get("/table/people?from=20190624&to=20190625");
        assert_eq!(people.json(), json!([
            {"date": "2019-06-24", "firstname": "Ann", "lastname": "Young", "person_ref": "7",
             "first_in": "2019-06-24T08:00:00.000000+08:00", "last_out": "2019-06-24T17:00:00.000000+08:00", "entries": 4},
            {"date": "2019-06-24", "firstname": "Bob", "lastname": "Young", "person_ref": null,
             "first_in": "2019-06-24T10:00:00.000000+08:00", "last_out": null, "entries": 1},
            {"date": "2019-06-25", "firstname": "Bob", "lastname": "Young", "person_ref": null,
             "first_in": null, "last_out": "2019-06-25T01:00:00.000000+08:00", "entries": 1},
        ]));
        let csv = app.get("/table/people?from=20190624&to=20190625&format=csv");
        assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"people-20190624-20190625.csv\""));
        let lines: Vec<_> = csv.body.split("\r\n").collect();
        assert_eq!(lines[0], "date,firstname,lastname,person_ref,first_in,last_out,entries");
        assert_eq!(lines[2], "2019-06-24,Bob,Young,,2019-06-24T10:00:00.000000+08:00,,1");
        assert_eq!(lines.len(), 5);
        let ndjson = app.get("/table/people?from=20190624&to=20190624&format=ndjson");
        assert_eq!(ndjson.body.lines().count(), 2);
    }

    fn inside_are_those_whose_latest_entry_is_in(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T12:00:00+08:00");
        let empty = app.get("/table/inside").json();
        assert_eq!(empty, json!({
            "as_of": "2019-06-24T12:00:00.000000+08:00", "since": "2019-06-23T12:00:00.000000+08:00",
            "outs_seen": false, "inside": [],
        }));
        let ann = pass(&app, "12:00:00", "Ann Zoe", json!({"gate": "North", "person_ref": "7"}));
        pass(&app, "11:00:00", "Ann Other", json!({"gate": "South", "person_ref": "7", "direction": "out"}));
        let bob = pass(&app, "09:00:00", "Bob Young", json!({"gate": "South"}));
        pass(&app, "09:00:00", "Cy Young", json!({}));
        pass(&app, "09:00:00", "Cy Young", json!({"direction": "out"}));
        pass(&app, "12:00:01", "Late Young", json!({}));
        let list = |query: &str| app.get(&format!("/table/inside?{query}"));
        assert_eq!(list("").json()["inside"], json!([bob, ann]));
        assert_eq!(list("").json()["outs_seen"], true);
        assert_eq!(list("gate=South").json()["inside"], json!([bob]));
        assert_eq!(list("since=2019-06-24T11:30:00+08:00").json()["inside"], json!([ann]));
        assert_eq!(list("since=2019-06-24T11:30:00%2B08:00").json()["outs_seen"], false);
        for since in ["yesterday", "2019-06-17T11:59:54%2B08:00", "2019-06-24T12:00:01%2B08:00"] {
            assert_eq!(errors(&list(&format!("since={since}"))).len(), 1, "{since}");
        }
        // The clock of a client that asks for 7 days may be a minute late.
        for since in ["2019-06-17T12:00:00%2B08:00", "2019-06-17T11:59:55%2B08:00"] {
            assert_eq!(list(&format!("since={since}")).status, 200, "{since}");
        }
        let csv = list("format=csv");
        assert_eq!(csv.header("content-disposition"), Some("attachment; filename=\"inside-20190624.csv\""));
        assert_eq!(csv.body.lines().count(), 3);
        assert_eq!(list("format=ndjson").body.lines().count(), 2);
    }

    fn the_map_lists_the_routes_for_reading(store: StoreKind) {
        let map = TestApp::start(store).get("/table").json();
        for route in ["/table/export", "/table/people", "/table/inside"] {
            let routes = map["routes"].as_object().unwrap();
            assert!(routes.keys().any(|key| key.starts_with(&format!("GET {route}"))), "{route}");
        }
    }
}
