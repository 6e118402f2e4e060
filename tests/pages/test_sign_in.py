"""Signing in and out, and where that leads."""

import pytest
from playwright.sync_api import expect

from service import ADMIN


def test_a_reader_signs_in_and_out(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.open("/table")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    assert page.locator("table.entries").count() == 0
    visitor.send_token(service.token("desk", "reader"))
    assert visitor.path == "/table"
    expect(page.get_by_role("banner").get_by_text("desk")).to_be_visible()
    expect(page.get_by_text("Nobody has passed a gate yet today")).to_be_visible()
    visitor.press("Sign out")
    assert visitor.path == "/session"
    assert visitor.context.cookies() == []
    visitor.open("/table/inside", 401)
    expect(page.get_by_role("alert")).to_have_text("This page needs a token.")


def test_a_wrong_token_is_refused_and_the_right_one_leads_on(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.open("/table/people?first=2026-09-21&last=2026-09-22", 401)
    visitor.send_token("rollcall_mistyped")
    expect(page.get_by_role("alert")).to_contain_text("This token is not valid")
    visitor.send_token(service.token("desk", "reader"))
    assert page.locator("h1").is_visible()
    assert visitor.path.startswith("/table/people?"), visitor.path


def test_a_session_that_ended_asks_for_the_token_again(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    assert service.ask("POST", "/admin/tokens/desk/revoke")[0] == 200
    visitor.expect(401)
    visitor.follow("People")
    expect(page.get_by_role("alert")).to_have_text("This page needs a token.")
    visitor.send_token(service.token("desk-2", "reader"))
    assert visitor.path.startswith("/table/people"), visitor.path
    expect(page.get_by_role("banner").get_by_text("desk-2")).to_be_visible()


def test_a_session_ends_12_hours_after_its_last_use(service, store, visit):
    visitor = visit(service)
    page = visitor.sign_in(service.token("desk", "reader"), "/table/people")
    service.stop()
    store.set_back("sessions", "last_used_at", minutes=12 * 60)
    service.start()
    visitor.open("/table/inside", 401)
    expect(page.get_by_role("alert")).to_have_text("This page needs a token.")


@pytest.mark.parametrize("next_path", [
    "//elsewhere.example/table",
    "/\\elsewhere.example/table",
    "/\t/elsewhere.example/table",
    "/table/..//elsewhere.example/table",
    "/table/../..//elsewhere.example/",
    "https://elsewhere.example/table",
    "javascript:alert(1)",
    "/table@elsewhere.example",
])
def test_signing_in_leads_to_our_own_pages_only(start, embedded, visit, next_path):
    service = start(embedded)
    visitor = visit(service)
    visitor.page.goto(f"{service.url}/session")
    # In the form, whatever the link to it was.
    visitor.page.locator("input[name=next]").evaluate("(input, path) => input.value = path", next_path)
    visitor.expect(404)
    visitor.send_token(ADMIN)
    assert visitor.page.url.startswith(f"{service.url}/"), visitor.page.url
