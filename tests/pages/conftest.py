"""Shared by the tests: a browser, stores and services."""

import os
import pathlib
import tempfile

import pytest
from playwright.sync_api import expect, sync_playwright

# Before the import, so that a failed assertion in these shows its values.
pytest.register_assert_rewrite("service", "visitor")
from service import Cluster, Embedded, Service  # noqa: E402
from visitor import Visitor  # noqa: E402

# Chromium's own requests, and every host but this machine, are switched off.
CHROMIUM = [
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
]

# The machine may be busy with something else.
expect.set_options(timeout=30_000)

measured = []


@pytest.fixture(scope="session")
def chromium():
    with sync_playwright() as playwright:
        # Chromium's sandbox does not work for root.
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=CHROMIUM, chromium_sandbox=os.geteuid() != 0
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def cluster():
    cluster = Cluster(pathlib.Path(tempfile.gettempdir()) / f"postgres-{os.environ.get('PYTEST_XDIST_WORKER', 0)}")
    yield cluster
    cluster.destroy()


def pytest_generate_tests(metafunc):
    """Runs a test on both stores, and with and without script. What a page does without script is the same on both."""
    wanted = {"store", "scripted"} & set(metafunc.fixturenames)
    if wanted == {"store", "scripted"}:
        ways = [("embedded", True), ("embedded", False), ("database", True)]
        ids = ["embedded-script", "embedded-no script", "database-script"]
        metafunc.parametrize("store, scripted", ways, ids=ids, indirect=["store"])
    elif "store" in wanted:
        metafunc.parametrize("store", ["embedded", "database"], indirect=True)
    elif "scripted" in wanted:
        metafunc.parametrize("scripted", [True, False], ids=["script", "no script"])


@pytest.fixture
def store(request):
    """A new store of either kind."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def embedded(tmp_path):
    return Embedded(tmp_path)


@pytest.fixture
def database(cluster):
    return cluster.create_database()


@pytest.fixture
def start(tmp_path):
    """Starts services."""
    services = []

    def start(store, **settings):
        services.append(Service(tmp_path, store, **settings))
        return services[-1]

    yield start
    for service in services:
        service.kill()


@pytest.fixture
def service(start, store):
    """A service that asks for tokens, on either store."""
    return start(store)


@pytest.fixture
def visit(chromium):
    """Opens browsers, and checks at the end what their pages did."""
    visitors = []

    def visit(service, **options):
        visitors.append(Visitor(chromium, service.url, **options))
        return visitors[-1]

    yield visit
    for visitor in visitors:
        visitor.close()


@pytest.fixture
def report():
    """Keeps a measured figure for the end of the run."""
    return measured.append


def pytest_terminal_summary(terminalreporter):
    for line in measured:
        terminalreporter.write_line(f"measured: {line}")
