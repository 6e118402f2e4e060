//! Pages: what a browser gets where another client gets JSON.

use rollcall::domain::Access;
use serde_json::{Value, json};

use crate::support::{Answer, Fresh, Options, StoreKind, TestApp, on_both_stores};

pub const ADMIN: &str = "the-admin-token-of-the-settings-32";
const FIREFOX: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const OWN: (&str, &str) = ("Sec-Fetch-Site", "same-origin");

pub fn start(store: StoreKind, access: Access) -> TestApp {
    let options = Options { access, admin_token: Some(ADMIN), token: None, ..Options::default() };
    TestApp::with(Fresh::migrated(store), options)
}

/// Sends a request as a browser with this token does.
pub fn browse(app: &TestApp, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let authorization = format!("Bearer {token}");
    let mut headers = vec![("Accept", FIREFOX), OWN, FORM];
    if !token.is_empty() {
        headers.push(("Authorization", &authorization));
    }
    app.request(method, path, &headers, body)
}

pub fn make_token(app: &TestApp, request: Value) -> String {
    let authorization = format!("Bearer {ADMIN}");
    let made = app.request(
        "POST",
        "/admin/tokens",
        &[("Authorization", &authorization)],
        &request.to_string(),
    );
    made.json()["token"].as_str().unwrap().to_owned()
}

/// Records an entry and returns its `entry_id`.
pub fn record(app: &TestApp, entry: Value) -> String {
    let authorization = format!("Bearer {ADMIN}");
    let recorded = app.post_with(&[("Authorization", &authorization)], entry);
    recorded.json()["entry_id"].as_str().unwrap().to_owned()
}

/// Asserts that this is a page, with the headers that every page has.
#[track_caller]
pub fn assert_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
        ("vary", "Accept"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{answer:?}");
    }
    let policy = answer.header("content-security-policy").unwrap();
    let begin = "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; ";
    let rest = policy.strip_prefix(begin).unwrap_or_else(|| panic!("{policy}"));
    assert!(rest.split("; ").all(|directive| directive.ends_with("-src 'self'")), "{policy}");
    // Nothing that the policy forbids: inline script and style, and other origins.
    let page = &answer.body;
    assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"), "{page}");
    for forbidden in ["<style", "style=\"", " onclick", "javascript:", "src=\"http", "href=\"http"]
    {
        assert!(!page.contains(forbidden), "{forbidden} in {page}");
    }
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/assets/"), "{page}");
    }
}

/// What the page loads, by the quoted paths below `/assets/`.
fn loaded(page: &str) -> Vec<&str> {
    page.split('"').filter(|part| part.starts_with("/assets/")).collect()
}

on_both_stores! {
    fn what_a_page_loads_is_kept_for_ever(store: StoreKind) {
        let app = start(store, Access::Open);
        let page = browse(&app, "GET", "/table", "", "");
        assert_page(&page, 200);
        let loaded = loaded(&page.body);
        let kinds = ["image/svg+xml", "text/css; charset=utf-8", "text/javascript", "text/javascript"];
        assert_eq!(loaded.len(), kinds.len(), "{loaded:?}");
        for (path, kind) in loaded.iter().zip(kinds) {
            let file = app.get(path);
            assert_eq!((file.status, file.header("content-type")), (200, Some(kind)), "{path}");
            assert_eq!(file.header("cache-control"), Some("public, max-age=31536000, immutable"));
            assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
            // As a page of another release would ask for it.
            let (stem, ending) = path.rsplit_once('.').unwrap();
            let other = app.get(&format!("{stem}x.{ending}"));
            assert_eq!((other.body == file.body, other.header("cache-control")), (true, Some("no-cache")));
        }
        app.get("/assets/style.css").problem(404, "not_found");
        app.get("/assets/other-0.css").problem(404, "not_found");
    }

    fn a_form_tells_its_origin_where_the_browser_does_not_name_the_site(store: StoreKind) {
        let app = start(store, Access::Open);
        let meta = r#"<meta name="referrer" content="same-origin">"#;
        let page = app.request("GET", "/session", &[("Accept", FIREFOX)], "");
        assert!(page.body.contains(meta), "{}", page.body);
        let page = app.request("GET", "/session", &[("Accept", FIREFOX), ("Sec-Fetch-Site", "none")], "");
        assert!(!page.body.contains(meta), "{}", page.body);
    }

    fn problems_are_pages_for_a_browser(store: StoreKind) {
        let app = start(store, Access::Open);
        let nobody = "/table/entry/95844c14-bc2f-4249-8dc5-bd17377c5215";
        let void = format!("{nobody}/void");
        for (method, path, status, code) in [
            ("GET", "/table/view/date:nonsense", 400, "invalid_date"),
            ("GET", "/table/people?from=x&to=20190624", 400, "invalid_query"),
            ("GET", "/table/inside?since=yesterday", 400, "invalid_query"),
            ("GET", nobody, 404, "not_found"),
            ("POST", &*void, 400, "invalid_entry"),
            ("GET", "/admin/tokens", 401, "unauthenticated"),
            ("GET", "/admin/tokens/x", 405, "method_not_allowed"),
            ("GET", "/session/end", 405, "method_not_allowed"),
            ("GET", "/table/inside?by=height", 400, "invalid_query"),
        ] {
            let page = browse(&app, method, path, "", "");
            assert_page(&page, status);
            for part in [code, page.header("x-request-id").unwrap()] {
                assert!(page.body.contains(part), "{part} in {}", page.body);
            }
            // Another client, and a browser that asks for it, gets JSON.
            let answer = app.request(method, path, &[], "{}");
            answer.problem(status, code);
            for (name, value) in [("vary", "Accept"), ("cache-control", "no-store")] {
                assert_eq!(answer.header(name), Some(value), "{answer:?}");
            }
            let json = if path.contains('?') { "&format=json" } else { "?format=json" };
            browse(&app, method, &format!("{path}{json}"), "", "{}").problem(status, code);
        }
        assert_page(&browse(&app, "GET", "/table/view/date:today?rows=some", "", ""), 400);
        // Not among the pages.
        browse(&app, "POST", "/table/create", "", "{}").problem(400, "invalid_entry");
        browse(&app, "GET", "/nothing", "", "").problem(404, "not_found");
        let head = app.request("HEAD", nobody, &[("Accept", FIREFOX)], "");
        assert_eq!((head.status, head.header("content-type")), (404, Some("text/html; charset=utf-8")));
    }

    fn a_link_to_a_file_leads_a_browser_to_a_page_if_it_fails(store: StoreKind) {
        let app = start(store, Access::Token);
        for path in ["/table/view/date:today?format=csv", "/table/view/date:today?format=xml"] {
            assert_page(&browse(&app, "GET", path, "", ""), 401);
        }
        let reader = make_token(&app, json!({"name": "r", "role": "reader"}));
        assert_page(&browse(&app, "GET", "/table/view/date:today?format=xml", &reader, ""), 400);
    }

    fn a_form_that_is_sent_after_the_session_has_ended_leads_back_to_its_page(store: StoreKind) {
        let app = start(store, Access::Token);
        let entry = record(&app, json!({"firstname": "a", "lastname": "b"}));
        for (path, next) in [
            (format!("/table/entry/{entry}/void"), format!("/table/entry/{entry}")),
            ("/admin/tokens".to_owned(), "/admin/tokens".to_owned()),
            ("/table/entry".to_owned(), "/table".to_owned()),
        ] {
            let page = browse(&app, "POST", &path, "", "reason=x");
            assert_page(&page, 401);
            assert!(page.body.contains("signed out, and nothing was changed"), "{}", page.body);
            assert!(page.body.contains(&format!("name=\"next\" value=\"{next}\"")), "{}", page.body);
        }
    }

    fn a_token_that_is_not_valid_is_refused_on_the_first_page_too(store: StoreKind) {
        for access in [Access::Open, Access::Token] {
            let app = start(store, access);
            assert_page(&browse(&app, "GET", "/table", "rollcall_bad", ""), 401);
            let map = app.request("GET", "/table", &[("Authorization", "Bearer rollcall_bad")], "");
            assert_eq!(map.status, 200, "the map is blind to credentials");
        }
    }

    fn a_correction_by_a_form_can_be_sent_twice(store: StoreKind) {
        let app = start(store, Access::Open);
        let entry = record(&app, json!({"firstname": "a", "lastname": "b"}));
        let page = browse(&app, "GET", &format!("/table/entry/{entry}"), "", "").body;
        let form = page.split("/correct\"").nth(1).unwrap();
        let id = form.split("name=\"entry_id\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        let body = format!("entry_id={id}&reason=typo&firstname=Anna&lastname=b");
        for _ in 0..2 {
            let answer = browse(&app, "POST", &format!("/table/entry/{entry}/correct"), "", &body);
            assert_eq!(answer.status, 303, "{answer:?}");
        }
        let trail = app.get(&format!("/table/entry/{entry}")).json();
        assert_eq!(trail["history"].as_array().unwrap().len(), 3, "{trail}");
        assert_eq!(trail["history"][2]["replacement"], *id);
    }

    fn several_lines_of_accept_are_one_list(store: StoreKind) {
        let app = start(store, Access::Open);
        for (accept, content_type) in [
            (["application/json;q=0.1", "text/html"], "text/html; charset=utf-8"),
            (["application/json", "text/html;q=0.1"], "application/json"),
        ] {
            let lines = accept.map(|line| format!("Accept: {line}\r\n")).concat();
            let raw = format!("GET /table/view/date:today HTTP/1.1\r\nHost: x\r\n{lines}Connection: close\r\n\r\n");
            let answer = Answer::from_raw(&app.raw(raw.as_bytes()));
            assert_eq!(answer.header("content-type"), Some(content_type), "{accept:?}");
        }
    }

    fn a_page_that_a_role_may_not_see_says_which_may(store: StoreKind) {
        let app = start(store, Access::Token);
        let reader = make_token(&app, json!({"name": "r", "role": "reader"}));
        let page = browse(&app, "GET", "/admin/tokens", &reader, "");
        assert_page(&page, 403);
        assert!(page.body.contains("role admin") && page.body.contains("<span>r</span>"), "{}", page.body);
    }

    fn an_entry_is_shown_with_its_trail_and_amended_by_forms(store: StoreKind) {
        let app = start(store, Access::Token);
        app.set_now("2019-06-24T00:02:03Z");
        let clerk = make_token(&app, json!({"name": "clara", "role": "clerk"}));
        let reader = make_token(&app, json!({"name": "r", "role": "reader"}));
        let id = record(&app, json!({"firstname": "A<b>&", "lastname": "O'Neil \"Q\"", "gate": "North"}));
        let path = format!("/table/entry/{id}");
        let page = browse(&app, "GET", &path, &clerk, "");
        assert_page(&page, 200);
        for part in ["A&#60;b&#62;&#38;", "O&#39;Neil &#34;Q&#34;", "2019-06-24 08:02:03", "North", "Asia/Manila", "stands", "Record the correction", "Void the entry"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert!(!page.body.contains("A<b>"));
        let seen = browse(&app, "GET", &path, &reader, "");
        assert!(!seen.body.contains("<form method=\"post\" action=\"/table"), "{}", seen.body);
        // Other clients get the same as before.
        let json = app.request("GET", &path, &[("Authorization", &format!("Bearer {clerk}"))], "");
        assert_eq!((json.header("vary"), &json.json()["state"]), (Some("Accept"), &json!("stands")));

        let voided = browse(&app, "POST", &format!("{path}/void"), &clerk, "reason=twice+%26+more");
        assert_eq!((voided.status, voided.header("location")), (303, Some(&*path)));
        let page = browse(&app, "GET", &path, &clerk, "");
        for part in ["voided", r#"Voided by clara: <q dir="auto">twice &#38; more</q>"#, "Restore this entry"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert!(!page.body.contains("Void the entry"));

        let fields = "firstname=Ana&lastname=O%27Neil&gate=&person_ref=&direction=out&occurred_at=&reason=name";
        assert_eq!(browse(&app, "POST", &format!("{path}/correct"), &clerk, fields).status, 303);
        let page = browse(&app, "GET", &path, &clerk, "");
        assert!(page.body.contains("replaced") && !page.body.contains("Record the correction"), "{}", page.body);
        let (_, rest) = page.body.split_once("Another entry counts in its place: <a href=\"").unwrap();
        let replacement = browse(&app, "GET", rest.split('"').next().unwrap(), &clerk, "");
        for part in ["Ana O&#39;Neil", "none named", r#"by this one, made by clara: <q dir="auto">name</q>"#, "This entry corrects"] {
            assert!(replacement.body.contains(part), "{part} in {}", replacement.body);
        }
    }

    fn an_entry_may_be_amended_by_everybody_with_access_open(store: StoreKind) {
        let app = start(store, Access::Open);
        let id = record(&app, json!({"firstname": "a", "lastname": "b"}));
        let page = browse(&app, "GET", &format!("/table/entry/{id}"), "", "");
        assert!(page.body.contains("Void the entry"), "{}", page.body);
    }

    fn tokens_are_made_and_revoked_by_forms(store: StoreKind) {
        let app = start(store, Access::Open);
        let empty = browse(&app, "GET", "/admin/tokens", ADMIN, "");
        assert_page(&empty, 200);
        assert!(empty.body.contains("No token was made yet"), "{}", empty.body);
        let form = "name=north&role=gate&gate=A+%3CB%3E&expires_at=";
        let made = browse(&app, "POST", "/admin/tokens", ADMIN, form);
        assert_page(&made, 201);
        let (_, rest) = made.body.split_once("<code>rollcall_").unwrap();
        let secret = format!("rollcall_{}", rest.split('<').next().unwrap());
        assert_eq!(secret.len(), 52);
        let entry = json!({"firstname": "a", "lastname": "b"}).to_string();
        let recorded = app.post_with(&[("Authorization", &format!("Bearer {secret}"))], entry);
        assert_eq!(recorded.json()["gate"], "A <B>");

        let list = browse(&app, "GET", "/admin/tokens", ADMIN, "");
        assert_page(&list, 200);
        for part in ["<code>north</code>", "A &#60;B&#62;", "valid", "<code>env</code>"] {
            assert!(list.body.contains(part), "{part} in {}", list.body);
        }
        assert!(!list.body.contains(&secret));
        let revoked = browse(&app, "POST", "/admin/tokens/north/revoke", ADMIN, "");
        assert_eq!((revoked.status, revoked.header("location")), (303, Some("/admin/tokens")));
        let list = browse(&app, "GET", "/admin/tokens", ADMIN, "");
        assert!(list.body.contains("revoked") && !list.body.contains("/north/revoke"), "{}", list.body);

        let taken = browse(&app, "POST", "/admin/tokens", ADMIN, "name=north&role=gate");
        assert_page(&taken, 409);
        assert!(taken.body.contains("name_taken"), "{}", taken.body);
        let invalid = browse(&app, "POST", "/admin/tokens", ADMIN, "name=South&role=reader&gate=A&expires_at=soon");
        assert_page(&invalid, 400);
        for field in ["name", "gate", "expires_at"] {
            assert!(invalid.body.contains(&format!("id=\"{field}-error\"")), "{field} in {}", invalid.body);
        }
    }

    fn a_sheet_begins_with_its_figures(store: StoreKind) {
        let app = start(store, Access::Token);
        let reader = make_token(&app, json!({"name": "r", "role": "reader"}));
        app.set_now("2019-06-24T01:00:00Z");
        let empty = browse(&app, "GET", "/table/view/date:today", &reader, "");
        assert_page(&empty, 200);
        assert!(empty.body.contains("Nobody has passed a gate yet today"), "{}", empty.body);
        for (login, name, gate, direction) in [
            ("2019-06-24T00:02:03Z", "Ana", "North", "in"),
            ("2019-06-24T00:30:00Z", "B<i>", "North", "in"),
            ("2019-06-24T00:59:00Z", "Ana", "South & \"x\"", "out"),
        ] {
            record(&app, json!({"firstname": name, "lastname": "O'Neil", "gate": gate, "direction": direction, "occurred_at": login, "person_ref": format!("nr {name}")}));
        }
        let voided = record(&app, json!({"firstname": "Gone", "lastname": "x"}));
        let path = format!("/table/entry/{voided}/void");
        assert_eq!(browse(&app, "POST", &path, ADMIN, "reason=twice").status, 303);

        for path in ["/table/view/date:today", "/table/view/date:20190624", "/table", "/table/"] {
            let page = browse(&app, "GET", path, &reader, "");
            assert_page(&page, 200);
            assert_eq!(page.header("content-length"), Some(&*page.body.len().to_string()));
            for part in [
                "Monday, 24 June 2019", "<strong>3</strong> entries", "<strong>2</strong> people", "<strong data-part=\"inside\">1</strong> inside now",
                "<bdi>B&lt;i&gt; O&#39;Neil</bdi>", ">08:02</time>", "nr Ana", "South &#38; &#34;x&#34;", "<title>08:00: 2 in, 1 out</title>",
                "/table/view/date:20190623", "/table/view/date:20190625", "format=csv",
            ] {
                assert!(page.body.contains(part), "{part} in {}", page.body);
            }
            assert!(!page.body.contains("Gone") && !page.body.contains("<i>"), "{}", page.body);
            assert_eq!(page.body.contains("curl -d"), !path.starts_with("/table/view"), "{path}");
        }
        let other = browse(&app, "GET", "/table/view/date:20190623", &reader, "");
        assert!(other.body.contains("Nobody passed a gate on this day") && !other.body.contains("inside now"), "{}", other.body);
    }

    fn a_clerk_records_by_hand(store: StoreKind) {
        let app = start(store, Access::Token);
        app.set_now("2019-06-24T01:00:00Z");
        let clerk = make_token(&app, json!({"name": "c", "role": "clerk"}));
        let reader = make_token(&app, json!({"name": "r", "role": "reader"}));
        let page = browse(&app, "GET", "/table", &clerk, "");
        assert_page(&page, 200);
        let (_, rest) = page.body.split_once(r#"name="entry_id" value=""#).unwrap();
        let id = &rest[..36];
        let form = format!("entry_id={id}&firstname=Ana&lastname=O%27Neil&person_ref=&gate=&direction=in&occurred_at=");
        for _ in 0..2 {
            let sent = browse(&app, "POST", "/table/entry", &clerk, &form);
            assert_eq!((sent.status, sent.header("location")), (303, Some("/table/view/date:20190624")));
        }
        assert_eq!(app.count_rows(), 1);
        let other = browse(&app, "POST", "/table/entry", &clerk, &form.replace("Ana", "Eva"));
        assert_page(&other, 422);
        let invalid = browse(&app, "POST", "/table/entry", &clerk, "firstname=&lastname=x&occurred_at=8:00");
        assert_page(&invalid, 400);
        for field in ["firstname", "occurred_at"] {
            assert!(invalid.body.contains(&format!("id=\"new-{field}-error\"")), "{field} in {}", invalid.body);
        }
        for (token, path) in [(&reader, "/table"), (&clerk, "/table/view/date:20190623")] {
            let page = browse(&app, "GET", path, token, "");
            assert!(!page.body.contains("Record an entry by hand"), "{path}");
        }
        assert_page(&browse(&app, "POST", "/table/entry", &reader, &form), 403);
    }

    fn a_sheet_is_filtered_by_a_form(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T01:00:00Z");
        for (name, gate) in [("José", "A & B"), ("Ben", "C")] {
            record(&app, json!({"firstname": name, "lastname": "x", "gate": gate}));
        }
        let form = "/table?date=2019-06-24&gate=A+%26+B&direction=&person_ref=&q=jose";
        let sent = browse(&app, "GET", form, "", "");
        let path = "/table/view/date:20190624?gate=A%20%26%20B&q=jose";
        assert_eq!((sent.status, sent.header("location")), (303, Some(path)));
        let page = browse(&app, "GET", path, "", "");
        assert_page(&page, 200);
        for part in ["José x", r#"value="A &#38; B""#, r#"value="jose""#, "<strong>1</strong> entry", "?format=csv&#38;gate=A%20%26%20B&#38;q=jose"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert!(!page.body.contains("Ben x"), "{}", page.body);
        let none = browse(&app, "GET", "/table/view/date:20190624?q=%3Cb%3E", "", "");
        assert!(none.body.contains("No entry of this day matches") && !none.body.contains("<b>"), "{}", none.body);
        assert_page(&browse(&app, "GET", "/table?date=soon", "", ""), 400);
        // A bad filter of the form is told by the sheet that it leads to.
        let bad = browse(&app, "GET", "/table?date=2019-06-24&direction=up", "", "");
        assert_page(&browse(&app, "GET", bad.header("location").unwrap(), "", ""), 400);
    }

    fn amended_entries_are_shown_on_request(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T01:00:00Z");
        let id = record(&app, json!({"firstname": "Ana", "lastname": "x"}));
        assert_eq!(browse(&app, "POST", &format!("/table/entry/{id}/void"), "", "reason=a+%3Cb%3E").status, 303);
        let page = browse(&app, "GET", "/table/view/date:today?include=amended", "", "");
        assert_page(&page, 200);
        for part in ["<strong>0</strong> entries", "class=\"gone\"", "voided</span> <q dir=\"auto\">a &lt;b&gt;</q>"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
    }

    fn a_long_sheet_is_sent_whole(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T01:00:00Z");
        for number in 0..400 {
            record(&app, json!({"firstname": "n".repeat(100), "lastname": number.to_string(), "person_ref": "\"".repeat(100)}));
        }
        let page = browse(&app, "GET", "/table/view/date:today", "", "");
        assert_page(&page, 200);
        let (rows, _) = page.body.split_once("<template").unwrap();
        assert_eq!(rows.matches("<tr data-id=").count(), 400);
        let head = app.request("HEAD", "/table/view/date:today", &[("Accept", FIREFOX), OWN], "");
        assert_eq!((head.status, head.header("content-length")), (200, page.header("content-length")));
        assert_eq!(head.body, "");
    }

    fn people_are_shown_with_their_hours(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T12:00:00Z");
        for (login, direction) in [("2019-06-24T00:02:03Z", "in"), ("2019-06-24T09:47:00Z", "out")] {
            record(&app, json!({"firstname": "Ana", "lastname": "O'Neil", "direction": direction, "occurred_at": login}));
        }
        let month = browse(&app, "GET", "/table/people", "", "");
        assert_eq!((month.status, month.header("location")), (303, Some("/table/people?from=20190601&to=20190624")));
        let form = browse(&app, "GET", "/table/people?first=2019-06-24&last=2019-06-25", "", "");
        assert_eq!((form.status, form.header("location")), (303, Some("/table/people?from=20190624&to=20190625")));
        let page = browse(&app, "GET", "/table/people?from=20190624&to=20190625", "", "");
        assert_page(&page, 200);
        for part in ["Monday, 24 June 2019 to Tuesday, 25 June 2019", "Ana O&#39;Neil", ">08:02</time>", ">17:47</time>", "<td class=\"number\">9:44</td>", "<td class=\"number\">2</td>", r#"value="2019-06-25""#] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        let empty = browse(&app, "GET", "/table/people?from=20190101&to=20190101", "", "");
        assert!(empty.body.contains("Nobody passed a gate in these days"), "{}", empty.body);
        app.get("/table/people").problem(400, "invalid_query");
    }

    fn pages_with_rows_say_how_current_they_are(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T12:00:00Z");
        for name in ["Ana", "Ben"] {
            record(&app, json!({"firstname": name, "lastname": "x"}));
        }
        for path in ["/table", "/table/view/date:today", "/table/view/date:20190623", "/table/people?from=20190624&to=20190624"] {
            let page = browse(&app, "GET", path, "", "");
            assert_page(&page, 200);
            assert_eq!(page.header("rollcall-change"), Some("2"), "{path}");
        }
    }

    fn only_the_sheet_of_today_follows_the_changes(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T12:00:00Z");
        let empty = browse(&app, "GET", "/table/view/date:today?gate=A+%26+B&q=a", "", "");
        assert_page(&empty, 200);
        let live = r#"id="live-entries" data-sheet="/table/view/date:20190624?format=html&#38;gate=A%20%26%20B&#38;q=a" data-begins="2019-06-24T00:00:00.000000+08:00" data-ends="2019-06-25T00:00:00.000000+08:00" data-change="0""#;
        for part in [live, r#"<section id="entries" hidden>"#, r#"<div class="empty" id="no-entries">"#] {
            assert!(empty.body.contains(part), "{part} in {}", empty.body);
        }
        record(&app, json!({"firstname": "Ana", "lastname": "x"}));
        let page = browse(&app, "GET", "/table", "", "");
        for part in [r#"data-change="1""#, r#"<section id="entries">"#, r#"<tr data-id="1"><td class="time">"#] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert!(!page.body.contains("no-entries"), "{}", page.body);
        // The script copies these: one as the row above it, one with the place of an amendment.
        let (_, blank) = page.body.split_once(r#"<template id="blank-rows">"#).unwrap();
        let (blank, _) = blank.split_once("</template>").unwrap();
        let tags = |html: &str| -> Vec<String> {
            let tags = html.split('<').skip(1).filter_map(|tag| tag.split(['>', ' ']).next());
            tags.map(str::to_owned).collect()
        };
        let (_, row) = page.body.split_once("<tbody>\n<tr data-id").unwrap();
        let (row, _) = row.split_once("</tr>").unwrap();
        let (stands, amended) = blank.split_once("</tr>").unwrap();
        assert_eq!(tags(stands), [&["tr".to_owned()], &*tags(row)].concat());
        assert!(amended.contains("class=\"gone\"") && amended.contains("<q dir=\"auto\"></q>"), "{amended}");
        for path in ["/table/view/date:20190623", "/table/view/date:20190625", "/table/people?from=20190624&to=20190624"] {
            let other = browse(&app, "GET", path, "", "");
            assert!(!other.body.contains("live-entries") && !other.body.contains("/assets/live-"), "{path}");
        }
    }

    fn the_figures_of_a_sheet_are_read_without_its_rows(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T15:59:00Z");
        for name in ["Ana", "Ben"] {
            record(&app, json!({"firstname": name, "lastname": "x", "gate": "A"}));
        }
        let voided = record(&app, json!({"firstname": "Gone", "lastname": "x"}));
        assert_eq!(browse(&app, "POST", &format!("/table/entry/{voided}/void"), "", "reason=r").status, 303);
        for filter in ["", "&include=amended", "&gate=A", "&q=n"] {
            let path = format!("/table/view/date:20190624?rows=none{filter}");
            let page = browse(&app, "GET", &path, "", "");
            assert_page(&page, 200);
            for part in ["<strong>2</strong> entries", "data-part=\"overview\">", "<div data-part=\"new-day\"></div>"] {
                assert!(page.body.contains(part), "{path}: {part} in {}", page.body);
            }
            assert!(!page.body.contains("Ana x"), "{}", page.body);
            assert_eq!(page.header("rollcall-change"), Some("4"));
        }
        // Other forms do not know the parameter.
        assert_eq!(app.get("/table/view/date:20190624?rows=none&rows=1").json().as_array().unwrap().len(), 2);

        app.set_now("2019-06-24T16:00:00Z");
        let page = browse(&app, "GET", "/table/view/date:20190624?rows=none", "", "");
        for part in ["A new day has begun", "<strong data-part=\"inside\">2</strong>"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        let page = browse(&app, "GET", "/table/view/date:20190624", "", "");
        assert!(!page.body.contains("A new day has begun"), "{}", page.body);
    }

    fn the_list_of_those_inside_is_for_paper(store: StoreKind) {
        let app = start(store, Access::Open);
        app.set_now("2019-06-24T12:00:00Z");
        let empty = browse(&app, "GET", "/table/inside", "", "");
        assert_page(&empty, 200);
        assert!(empty.body.contains("Nobody is inside"), "{}", empty.body);
        for (name, gate) in [("Zoe", Some("A")), ("Ana", Some("B <1>")), ("Ben", None)] {
            record(&app, json!({"firstname": name, "lastname": name, "gate": gate}));
        }
        let page = browse(&app, "GET", "/table/inside", "", "");
        assert_page(&page, 200);
        for part in ["3 people are inside", "2019-06-24 20:00:00", "Nobody was recorded as going out", "<b>Ana</b> Ana", "B &#60;1&#62;", "20:00</time>"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert_eq!(page.body.matches("class=\"box\"").count(), 3);
        let position = |page: &Answer, text: &str| page.body.find(text).unwrap();
        assert!(position(&page, "<b>Ana") < position(&page, "<b>Ben") && position(&page, "<b>Ben") < position(&page, "<b>Zoe"));
        let by_gate = browse(&app, "GET", "/table/inside?by=gate", "", "");
        assert!(position(&by_gate, "<h2><bdi>A</bdi> ") < position(&by_gate, "<b>Zoe"), "{}", by_gate.body);
        assert!(by_gate.body.contains("<h2><bdi>No gate named</bdi> "), "{}", by_gate.body);

        record(&app, json!({"firstname": "Ben", "lastname": "Ben", "direction": "out"}));
        let page = browse(&app, "GET", "/table/inside?gate=A", "", "");
        for part in ["1 person is inside", "where the last gate was <bdi>A</bdi>"] {
            assert!(page.body.contains(part), "{part} in {}", page.body);
        }
        assert!(!page.body.contains("Nobody was recorded as going out"), "{}", page.body);
    }
}
