"""What gates say of themselves: on their own page, and in words on today's sheet."""

import datetime
import json

from playwright.sync_api import expect


def send_batch(service, token, entries=(), **report):
    """Sends what a gate collected, and what it says of the rest."""
    body = {"entries": list(entries), "as_of": datetime.datetime.now(datetime.UTC).isoformat(), **report}
    status, text = service.ask("POST", "/table/batch", body, token)
    assert status == 200, text
    return json.loads(text)["results"]


def midnight_today():
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT00:00:00Z")


def test_the_sheet_says_up_to_when_it_is_complete(service, visit):
    token = service.token("north-gate", "gate", gate="North")
    send_batch(service, token, pending=1, oldest_pending=midnight_today())
    visitor = visit(service)
    page = visitor.sign_in(service.token("desk", "reader"))
    completeness = page.locator("[data-part=completeness]")
    expect(completeness).to_contain_text("Complete until 00:00")
    send_batch(service, token, [{
        "entry_id": "01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f", "firstname": "Arvin", "lastname": "Cudanin",
    }])
    # In the open window.
    expect(page.get_by_role("link", name="Arvin Cudanin")).to_be_visible()
    expect(completeness).not_to_contain_text("Complete until 00:00")
    until = page.request.get("/table/view/date:today").headers["rollcall-complete-until"]
    expect(completeness.locator("time")).to_have_text(until[11:16])


def test_the_sheet_names_a_gate_that_is_silent(service, store, visit, scripted):
    send_batch(service, service.token("north-gate", "gate", gate="North"))
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    completeness = page.locator("[data-part=completeness]")
    expect(completeness).to_contain_text("Complete until")
    expect(completeness).not_to_contain_text("has not reported")
    visitor.open("/table/people")
    # What a process knows of tokens that were used, it stores at its end.
    service.stop()
    store.set_back("gate_contacts", "last_contact", minutes=3)
    store.set_back("token_uses", "last_seen_at", minutes=3)
    service.start()
    visitor.open("/table")
    expect(completeness).to_contain_text("gate North has not reported since")


def test_the_gates_page_tells_what_a_gate_still_holds(service, visit, scripted):
    token = service.token("north-gate", "gate", gate="North")
    service.token("south-gate", "gate", gate="South")
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    send_batch(service, token, pending=3, oldest_pending=midnight_today())
    visitor.follow("Gates")
    north = page.get_by_role("row").filter(has_text="north-gate")
    expect(north).to_contain_text("North")
    expect(north.locator("td.number")).to_have_text("3")
    expect(north).to_contain_text("00:00")
    expect(page.get_by_role("row").filter(has_text="south-gate").locator("td.number")).to_have_text("–")
    # What it still holds is missing on the sheet.
    visitor.open("/table")
    expect(page.locator("[data-part=completeness] time").first).to_have_text("00:00")
