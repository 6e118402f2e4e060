"""The life of a release under load: upgrades without a failed request, and failures that keep the old pods."""

import pytest
from conftest import MIGRATION, NEXT_MIGRATION, PATIENCE, THIS
from gates import Gates

# How long helm waits for a release that cannot become ready. The Job has failed before.
SOON = 60


@pytest.fixture
def load(namespace):
    """A release with its bundled database, under load; the result of `stop` is checked and printed."""
    namespace.upgrade()
    return Gates(namespace)


def check(namespace, recorded):
    """No request has failed, and each acknowledged entry is stored once."""
    print(recorded)
    assert not recorded.failed
    assert len(recorded.acknowledged) >= 50
    assert recorded.missing(namespace.sql("SELECT entry_id FROM attendance")) == []


def test_an_installation_serves_and_passes_helm_test(namespace):
    namespace.upgrade()
    assert namespace.serving() == [THIS] * 2
    assert MIGRATION in namespace.logs("migrate")
    for _ in range(2):
        namespace.helm("test", "rollcall", "--timeout", f"{PATIENCE}s")


def test_an_upgrade_without_changes_restarts_nothing(namespace, load):
    def names():
        return {pod["metadata"]["name"] for pod in namespace.pods()}, namespace.jobs()

    before = names()
    namespace.upgrade(values={})
    assert names() == before
    check(namespace, load.stop())


def test_an_upgrade_to_another_image_fails_no_request(namespace, load):
    jobs = namespace.jobs()
    namespace.upgrade("patched")
    assert namespace.serving() == ["patched"] * 2
    assert len(namespace.jobs() - jobs) == 1
    check(namespace, load.stop())


def test_a_release_with_a_migration_and_back_fails_no_request(namespace, load, next_chart):
    namespace.upgrade("next-works", next_chart)
    assert namespace.serving() == ["next-works"] * 2
    assert namespace.sql("SELECT max(version) FROM __diesel_schema_migrations") == [NEXT_MIGRATION]
    namespace.helm("rollback", "rollcall", "1", "--wait", "--wait-for-jobs", "--timeout", f"{PATIENCE}s")
    assert namespace.serving() == [THIS] * 2
    check(namespace, load.stop())


def test_a_migration_that_fails_keeps_the_old_pods(namespace, load, next_chart):
    before = {pod["metadata"]["name"] for pod in namespace.pods() if THIS in pod["spec"]["containers"][0]["image"]}
    done = namespace.upgrade("next-fails", next_chart, seconds=SOON, check=False)
    assert done.returncode != 0
    assert "timed out waiting for the condition" in done.stderr
    assert "already exists" in namespace.logs("migrate")
    assert namespace.serving() == [THIS] * 2
    assert before <= {pod["metadata"]["name"] for pod in namespace.pods()}
    # A corrected release can be installed over the failed one.
    namespace.upgrade("next-works", next_chart)
    assert namespace.serving() == ["next-works"] * 2
    check(namespace, load.stop())
