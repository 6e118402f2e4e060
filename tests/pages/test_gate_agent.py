"""A gate's own computer: what is recorded there is on the upstream's open sheet, and its pages say what waits."""

from playwright.sync_api import expect

from service import Embedded


def test_an_agent_tells_what_waits_until_the_upstream_is_back(start, database, visit, tmp_path):
    upstream = start(database)
    token = upstream.token("north-gate", "gate", gate="North")
    watcher = visit(upstream)
    watcher.sign_in(upstream.token("desk", "reader"))
    agent = start(
        Embedded(tmp_path), access="open", ROLLCALL_UPSTREAM=upstream.url, ROLLCALL_UPSTREAM_TOKEN=token
    )
    agent.record("Arvin", "Cudanin")
    expect(watcher.page.get_by_role("link", name="Arvin Cudanin")).to_be_visible()

    upstream.kill()
    watcher.expect("ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_EMPTY_RESPONSE")
    agent.record("Zoë", "Weiß")
    guard = visit(agent)
    notice = guard.page.get_by_role("status")
    wait_for_notice(guard, notice, shown=True)
    expect(notice).to_contain_text("1 entry waits here since")
    expect(notice).to_contain_text("Nothing accepts connections at the upstream's address")

    upstream.start()
    expect(watcher.page.get_by_role("link", name="Zoë Weiß")).to_be_visible(timeout=60_000)
    wait_for_notice(guard, notice, shown=False)


def wait_for_notice(visitor, notice, shown):
    """Loads the page until it has the notice, or no longer has it."""
    visitor.open("/table")
    for _ in range(200):
        if notice.is_visible() == shown:
            return
        visitor.page.wait_for_timeout(100)
        visitor.page.reload()
    expect(notice).to_be_visible(visible=shown)
