"""The sheet of a day: searched, filtered, leafed through, downloaded and printed."""

import csv
import io
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from attendance import Crowd, midnight
from paper import paper_text

DAY = "/table/view/date:20260921"
DAY_BEFORE = "/table/view/date:20260920"


@pytest.fixture
def days(service):
    """Two days of entries. The first one also has an entry that was voided, and one that was corrected."""
    crowd = Crowd(40)
    service.import_entries(crowd.day(midnight(2026, 9, 20)) + crowd.day(midnight(2026, 9, 21)))
    first, second, *_ = service.get(DAY)
    service.void(first, "counted twice")
    service.correct(second, "wrong gate", gate="Visitors")
    return service


@pytest.fixture
def reader(days, visit, scripted):
    visitor = visit(days, scripted=scripted)
    visitor.sign_in(days.token("desk", "reader"))
    return visitor


def shown(page):
    """The rows of the sheet, by cell."""
    return page.locator("table.entries tbody tr").evaluate_all(
        "rows => rows.map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )


def expected(entries):
    return [
        [
            entry["login"][11:16],
            f"{entry['firstname']} {entry['lastname']}",
            entry["person_ref"] or "",
            entry["direction"],
            entry["gate"] or "",
        ]
        for entry in entries
    ]


def test_a_sheet_has_the_entries_that_its_json_has(days, reader):
    page = reader.open(DAY)
    entries = days.get(DAY)
    assert len(entries) == 79
    assert shown(page) == expected(entries)
    figures = page.locator(".figures li").all_inner_texts()
    assert figures == ["79 entries", "40 people"]


def test_a_search_and_filters_show_a_part(days, reader):
    page = reader.open(DAY)
    name = days.get(DAY)[5]["lastname"]
    page.get_by_label("Name contains").fill(name)
    reader.press("Show")
    found = days.get(f"{DAY}?q={quote(name)}")
    assert 0 < len(found) < 79 and shown(page) == expected(found)

    page.get_by_label("Gate", exact=True).fill("North")
    page.get_by_label("Direction").select_option("out")
    reader.press("Show")
    narrower = [entry for entry in found if (entry["gate"], entry["direction"]) == ("North", "out")]
    assert len(narrower) < len(found) and shown(page) == expected(narrower)
    assert page.get_by_label("Name contains").input_value() == name

    page.get_by_label("Name contains").fill("nobody is called this")
    reader.press("Show")
    expect(page.get_by_text("No entry of this day matches.")).to_be_visible()
    reader.follow("Show all of this day")
    assert len(shown(page)) == 79


def test_amended_entries_are_shown_on_request(days, reader):
    page = reader.open(DAY)
    page.get_by_label("voided and replaced too").check()
    reader.press("Show")
    assert len(shown(page)) == 81
    assert page.locator("tr.gone").count() == 2


def test_the_day_before_is_a_link_away(days, reader):
    page = reader.open(DAY)
    reader.follow("Day before")
    assert reader.path == DAY_BEFORE
    assert shown(page) == expected(days.get(DAY_BEFORE))
    reader.follow("Day after")
    assert reader.path == DAY


def test_a_day_is_chosen_by_its_date(days, reader):
    page = reader.open("/table")
    page.get_by_label("Day", exact=True).fill("2026-09-20")
    reader.press("Show")
    assert shown(page) == expected(days.get(DAY_BEFORE))


@pytest.mark.parametrize("link, encoding", [("CSV", "utf-8"), ("CSV for a spreadsheet", "utf-8-sig")])
def test_the_csv_has_what_the_filtered_page_has(days, reader, link, encoding):
    page = reader.open(f"{DAY}?direction=in")
    with page.expect_download() as downloading:
        page.get_by_role("link", name=link, exact=True).click()
    download = downloading.value
    assert download.suggested_filename == "attendance-20260921.csv"
    content = open(download.path(), "rb").read()
    assert content.startswith(b"\xef\xbb\xbf") == (encoding == "utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(content.decode(encoding), newline="")))
    entries = days.get(f"{DAY}?direction=in")
    members = ["login", "firstname", "lastname", "person_ref", "direction", "gate", "entry_id", "received_at"]
    assert [[row[member] for member in members] for row in rows] == [
        [entry[member] for member in members] for entry in entries
    ]
    # Rows on the page and in the file are the same.
    assert [row["time"][:5] for row in rows] == [row[0] for row in shown(page)]


def test_hours_of_people(days, reader):
    page = reader.open("/table/people?first=2026-09-20&last=2026-09-21")
    people = days.get("/table/people?from=20260920&to=20260921")
    assert len(people) == 80
    rows = shown(page)
    assert [row[1] for row in rows] == [f"{person['firstname']} {person['lastname']}" for person in people]


def test_a_printed_sheet_has_rows_and_no_controls(days, reader):
    page = reader.open(DAY)
    page.emulate_media(media="print")
    for control in page.get_by_role("button").all() + page.get_by_role("navigation").all():
        expect(control).not_to_be_visible()
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator("table.entries tbody tr").last).to_be_visible()
    text = paper_text(page)
    # The head of the table is on each sheet of paper.
    sheets = [sheet for sheet in text.split("\f") if sheet.strip()]
    assert len(sheets) > 1
    for sheet in sheets[1:]:
        assert "Badge" in sheet
    for entry in days.get(DAY):
        assert entry["person_ref"] in text


def test_the_list_for_a_fire_drill(service, visit, scripted):
    for name in ("Arvin", "Maricel", "Jomar"):
        service.record(name, "Cudanin", gate="North")
    service.record("Jomar", "Cudanin", gate="North", direction="out")
    visitor = visit(service, scripted=scripted)
    page = visitor.sign_in(service.token("desk", "reader"), "/table/inside")
    expect(page.get_by_role("heading", level=1)).to_have_text("2 people are inside")
    page.emulate_media(media="print")
    boxes = page.locator(".checklist li .box")
    assert boxes.count() == 2
    expect(boxes.first).to_be_visible()
    expect(page.get_by_role("link", name="By gate")).not_to_be_visible()
