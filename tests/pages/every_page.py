"""Every page of a site where people work: by its name, how it is reached."""

import datetime

from playwright.sync_api import expect

from attendance import HARD_NAMES, Crowd, midnight
from service import ADMIN

DAY = "/table/view/date:20260921"
MARKUP = "<script>alert(1)</script>"
MARKED_UP = {"firstname": MARKUP, "lastname": '"><img src=x onerror=alert(1)>'}
MARKED_UP |= {"gate": "'><svg onload=alert(1)>", "person_ref": "</td><script>alert(1)</script>"}


class Site:
    """A service with entries of two days, amendments and tokens."""

    def __init__(self, service):
        self.service = service
        now = datetime.datetime.now(datetime.UTC)
        crowd = Crowd(25)
        service.import_entries(crowd.day(midnight(2026, 9, 21)) + crowd.day(now - datetime.timedelta(hours=12)))
        for moment in ({"occurred_at": "2026-09-21T12:00:00Z"}, {}):
            for firstname, lastname in HARD_NAMES:
                service.record(firstname, lastname, gate="Loading bay", person_ref="B-2001", **moment)
            service.record("x", "y", gate="G" * 100, person_ref="R" * 100, **moment)
        service.record(**MARKED_UP, occurred_at="2026-09-21T12:30:00Z")
        self.entry = service.record(**MARKED_UP)
        self.voided = service.record(**MARKED_UP)
        service.void(self.voided, MARKUP)
        self.replaced = service.record(**MARKED_UP)
        self.replacement = service.correct(self.replaced, MARKUP, person_ref=MARKUP)
        service.token("gate-" + "g" * 58, "gate", gate="G" * 100)
        service.token("marked-up-gate", "gate", gate=MARKED_UP["gate"])
        service.token("revoked", "reader")
        service.ask("POST", "/admin/tokens/revoked/revoke")
        self.clerk = service.token("clerk-" + "c" * 57, "clerk")
        self.new_tokens = 0


def entry(member):
    def open_entry(visitor, site):
        visitor.sign_in(site.clerk, f"/table/entry/{getattr(site, member)['entry_id']}")

    return open_entry


def at(path):
    return lambda visitor, site: visitor.sign_in(ADMIN, path)


def problem(path, status):
    def open_problem(visitor, site):
        visitor.sign_in(site.clerk)
        visitor.open(path, status)

    return open_problem


def make_token(visitor, site):
    page = visitor.sign_in(ADMIN, "/admin/tokens")
    site.new_tokens += 1
    page.get_by_label("Name", exact=True).fill(f"{'n' * 60}-{site.new_tokens}")
    page.get_by_role("radio", name="gate").first.check()
    page.locator("#gate").fill("W" * 100)
    visitor.press("Make the token")


def send_a_wrong_entry(visitor, site):
    page = visitor.sign_in(site.clerk)
    page.get_by_text("Record an entry by hand").click()
    for field, value in MARKED_UP.items():
        page.locator(f"#new-{field}").fill(value)
    page.locator("#new-occurred_at").fill("W" * 100)
    visitor.expect(400)
    visitor.press("Record")


def send_a_wrong_correction(visitor, site):
    page = visitor.sign_in(site.clerk, f"/table/entry/{site.entry['entry_id']}")
    page.get_by_text("Correct this entry").click()
    page.locator("#occurred_at").fill("yesterday")
    page.locator("#correct-reason").fill(MARKUP)
    visitor.expect(400)
    visitor.press("Record the correction")


def send_a_wrong_token_name(visitor, site):
    page = visitor.sign_in(ADMIN, "/admin/tokens")
    page.get_by_label("Name", exact=True).fill("revoked")
    page.get_by_role("radio", name="gate").first.check()
    page.locator("#gate").fill("W" * 100)
    visitor.expect(409)
    visitor.press("Make the token")


def documents(*routes):
    def open_documents(visitor, site):
        page = visitor.open("/docs")
        for route in routes:
            page.locator(f"[id$=-{route}] .opblock-summary-control").click()
        expect(page.locator(".opblock-body")).to_have_count(len(routes))

    return open_documents


def try_a_route_out(visitor, site):
    page = visitor.open("/docs")
    page.locator("[id$=-view_health] .opblock-summary-control").click()
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table")).to_contain_text('"status"')


def authorize(visitor, site):
    page = visitor.open("/docs")
    page.get_by_role("button", name="Authorize").first.click()
    expect(page.get_by_role("button", name="Apply credentials").first).to_be_visible()


def send_a_wrong_token(visitor, site):
    visitor.expect(401)
    visitor.sign_in("rollcall_wrong")


PAGES = {
    "sign in": lambda visitor, site: visitor.open("/session"),
    "start": lambda visitor, site: visitor.open("/table"),
    "wrong token": send_a_wrong_token,
    "today": at("/table"),
    "a day": at(DAY),
    "a day with amended entries": at("/table/view/date:today?include=amended"),
    "a search": at(f"{DAY}?q=%3Cscript%3Ealert(1)%3C/script%3E&gate=%27%3E%3Csvg%20onload=alert(1)%3E"),
    "a search without a result": at(f"{DAY}?q=%3Cscript%3E%22%27&gate=%3Cscript%3E"),
    "an empty day": at("/table/view/date:19700101"),
    "people": at("/table/people?first=2026-09-21&last=2026-09-21"),
    "no people": at("/table/people?first=1970-01-01&last=1970-01-02"),
    "inside by name": at("/table/inside?by=name"),
    "inside by gate": at("/table/inside?by=gate"),
    "gates": at("/table/gates"),
    "an entry": entry("entry"),
    "a voided entry": entry("voided"),
    "a replaced entry": entry("replaced"),
    "a replacement": entry("replacement"),
    "tokens": at("/admin/tokens"),
    "a new token": make_token,
    "not found": problem("/table/entry/" + "x" * 100, 404),
    "invalid date": problem("/table/view/date:20260231", 400),
    "invalid query": problem("/table/people?from=1&to=2&format=html", 400),
    "forbidden": problem("/admin/tokens", 403),
    "a refused entry": send_a_wrong_entry,
    "a refused correction": send_a_wrong_correction,
    "a refused token": send_a_wrong_token_name,
    "documents": documents(),
    "documents of routes": documents("create_entry", "view_sheet", "void_entry", "delete_token"),
    "a route tried out": try_a_route_out,
    "a token for what is tried out": authorize,
}

PAGES_OF_ENTRIES = {"an entry", "a voided entry", "a replaced entry", "a replacement"}
PAGES_WITH_NAMES = PAGES_OF_ENTRIES | {
    "today", "a day", "a day with amended entries", "a search", "people", "inside by name", "inside by gate",
}
