//! `GET /table`: a page for a browser, a map of the API as JSON for other clients.

use serde_json::json;

use crate::support::{Fresh, Options, StoreKind, TestApp, on_both_stores};

const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

on_both_stores! {
    fn a_browser_gets_todays_sheet_and_what_the_service_is(store: StoreKind) {
        let app = TestApp::start(store);
        app.set_now("2019-06-24T01:12:21Z");
        for _ in 0..3 {
            app.post(json!({"firstname": "a", "lastname": "b"}));
        }
        for path in ["/table", "/table/"] {
            let page = app.request("GET", path, &[("Accept", FIREFOX)], "");
            assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
            let version = format!("Rollcall {}", env!("CARGO_PKG_VERSION"));
            let curl = format!("http://{}/table/create", app.address());
            for part in ["<strong>3</strong> entries", "date:20190623", "09:12</time>", "Asia/Manila", "/table/view/date:today", &version, &curl] {
                assert!(page.body.contains(part), "{part} in {}", page.body);
            }
        }
    }

    fn the_page_of_today_takes_the_filters_of_a_sheet(store: StoreKind) {
        let app = TestApp::start(store);
        for (lastname, gate) in [("North", "A"), ("Northern", "B"), ("South", "A")] {
            app.post(json!({"firstname": "a", "lastname": lastname, "gate": gate}));
        }
        for (filters, shown) in [
            ("gate=A&q=north", vec!["a North"]),
            ("date=&gate=B", vec!["a Northern"]),
            ("gate=C", vec![]),
            ("", vec!["a North", "a Northern", "a South"]),
        ] {
            let page = app.request("GET", &format!("/table?{filters}"), &[("Accept", FIREFOX)], "");
            for name in ["a North", "a Northern", "a South"] {
                let is_shown = page.body.contains(&format!("<bdi>{name}</bdi>"));
                assert_eq!(is_shown, shown.contains(&name), "{name} with {filters} in {}", page.body);
            }
        }
        let bad = app.request("GET", "/table?direction=up", &[("Accept", FIREFOX)], "");
        assert_eq!((bad.status, bad.body.contains("invalid_query")), (400, true), "{bad:?}");
        app.request("GET", "/table?direction=up", &[], "").problem(400, "invalid_query");
    }

    fn other_clients_get_a_map_of_the_api_as_json(store: StoreKind) {
        let app = TestApp::start(store);
        for accept in ["*/*", "application/json", "text/*", "application/json, text/html;q=0.5", "text/html;q=0"] {
            let map = app.request("GET", "/table", &[("Accept", accept)], "");
            assert_eq!(map.header("content-type"), Some("application/json"), "{accept}");
            assert_eq!(map.header("vary"), Some("Accept"));
            assert!(map.json()["routes"]["POST /table/create"].is_string());
        }
        assert_eq!(app.request("GET", "/table", &[], "").json()["service"], "rollcall");
    }

    fn the_page_is_served_when_the_store_is_not_migrated(store: StoreKind) {
        let app = TestApp::with(Fresh::bare(store), Options::default());
        let page = app.request("GET", "/table", &[("Accept", FIREFOX)], "");
        assert_eq!(page.status, 200);
        assert!(page.body.contains("sheet cannot be read now. The store has not been migrated"), "{}", page.body);
    }
}
