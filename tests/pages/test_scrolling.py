"""A day with 10,000 entries in a browser."""

from attendance import Crowd, midnight

OBSERVE = """() => {
  window.longTasks = [];
  new PerformanceObserver((list) => {
    window.longTasks.push(...list.getEntries().map((entry) => entry.duration));
  }).observe({type: "longtask", buffered: true});
}"""

# Scrolls by ten windows in each frame. Returns how long each frame took.
SCROLL = """() => new Promise((resolve) => {
  const frames = [];
  let before = performance.now();
  function step(now) {
    frames.push(now - before);
    before = now;
    const root = document.documentElement;
    if (root.scrollTop + root.clientHeight >= root.scrollHeight - 1) return resolve(frames);
    window.scrollBy({top: root.clientHeight * 10, behavior: "instant"});
    requestAnimationFrame(step);
  }
  requestAnimationFrame(step);
})"""


def test_a_day_with_10000_entries_scrolls(start, embedded, chromium, visit, report):
    service = start(embedded)
    service.import_entries(Crowd(5000).day(midnight(2026, 9, 21)))
    visitor = visit(service)
    page = visitor.sign_in(service.token("desk", "reader"), "/table/view/date:20260921")
    rows = page.locator("table.entries tbody tr")
    assert rows.count() == 10_000
    times = page.evaluate("performance.getEntriesByType('navigation')[0].toJSON()")
    page.evaluate(OBSERVE)
    before = busy(chromium)
    frames = sorted(page.evaluate(SCROLL))
    work = busy(chromium) - before
    bottom = "(row) => row.getBoundingClientRect().bottom"
    assert rows.first.evaluate(bottom) < 0 < rows.last.evaluate(bottom)
    tasks = page.evaluate("window.longTasks")
    report(
        f"10,000 entries: first byte after {times['responseStart']:.0f} ms, ready after "
        f"{times['domContentLoadedEventEnd']:.0f} ms, {times['decodedBodySize'] / 1e6:.1f} MB; {len(frames)} frames of "
        f"scrolling: median {frames[len(frames) // 2]:.0f} ms, longest {frames[-1]:.0f} ms; "
        f"{len(tasks)} long tasks, longest {max(tasks, default=0):.0f} ms; {work * 1000 / len(frames):.1f} ms of processor "
        f"time for each frame"
    )


def busy(browser):
    """The processor time that the browser has had so far, in seconds. The machine may be busy with something else."""
    processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return sum(process["cpuTime"] for process in processes)
