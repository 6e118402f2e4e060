//! The documents of the API: `/openapi.json`, the file that is committed, and `/docs`.

use std::collections::BTreeSet;
use std::path::Path;

use rollcall::http::{document, mounted_routes};
use serde_json::Value;

use crate::support::{StoreKind, TestApp, on_both_stores};

/// Set to 1, a run writes `docs/openapi.json` anew.
const WRITE: &str = "ROLLCALL_TEST_WRITE_OPENAPI";

/// The operations of the document, as a method and a path each.
pub fn documented() -> BTreeSet<(String, String)> {
    let document: Value = serde_json::from_str(&document(false)).unwrap();
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object().unwrap().keys().map(|method| (method.to_uppercase(), path.clone()))
        })
        .collect()
}

/// The path of a route as the document writes it. Rocket's parameters may have no name, and the one
/// of a sheet is a part of a segment.
fn is_documented_as(pattern: &str, path: &str) -> bool {
    let (pattern, path): (Vec<_>, Vec<_>) =
        (pattern.split('/').collect(), path.split('/').collect());
    pattern.len() == path.len()
        && pattern.iter().zip(&path).all(|(pattern, path)| match pattern.strip_prefix('<') {
            Some("_..>") => *path == "date:{date}",
            Some(_) => path.starts_with('{') && path.ends_with('}'),
            None => pattern == path,
        })
}

#[test]
fn every_route_is_documented_and_nothing_else() {
    let mut documented = documented();
    for (method, pattern) in mounted_routes() {
        let found: Vec<_> = documented
            .iter()
            .filter(|(held, path)| *held == method && is_documented_as(&pattern, path))
            .cloned()
            .collect();
        assert_eq!(found.len(), 1, "{method} {pattern} is documented as {found:?}");
        documented.remove(&found[0]);
    }
    assert!(documented.is_empty(), "there is no route for {documented:?}");
}

#[test]
fn the_committed_document_is_that_of_the_code() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    if std::env::var(WRITE).is_ok_and(|value| value == "1") {
        std::fs::write(&file, document(false)).unwrap();
    }
    let committed = std::fs::read_to_string(&file).unwrap();
    assert!(committed == document(false), "docs/openapi.json is out of date: run `make openapi`");
}

on_both_stores! {
    fn the_document_is_served(store: StoreKind) {
        let answer = TestApp::start(store).get("/openapi.json");
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.body, document(false));
        assert_eq!(answer.json()["openapi"], "3.1.0");
        assert_eq!(answer.json()["info"]["version"], env!("CARGO_PKG_VERSION"));
    }

    fn the_page_loads_only_files_of_this_service(store: StoreKind) {
        let app = TestApp::start(store);
        let page = app.get("/docs");
        assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let mut loaded = 0;
        for attribute in [" src=\"", " href=\""] {
            for rest in page.body.split(attribute).skip(1) {
                let path = rest.split('"').next().unwrap();
                assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
                let file = app.request("HEAD", path, &[], "");
                assert_eq!(file.status, 200, "{path}");
                assert_ne!(file.header("content-length"), Some("0"), "{path}");
                loaded += 1;
            }
        }
        assert_eq!(loaded, 7, "{}", page.body);
    }
}
