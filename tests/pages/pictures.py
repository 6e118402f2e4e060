"""Takes the pictures of the README, for `make pictures`. Not a part of the tests."""

import datetime
import io

import pytest
from PIL import Image

from attendance import Crowd
from service import ROOT

DIRECTORY = ROOT / "docs" / "pictures"
MANILA = datetime.timezone(datetime.timedelta(hours=8))


@pytest.fixture
def service(start, embedded):
    return start(embedded, ROLLCALL_TIMEZONE="Asia/Manila")


@pytest.fixture
def desk(service, visit):
    visitor = visit(service)
    visitor.page.set_viewport_size({"width": 1100, "height": 760})
    visitor.sign_in(service.token("front-desk", "clerk"))
    return visitor


def test_the_sheet_of_a_busy_day(service, desk):
    day = datetime.datetime(2026, 9, 21, tzinfo=MANILA)
    service.import_entries(Crowd(240).day(day))
    take(desk.open("/table/view/date:20260921"), "sheet")


def test_the_list_for_a_fire_drill(service, desk):
    now = datetime.datetime.now(MANILA)
    # Most came more than two hours ago, and some have left.
    start = now - datetime.timedelta(hours=10, minutes=30)
    service.import_entries(Crowd(90).day(start, leave=11, until=now))
    take(desk.open("/table/inside?by=gate"), "inside")


def test_the_trail_of_an_entry(service, desk):
    moment = "2026-09-21T08:02:17+08:00"
    entry = service.record(
        "Ma. Cristina", "Villanueva", gate="North", person_ref="B-1042", occurred_at=moment,
        token=service.token("north-gate", "gate"),
    )
    page = desk.open(f"/table/entry/{entry['entry_id']}")
    page.get_by_text("Correct this entry").click()
    page.get_by_label("First name").fill("Maria Cristina")
    page.get_by_label("Reason").first.fill("The badge has the full name")
    desk.press("Record the correction")
    desk.follow("see the replacement")
    take(page, "entry")


def take(page, name):
    """Takes a picture with at most 256 colours, which makes the file small."""
    page.mouse.move(0, 0)
    picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    file = DIRECTORY / f"{name}.png"
    file.parent.mkdir(exist_ok=True)
    picture.quantize(256, dither=Image.Dither.NONE).save(file, optimize=True)
    assert file.stat().st_size < 150_000
