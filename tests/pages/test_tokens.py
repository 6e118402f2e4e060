"""An admin makes and revokes tokens."""

from playwright.sync_api import expect

from service import ADMIN


def test_an_admin_makes_and_revokes_a_token(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(ADMIN)
    visitor.follow("Tokens")
    expect(page.get_by_text("No token was made yet.")).to_be_visible()
    page.get_by_label("Name", exact=True).fill("north-gate")
    page.get_by_role("radio", name="gate", exact=False).first.check()
    page.locator("#gate").fill("North")
    visitor.press("Make the token")
    token = page.locator(".secret").inner_text()
    entry = service.record("Arvin", "Cudanin", token=token)
    assert entry["gate"] == "North"

    visitor.follow("All tokens")
    assert token not in page.content()
    row = page.get_by_role("row").filter(has_text="north-gate")
    expect(row).to_contain_text("valid")
    visitor.press("Revoke north-gate")
    expect(row).to_contain_text("revoked")
    assert service.ask("POST", "/table/create", {"firstname": "a", "lastname": "b"}, token)[0] == 401


def test_a_name_that_is_taken_is_mended_in_place(service, visit, scripted):
    service.token("desk", "reader")
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(ADMIN, "/admin/tokens")
    page.get_by_label("Name", exact=True).fill("desk")
    page.get_by_role("radio", name="reader", exact=False).check()
    visitor.expect(409)
    visitor.press("Make the token")
    expect(page.get_by_text("name_taken")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    page.get_by_label("Name", exact=True).fill("desk-2")
    visitor.press("Make the token")
    expect(page.locator(".secret")).to_contain_text("rollcall_")
    assert [(token["name"], token["role"]) for token in service.get("/admin/tokens")["tokens"]] == [
        ("desk", "reader"),
        ("desk-2", "reader"),
    ]


def test_a_double_click_shows_the_new_token(service, visit):
    visitor = visit(service)
    page = visitor.sign_in(ADMIN, "/admin/tokens")
    page.get_by_label("Name", exact=True).fill("desk")
    page.get_by_role("radio", name="reader", exact=False).check()
    page.get_by_role("button", name="Make the token").dblclick()
    token = page.locator(".secret").inner_text()
    assert service.ask("GET", "/table/view/date:today", token=token)[0] == 200


def test_only_an_admin_sees_tokens(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("anna", "clerk"))
    assert page.get_by_role("link", name="Tokens").count() == 0
    visitor.open("/admin/tokens", 403)
    expect(page.get_by_text("forbidden", exact=True)).to_be_visible()
