"""Pages that help where something is wrong."""

from playwright.sync_api import expect


def test_an_address_that_does_not_exist(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    visitor.open("/table/entry/01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f", 404)
    expect(page.get_by_text("not_found")).to_be_visible()
    visitor.follow("Today’s sheet")
    assert visitor.path == "/table"


def test_a_date_that_does_not_exist(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    visitor.open("/table/view/date:20260231", 400)
    expect(page.get_by_text("Invalid date. Use YYYYMMDD.")).to_be_visible()


def test_every_problem_has_its_request_id(service, visit, scripted):
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"))
    visitor.expect(404)
    answer = page.goto("/table/entry/none")
    expect(page.get_by_text(answer.header_value("x-request-id"))).to_be_visible()


def test_a_store_that_is_away(cluster, database, start, visit, scripted):
    service = start(database, DATABASE_TIMEOUT_SECONDS="1")
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"), "/table/people")
    cluster.stop()
    try:
        visitor.expect(503)
        visitor.follow("Inside")
        expect(page.get_by_text("store_unavailable")).to_be_visible()
        visitor.follow("Today")
        expect(page.get_by_text("cannot be read now")).to_be_visible()
        visitor.open("/table/inside", 503)
    finally:
        cluster.start()
    visitor.follow("Try again")
    expect(page.get_by_text("Nobody is inside.")).to_be_visible()
