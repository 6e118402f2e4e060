"""Today's sheet in an open window: what a gate posts appears without a reload."""

import statistics
import time

import pytest
from playwright.sync_api import expect

from every_page import MARKED_UP


@pytest.fixture(params=["one process", "two replicas"])
def processes(request, start):
    """The process that gates post to, and the one that pages come from."""
    if request.param == "one process":
        service = start(request.getfixturevalue("embedded"))
        return service, service
    database = request.getfixturevalue("database")
    return start(database), start(database)


@pytest.fixture
def gate(processes):
    return processes[0]


@pytest.fixture
def watcher(processes, visit):
    """Somebody who has today's sheet open. The window is not loaded again."""
    _, service = processes
    visitor = visit(service)
    visitor.sign_in(service.token("desk", "reader"))
    visitor.page.evaluate("window.isFirst = true")
    yield visitor
    assert visitor.page.evaluate("window.isFirst")


def row(page, entry):
    return page.locator("table.entries tbody tr").filter(has=page.locator(f"a[href$='{entry['entry_id']}']"))


def test_an_entry_appears_within_a_second(gate, watcher, report):
    expect(watcher.page.get_by_text("Nobody has passed a gate yet today.")).to_be_visible()
    seconds = []
    for number in range(7):
        entry = gate.record("Arvin", f"Cudanin {number}", gate="North")
        stored = time.monotonic()
        row(watcher.page, entry).wait_for()
        seconds.append(time.monotonic() - stored)
    report(f"entries appeared after {', '.join(f'{second:.2f}' for second in sorted(seconds))} s")
    # This machine may be busy with something else for a moment.
    assert statistics.median(seconds) < 1
    expect(watcher.page.get_by_text("Nobody has passed a gate yet today.")).to_have_count(0)


def test_rows_are_as_after_a_reload(gate, watcher, visit):
    page = watcher.page
    for direction in ("in", "out"):
        entry = gate.record("Zoë", "Weiß", gate="North", direction=direction, person_ref="B-1042")
    marked_up = gate.record(**MARKED_UP)
    row(page, marked_up).wait_for()
    expect(row(page, marked_up)).to_contain_text(f"{MARKED_UP['firstname']} {MARKED_UP['lastname']}")
    expect(page.locator("[data-part=entries]")).to_have_text("3 entries")
    expect(page.locator("[data-part=people]")).to_have_text("2 people")
    again = visit(gate)
    again.sign_in(gate.token("desk-2", "reader"))
    assert texts(page) == texts(again.page)
    for part in ("entries", "people", "inside"):
        parts = [window.locator(f"[data-part={part}]").inner_text() for window in (page, again.page)]
        assert parts[0] == parts[1]
    assert row(page, entry).get_by_role("link").get_attribute("href") == f"/table/entry/{entry['entry_id']}"


def test_amendments_change_the_rows_that_are_there(gate, watcher):
    page = watcher.page
    voided = gate.record("Arvin", "Cudanin", gate="North")
    replaced = gate.record("Zoe", "Weiss", gate="North")
    row(page, replaced).wait_for()
    gate.void(voided, "counted twice")
    replacement = gate.correct(replaced, "misspelt", lastname="Weiß")
    row(page, replacement).wait_for()
    expect(row(page, voided)).to_contain_text("voided")
    expect(row(page, voided)).to_contain_text("counted twice")
    expect(row(page, replaced)).to_contain_text("replaced")
    expect(page.locator("[data-part=entries]")).to_have_text("1 entry")


def test_a_filtered_sheet_gets_what_passes_the_filter(gate, processes, watcher, visit):
    visitor = visit(processes[1])
    page = visitor.sign_in(gate.token("desk-2", "reader"), "/table/view/date:today?gate=North&q=weiss")
    gate.record("Zoe", "Weiss", gate="South")
    gate.record("Arvin", "Cudanin", gate="North")
    yesterday = gate.record("Zoe", "Weiss", gate="North", occurred_at="2026-09-21T08:00:00Z")
    shown = gate.record("Zoé", "WEISS", gate="North")
    row(page, shown).wait_for()
    assert page.locator("table.entries tbody tr").count() == 1
    expect(row(watcher.page, shown)).to_have_count(1)
    assert row(watcher.page, yesterday).count() == 0


def test_arrivals_are_announced_politely(gate, watcher):
    announced = watcher.page.locator("[aria-live=polite]").filter(has=watcher.page.locator("#announcement"))
    gate.record("Arvin", "Cudanin", gate="North")
    expect(announced).to_contain_text("Arvin Cudanin, in, North")


def test_without_script_a_reload_shows_what_is_new(gate, processes, visit):
    visitor = visit(processes[1], scripted=False)
    page = visitor.sign_in(gate.token("desk", "reader"))
    entry = gate.record("Arvin", "Cudanin", gate="North")
    page.reload()
    expect(row(page, entry)).to_contain_text("Arvin Cudanin")


def texts(page):
    return page.locator("table.entries tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )
