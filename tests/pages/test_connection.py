"""Today's sheet says when it is not current, and catches up."""

import re

import pytest
from playwright.sync_api import expect

NOT_CURRENT = re.compile(r"not current since \d\d:\d\d")


@pytest.fixture
def watcher(service, visit):
    visitor = visit(service)
    visitor.sign_in(service.token("desk", "reader"))
    service.record("Arvin", "Cudanin")
    visitor.page.get_by_role("link", name="Arvin Cudanin").wait_for()
    return visitor


def notice(page):
    return page.locator("main").get_by_text(NOT_CURRENT)


def test_a_computer_that_was_offline_catches_up(service, watcher):
    watcher.expect("ERR_INTERNET_DISCONNECTED")
    watcher.context.set_offline(True)
    expect(notice(watcher.page)).to_contain_text("Connection lost", timeout=30_000)
    service.record("Zoë", "Weiß")
    assert watcher.page.get_by_role("link", name="Zoë Weiß").count() == 0
    watcher.context.set_offline(False)
    expect(watcher.page.get_by_role("link", name="Zoë Weiß")).to_be_visible(timeout=30_000)
    expect(notice(watcher.page)).not_to_be_visible()


def test_a_service_that_was_away_is_caught_up_with(service, watcher):
    watcher.expect("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE", "ERR_INCOMPLETE_CHUNKED_ENCODING")
    service.kill()
    expect(notice(watcher.page)).to_contain_text("Connection lost", timeout=30_000)
    service.start()
    service.record("Zoë", "Weiß")
    expect(watcher.page.get_by_role("link", name="Zoë Weiß")).to_be_visible(timeout=60_000)
    expect(notice(watcher.page)).not_to_be_visible()


def test_a_store_that_was_away_is_caught_up_with(cluster, database, start, visit):
    service = start(database, DATABASE_TIMEOUT_SECONDS="1")
    visitor = visit(service)
    page = visitor.sign_in(service.token("desk", "reader"))
    visitor.expect(503)
    cluster.stop()
    try:
        expect(notice(page)).to_contain_text("The service cannot answer now", timeout=60_000)
    finally:
        cluster.start()
    service.record("Zoë", "Weiß")
    expect(page.get_by_role("link", name="Zoë Weiß")).to_be_visible(timeout=60_000)
    expect(notice(page)).not_to_be_visible()


def test_a_session_that_ended_leads_to_the_sign_in_and_back(service, watcher):
    watcher.expect(401)
    assert service.ask("POST", "/admin/tokens/desk/revoke")[0] == 200
    expect(notice(watcher.page)).to_contain_text("You are signed out", timeout=30_000)
    watcher.follow("Sign in again")
    watcher.send_token(service.token("desk-2", "reader"))
    assert watcher.path == "/table"
    expect(watcher.page.get_by_role("link", name="Arvin Cudanin")).to_be_visible()
