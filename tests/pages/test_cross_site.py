"""Pages of other sites cannot do anything in the name of somebody who is signed in.

Another port of the same host is another origin, but the same site: the browser sends the cookie along, and the service
refuses the request. Another host is another site: the browser does not even send the cookie."""

import json

import pytest
from playwright.sync_api import expect

from elsewhere import Elsewhere
from service import ADMIN

SAME_SITE = "127.0.0.1"
OTHER_SITE = "localhost"
BOTH = pytest.mark.parametrize("host, code", [(SAME_SITE, "cross_site"), (OTHER_SITE, "unauthenticated")])


@pytest.fixture
def service(start, embedded):
    # What a browser sends does not depend on the store.
    return start(embedded)


@pytest.fixture
def elsewhere():
    elsewhere = Elsewhere()
    yield elsewhere
    elsewhere.close()


@pytest.fixture
def visit_elsewhere(elsewhere, service, visit):
    """Somebody who is signed in opens a page of the other site."""

    def visit_elsewhere(host, page):
        visitor = visit(service)
        visitor.sign_in(ADMIN)
        visitor.origins.add(elsewhere.url(host))
        elsewhere.page = page
        visitor.page.goto(elsewhere.url(host))
        return visitor

    return visit_elsewhere


def form(service, path, fields, enctype="application/x-www-form-urlencoded"):
    inputs = "".join(f"<input type=hidden name='{name}' value='{value}'>" for name, value in fields.items())
    return f"<form method=post action='{service.url}{path}' enctype='{enctype}'>{inputs}<button>Win</button></form>"


@BOTH
@pytest.mark.parametrize("path, fields", [
    ("/table/entry", {"firstname": "Mallory", "lastname": "Evil"}),
    ("/table/entry/ENTRY/void", {"reason": "none"}),
    ("/table/entry/ENTRY/correct", {"reason": "none", "lastname": "Evil"}),
    ("/admin/tokens", {"name": "mallory", "role": "admin"}),
    ("/admin/tokens/desk/revoke", {}),
])
def test_a_form_of_another_site_changes_nothing(service, visit_elsewhere, host, code, path, fields):
    service.token("desk", "reader")
    entry = service.record("Arvin", "Cudanin")
    path = path.replace("ENTRY", entry["entry_id"])
    before = state(service)
    visitor = visit_elsewhere(host, form(service, path, fields))
    visitor.expect(401, 403)
    visitor.press("Win")
    assert visitor.page.url == service.url + path
    expect(visitor.page.locator("main")).to_contain_text(code)
    assert state(service) == before
    # The visitor is still signed in.
    visitor.open("/table/inside")


@BOTH
def test_a_form_cannot_pass_for_a_gate(service, visit_elsewhere, host, code):
    # A text/plain form whose body is JSON.
    name = '{"firstname": "Mallory", "lastname": "Evil", "x": "'
    html = f"""<form method=post action="{service.url}/table/create" enctype="text/plain">
      <input type=hidden name='{name}' value='"}}'><button>Win</button></form>"""
    visitor = visit_elsewhere(host, html)
    # JSON names no icon, so that the browser asks for /favicon.ico.
    visitor.expect(401, 403, 404)
    visitor.press("Win")
    assert json.loads(visitor.page.locator("body").inner_text())["code"] == code
    assert service.get("/table/view/date:today") == []


@BOTH
def test_a_script_of_another_site_changes_and_reads_nothing(service, visit_elsewhere, host, code):
    service.record("Arvin", "Cudanin")
    before = state(service)
    visitor = visit_elsewhere(host, "<title>Elsewhere</title>")
    visitor.expect(401, 403, "ERR_FAILED")
    attempt = """async ([url, body]) => {
      await fetch(`${url}/table/create`, {method: "POST", body, credentials: "include", mode: "no-cors"});
      return fetch(`${url}/table/view/date:today`, {credentials: "include"}).then(() => "read", (error) => error.name);
    }"""
    body = json.dumps({"firstname": "Mallory", "lastname": "Evil"})
    assert visitor.page.evaluate(attempt, [service.url, body]) == "TypeError"
    [blocked] = visitor.complaints
    assert "has been blocked by CORS policy" in blocked
    visitor.complaints.clear()
    assert state(service) == before


@BOTH
def test_nobody_is_signed_in_or_out_by_another_site(service, visit_elsewhere, host, code):
    mallory = service.token("mallory", "reader")
    for path, fields in [("/session", {"token": mallory}), ("/session/end", {})]:
        visitor = visit_elsewhere(host, form(service, path, fields))
        # Without the cookie there is no session to end, which is no error.
        visitor.expect(401, 403)
        visitor.press("Win")
        visitor.open("/table")
        expect(visitor.page.get_by_role("banner")).to_contain_text("env")


@BOTH
def test_no_other_site_frames_a_page(service, visit_elsewhere, host, code):
    visitor = visit_elsewhere(host, "<title>Elsewhere</title>")
    visitor.page.evaluate(
        """(url) => new Promise((resolve) => {
          const frame = document.createElement("iframe");
          frame.onload = resolve;
          frame.src = url;
          document.body.append(frame);
        })""",
        f"{service.url}/table",
    )
    [blocked] = visitor.complaints
    assert "frame-ancestors 'none'" in blocked
    visitor.complaints.clear()


@pytest.mark.parametrize("host", [SAME_SITE, OTHER_SITE])
def test_with_access_open_another_site_cannot_record_by_a_form(start, embedded, elsewhere, visit, host):
    service = start(embedded, access="open")
    visitor = visit(service)
    visitor.origins.add(elsewhere.url(host))
    elsewhere.page = form(service, "/table/entry", {"firstname": "Mallory", "lastname": "Evil"})
    visitor.page.goto(elsewhere.url(host))
    visitor.expect(403)
    visitor.press("Win")
    expect(visitor.page.locator("main")).to_contain_text("cross_site")
    assert service.get("/table/view/date:today") == []


def state(service):
    """Everything that a request could have changed."""
    tokens = [token | {"last_seen_at": None} for token in service.get("/admin/tokens")["tokens"]]
    return service.get("/table/changes?after=0"), tokens
