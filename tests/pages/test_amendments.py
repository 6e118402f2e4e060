"""A clerk voids and corrects entries, and sees who did what."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def clerk(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    visitor.sign_in(service.token("anna", "clerk"))
    return visitor


def test_a_clerk_records_by_hand(service, clerk):
    page = clerk.open("/table")
    page.get_by_text("Record an entry by hand").click()
    page.get_by_label("First name").fill("Zoë")
    page.get_by_label("Last name").fill("Weiß")
    page.locator("#new-gate").fill("North")
    clerk.press("Record")
    [entry] = service.get("/table/view/date:today")
    assert (entry["firstname"], entry["lastname"], entry["gate"]) == ("Zoë", "Weiß", "North")
    clerk.open("/table")
    expect(page.get_by_role("link", name="Zoë Weiß")).to_be_visible()


def test_a_clerk_voids_and_restores_an_entry(service, clerk):
    entry = service.record("Arvin", "Cudanin", gate="North")
    page = clerk.open("/table")
    clerk.follow("Arvin Cudanin")
    page.get_by_text("Void this entry").click()
    page.get_by_label("Reason").last.fill("counted twice")
    clerk.press("Void the entry")
    assert clerk.path == f"/table/entry/{entry['entry_id']}"
    expect(page.locator(".badge")).to_have_text("voided")
    expect(page.locator(".trail")).to_contain_text("by anna: counted twice")
    assert service.get("/table/view/date:today") == []

    page.get_by_label("Reason").fill("it was right")
    clerk.press("Record the correction")
    expect(page.locator(".trail")).to_contain_text("made by anna: it was right")
    [restored] = service.get("/table/view/date:today")
    assert restored["login"] == entry["login"] and restored["entry_id"] != entry["entry_id"]


def test_a_clerk_corrects_an_entry(service, clerk):
    entry = service.record("Avin", "Cudanin", gate="North")
    page = clerk.open(f"/table/entry/{entry['entry_id']}")
    page.get_by_text("Correct this entry").click()
    page.get_by_label("First name").fill("Arvin")
    page.get_by_label("Direction").select_option("out")
    page.get_by_label("Reason").first.fill("misspelt")
    clerk.press("Record the correction")
    expect(page.locator(".badge")).to_have_text("replaced")
    clerk.follow("see the replacement")
    expect(page.get_by_role("heading", level=1)).to_have_text("Arvin Cudanin")
    steps = page.locator(".trail li").all_inner_texts()
    assert len(steps) == 3 and "made by anna: misspelt" in steps[2], steps
    [corrected] = service.get("/table/view/date:today")
    assert (corrected["firstname"], corrected["direction"]) == ("Arvin", "out")


def test_a_correction_that_changes_nothing_leads_back(service, clerk):
    entry = service.record("Arvin", "Cudanin")
    page = clerk.open(f"/table/entry/{entry['entry_id']}")
    page.get_by_text("Correct this entry").click()
    page.get_by_label("Reason").first.fill("none")
    clerk.expect(400)
    clerk.press("Record the correction")
    expect(page.get_by_text("nothing_to_correct")).to_be_visible()
    expect(page.get_by_label("Reason")).to_have_value("none")
    page.get_by_label("First name").fill("Irvin")
    clerk.press("Record the correction")
    assert clerk.path == f"/table/entry/{entry['entry_id']}"
    expect(page.locator(".badge")).to_have_text("replaced")


def test_a_form_that_is_wrong_keeps_what_was_typed(service, clerk):
    page = clerk.open("/table")
    fill_in(page, firstname="Zoë", lastname="Weiß", gate="North", occurred_at="yesterday")
    clerk.expect(400)
    clerk.press("Record")
    moment = page.get_by_label("Passed at")
    expect(moment).to_have_value("yesterday")
    expect(moment).to_be_focused()
    expect(page.locator("#new-occurred_at-error")).to_contain_text("RFC 3339")
    for label, value in (("First name", "Zoë"), ("Last name", "Weiß"), ("Gate", "North")):
        expect(page.get_by_label(label, exact=True)).to_have_value(value)
    moment.fill("")
    clerk.press("Record")
    assert clerk.path.startswith("/table/view/date:")
    [entry] = service.get("/table/view/date:today")
    assert (entry["firstname"], entry["lastname"], entry["gate"]) == ("Zoë", "Weiß", "North")


def test_back_leads_to_an_empty_form(service, clerk):
    page = clerk.open("/table")
    fill_in(page, firstname="Zoë", lastname="Weiß")
    entry_id = page.locator("[name=entry_id]").input_value()
    clerk.press("Record")
    assert service.get("/table/view/date:today")[0]["entry_id"] == entry_id
    page.go_back()
    page.get_by_text("Record an entry by hand").click()
    # A page that the browser has kept would have the same id, with which nothing is recorded twice.
    if page.locator("[name=entry_id]").input_value() != entry_id:
        for label in ("First name", "Last name"):
            expect(page.get_by_label(label)).to_have_value("")


def test_a_double_click_records_once(service, clerk):
    page = clerk.open("/table")
    fill_in(page, firstname="Zoë", lastname="Weiß")
    with page.expect_navigation(url="**/table/view/**"):
        page.get_by_role("button", name="Record", exact=True).dblclick()
    expect(page.locator("h1")).to_be_visible()
    assert len(service.get("/table/view/date:today")) == 1


def fill_in(page, **values):
    """Fills in the form to record an entry by hand."""
    page.get_by_text("Record an entry by hand").click()
    for name, value in values.items():
        page.locator(f"#new-{name}").fill(value)


def test_a_reader_sees_no_forms(service, visit, scripted):
    entry = service.record("Arvin", "Cudanin")
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    assert page.get_by_text("Record an entry by hand").count() == 0
    visitor.open(f"/table/entry/{entry['entry_id']}")
    assert page.locator("main form").count() == 0
