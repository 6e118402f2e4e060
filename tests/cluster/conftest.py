"""Fixtures of the tests on a real cluster. Each test has a namespace of its own."""

import sys
import uuid

import pytest
from namespace import ROOT, Namespace
from release import Release

# For the tests that run on the model too.
sys.path.append(str(ROOT / "tests" / "chart"))
pytest.register_assert_rewrite("lifecycle")


@pytest.fixture
def namespace(request):
    yield from new_namespace(request)


@pytest.fixture
def database_namespace(request):
    yield from new_namespace(request)


def new_namespace(request):
    """A new namespace. After a failed test the state of its pods is printed."""
    namespace = Namespace(f"rollcall-{uuid.uuid4().hex[:8]}")
    yield namespace
    if request.node.stash.get(FAILED, False):
        logs = ("logs", "--selector", "app.kubernetes.io/name=rollcall", "--prefix")
        for command in (("get", "all"), ("get", "events"), ("describe", "pods"), logs):
            print(namespace.kubectl(*command, check=False).stdout)
    namespace.kubectl("delete", "namespace", namespace.name, "--wait=false")


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when == "call":
        item.stash[FAILED] = report.failed
    return report


@pytest.fixture
def release(namespace, tmp_path):
    return Release(namespace, tmp_path)
