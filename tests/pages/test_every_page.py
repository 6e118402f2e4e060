"""What holds for every page: no barrier, no overflow, no markup from a name."""

import os
import pathlib

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from every_page import MARKED_UP, MARKUP, PAGES, PAGES_OF_ENTRIES, PAGES_WITH_NAMES, Site
from paper import print_page
from service import Embedded, Service
from visitor import SCREENS, Visitor

# If it is set, pictures of all pages are written into this directory.
PICTURES = os.environ.get("ROLLCALL_TEST_SCREENSHOTS")

# What does not fit into the window, and what is cut off. Regions that scroll may be wider inside.
FIND_OVERFLOW = """() => {
  const found = [];
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth) found.push(`the page: ${root.scrollWidth} > ${root.clientWidth}`);
  for (const element of document.body.querySelectorAll("*")) {
    if (element.closest(".visually-hidden, .skip, svg, input")) continue;
    const style = getComputedStyle(element);
    const cuts = ["hidden", "clip"].includes(style.overflowX) && element.scrollWidth > element.clientWidth;
    const outside = element.getBoundingClientRect().right > root.clientWidth + 1
      && !element.closest(".wide, pre");
    if (cuts || outside) found.push(`${element.tagName} ${element.className}: ${element.textContent.trim().slice(0, 60)}`);
  }
  return found;
}"""

# Elements that only a name with markup can have brought in.
FIND_INJECTED = """() =>
  [...document.querySelectorAll("script, img, iframe, [onload], [onerror]")]
    .map((element) => element.outerHTML)
    .filter((html) => !html.startsWith('<script src="/assets/'))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    service = Service(directory, Embedded(directory))
    yield Site(service)
    service.kill()


# The same page for all tests of it.
@pytest.fixture(scope="module", params=PAGES)
def visitor(request, site, chromium):
    visitor = Visitor(chromium, site.service.url)
    visitor.name = request.param
    PAGES[request.param](visitor, site)
    # Forms that are folded away count too.
    visitor.page.locator("details").evaluate_all("all => all.forEach((details) => { details.open = true; })")
    yield visitor
    visitor.close()


@pytest.fixture
def page(visitor):
    return visitor.page


def test_axe_finds_nothing(page):
    axe = Axe()
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for screen in ("phone", "desktop"):
            show_on(page, screen)
            for violation in axe.run(page).response["violations"]:
                places = [node["html"][:200] + " " + node["failureSummary"] for node in violation["nodes"][:3]]
                found.append((scheme, screen, violation["id"], places))
    page.emulate_media(color_scheme="light")
    assert found == []


def test_nothing_overflows(visitor, page):
    found = {}
    for screen in SCREENS:
        show_on(page, screen)
        save_picture(page, f"{visitor.name}-{screen}")
        found[screen] = page.evaluate(FIND_OVERFLOW)
    page.emulate_media(media="print")
    # The width of A4 without its margins.
    page.set_viewport_size({"width": 703, "height": 1000})
    found["paper"] = page.evaluate(FIND_OVERFLOW)
    page.emulate_media(media="null")
    if PICTURES:
        print_page(page, picture(f"{visitor.name}.pdf"))
    assert found == dict.fromkeys(found, [])


def test_markup_in_a_name_is_text(visitor, page):
    assert page.evaluate(FIND_INJECTED) == []
    if visitor.name in PAGES_WITH_NAMES:
        expect(page.locator("main")).to_contain_text(MARKUP)
        expect(page.locator("main")).to_contain_text(MARKED_UP["lastname"])
    if visitor.name in PAGES_OF_ENTRIES:
        assert page.title().startswith(f"{MARKUP} {MARKED_UP['lastname']}")


def show_on(page, screen):
    width, height = SCREENS[screen]
    page.set_viewport_size({"width": width, "height": height})


def picture(name):
    directory = pathlib.Path(PICTURES)
    directory.mkdir(parents=True, exist_ok=True)
    return directory / name.replace(" ", "-")


def save_picture(page, name):
    if PICTURES:
        page.screenshot(path=picture(f"{name}.png"), full_page=True)
