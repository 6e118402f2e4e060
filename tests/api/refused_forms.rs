//! Forms of pages that were refused: shown as they were filled in, to be mended and sent again.

use rollcall::domain::Access;
use serde_json::json;

use super::pages::{ADMIN, assert_page, browse, make_token, record, start};
use crate::support::{StoreKind, on_both_stores};

const ID: &str = "95844c14-bc2f-4249-8dc5-bd17377c5215";

on_both_stores! {
    fn a_refused_form_is_shown_as_it_was_filled_in(store: StoreKind) {
        let app = start(store, Access::Open);
        let form = |firstname: &str, occurred_at: &str| {
            format!(
                "entry_id={ID}&firstname={firstname}&lastname=Wei%C3%9F&gate=%22%3E&person_ref=&direction=out&\
                 occurred_at={occurred_at}"
            )
        };
        let refused = browse(&app, "POST", "/table/entry", "", &form("", "yesterday"));
        assert_page(&refused, 400);
        let same_id = format!("name=\"entry_id\" value=\"{ID}\"");
        for part in [
            &*same_id,
            "value=\"Weiß\"",
            "value=\"&#34;&#62;\"",
            "<option value=\"out\" selected>",
            "value=\"yesterday\"",
            "id=\"new-firstname-error\">must have",
            "id=\"new-occurred_at-error\">must be",
            "aria-describedby=\"new-firstname-error\" autofocus>",
        ] {
            assert!(refused.body.contains(part), "{part} in {}", refused.body);
        }
        assert!(!refused.body.contains("new-lastname-error"), "{}", refused.body);

        for _ in 0..2 {
            let recorded = browse(&app, "POST", "/table/entry", "", &form("Zo%C3%AB", ""));
            assert_eq!(recorded.status, 303, "{recorded:?}");
        }
        assert_eq!(app.count_rows(), 1);
        // What was recorded cannot change any more: the form is for another entry then.
        let reused = browse(&app, "POST", "/table/entry", "", &form("Zora", ""));
        assert_page(&reused, 422);
        assert!(reused.body.contains("value=\"Zora\"") && !reused.body.contains(ID), "{}", reused.body);
    }

    fn a_refused_amendment_is_shown_as_it_was_filled_in(store: StoreKind) {
        let app = start(store, Access::Open);
        let entry = record(&app, json!({"firstname": "Arvin", "lastname": "Cudanin"}));
        let correct = format!("/table/entry/{entry}/correct");
        let form = format!("entry_id={ID}&firstname=Irvin&lastname=Cudanin&gate=&reason=");
        let refused = browse(&app, "POST", &correct, "", &form);
        assert_page(&refused, 400);
        let (action, same_id) = (format!("action=\"{correct}\""), format!("value=\"{ID}\""));
        for part in [&*action, &same_id, "value=\"Irvin\"", "id=\"correct-reason-error\">must have"] {
            assert!(refused.body.contains(part), "{part} in {}", refused.body);
        }
        let unchanged = browse(&app, "POST", &correct, "", "firstname=Arvin&reason=none");
        assert!(unchanged.status == 400 && unchanged.body.contains("value=\"none\""), "{unchanged:?}");

        let void = browse(&app, "POST", &format!("/table/entry/{entry}/void"), "", "reason=%00");
        assert_page(&void, 400);
        assert!(void.body.contains("id=\"void-reason-error\""), "{}", void.body);
        // There is nothing to mend in these.
        let other = format!("/table/entry/{ID}/void");
        assert!(!browse(&app, "POST", &other, "", "reason=x").body.contains("<form method=\"post\" action=\"/table"));
        assert!(!browse(&app, "POST", &correct, "", "{}").body.contains(&action));
    }

    fn a_refused_token_is_shown_as_it_was_filled_in(store: StoreKind) {
        let app = start(store, Access::Token);
        make_token(&app, json!({"name": "north", "role": "reader"}));
        let refused = browse(&app, "POST", "/admin/tokens", ADMIN, "name=north&role=gate&gate=A&expires_at=");
        assert_page(&refused, 409);
        for part in ["value=\"north\"", "value=\"gate\" required checked", "value=\"A\"", "id=\"name-error\""] {
            assert!(refused.body.contains(part), "{part} in {}", refused.body);
        }
        // Who may not make one does not see the form, nor what was typed.
        let reader = make_token(&app, json!({"name": "desk", "role": "reader"}));
        let forbidden = browse(&app, "POST", "/admin/tokens", &reader, "name=south&role=gate");
        assert_page(&forbidden, 403);
        assert!(!forbidden.body.contains("south"), "{}", forbidden.body);
    }
}
