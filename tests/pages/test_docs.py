"""The API documents: Swagger UI, from this service alone."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def service(start, embedded):
    return start(embedded)


def test_the_documents_open_and_a_request_can_be_tried_out(service, visit):
    visitor = visit(service)
    page = visitor.open("/docs")
    page.locator("[id$=view_health]").first.click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table tbody .response-col_status")).to_have_text("200")
    expect(page.locator(".live-responses-table")).to_contain_text('"status": "ready"')


def test_a_token_is_sent_with_what_is_tried_out(service, visit):
    service.record("Arvin", "Cudanin")
    visitor = visit(service)
    page = visitor.open("/docs")
    page.get_by_role("button", name="Authorize").first.click()
    bearer = page.locator(".auth-container").filter(has_text="http, Bearer")
    bearer.get_by_role("textbox").fill(service.token("desk", "reader"))
    bearer.get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").first.click()
    page.locator("[id$=view_inside]").first.click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text("Cudanin")


def test_without_script_the_documents_are_a_link(service, visit):
    visitor = visit(service, scripted=False)
    page = visitor.open("/docs")
    expect(page.get_by_role("link", name="openapi.json")).to_have_attribute("href", "/openapi.json")
