"""Pods and the database are stopped under load."""

import json
import time

import pytest
from namespace import PATIENCE


@pytest.fixture
def service(release):
    """A release that serves."""
    release.upgrade()
    return release


def names(pods):
    return [pod["metadata"]["name"] for pod in pods]


def test_a_deleted_pod_fails_no_request(service):
    service.put_under_load()
    for pod in names(service.pods()):
        service.namespace.kubectl("delete", "pod", pod)
        service.wait_until_serving()
    service.assert_no_request_failed()


def test_draining_a_node_fails_no_request(service):
    """What `kubectl drain` does, without the node becoming unschedulable: it may be the only one."""
    service.put_under_load()
    before = names(service.pods())
    refused = []
    for pod in before:
        while (done := evict(service.namespace, pod)).returncode != 0:
            assert "would violate the pod's disruption budget" in done.stderr
            refused.append(pod)
    service.wait_until_serving()
    service.assert_no_request_failed()
    # The second was evicted only after the first was replaced.
    assert set(refused) == set(before[1:])
    assert set(before).isdisjoint(names(service.pods()))


def evict(namespace, pod):
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace.name}}
    return namespace.kubectl(
        *("create", "--raw", f"/api/v1/namespaces/{namespace.name}/pods/{pod}/eviction", "--filename", "-"),
        stdin=json.dumps(eviction),
        check=False,
    )


def test_a_killed_pod_loses_no_entry(service):
    service.put_under_load(retry=True)
    for pod in names(service.pods()):
        service.namespace.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
        service.wait_until_serving()
    service.assert_every_entry_is_stored()


def test_a_killed_database_loses_no_entry(service):
    service.put_under_load(retry=True)
    for _ in range(3):
        # All processes except for the first of the container, which then starts as after a crash.
        service.namespace.kubectl("exec", "rollcall-database-0", "--", "bash", "-c", "kill -KILL -1")
        wait_until_answering(service.namespace)
    service.namespace.kubectl("delete", "pod", "rollcall-database-0", "--grace-period=0", "--force")
    wait_until_answering(service.namespace)
    service.assert_every_entry_is_stored()


def wait_until_answering(namespace):
    deadline = time.monotonic() + PATIENCE
    ask = ("exec", "rollcall-database-0", "--", "pg_isready", "--host=127.0.0.1")
    while namespace.kubectl(*ask, check=False).returncode != 0:
        assert time.monotonic() < deadline
