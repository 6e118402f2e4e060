"""deploy/helmsman.yaml agrees with the chart, and helm accepts the command that Helmsman would run.

Helmsman itself is not run: none of the package registries that these tests install from has it. The form of its command
is taken from its documentation.
"""

from conftest import CHART, ROOT
from model.api_server import ApiServer

import pytest
import yaml

STATE = ROOT / "deploy" / "helmsman.yaml"
# Helmsman ignores a member that it does not know, which hides a misspelt name. These are the ones that are used; the
# tests below read each of them.
APP_MEMBERS = {"namespace", "enabled", "chart", "version", "valuesFile", "wait", "timeout", "helmFlags", "test"}


@pytest.fixture
def state():
    return yaml.safe_load(STATE.read_text())


def values_file(app):
    return (STATE.parent / app["valuesFile"]).resolve()


def test_members_have_the_names_that_helmsman_reads(state):
    assert state.keys() == {"context", "namespaces", "apps"}
    for app in state["apps"].values():
        assert app.keys() == APP_MEMBERS
        assert app["enabled"] is True and app["test"] is True


def test_the_namespace_the_chart_and_the_values_file_exist(state):
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    for app in state["apps"].values():
        assert app["namespace"] in state["namespaces"]
        assert (STATE.parent / app["chart"]).resolve() == CHART
        # Helmsman refuses a local chart of another version.
        assert app["version"] == chart["version"]
        assert values_file(app).is_file()


def test_no_variable_has_to_be_set():
    """Helmsman substitutes variables and stops at one that is not set."""
    assert "$" not in STATE.read_text()


def test_the_timeout_is_longer_than_a_migration_may_take(state):
    deadline = yaml.safe_load((CHART / "values.yaml").read_text())["migrations"]["activeDeadlineSeconds"]
    for app in state["apps"].values():
        assert app["wait"] is True and "--wait-for-jobs" in app["helmFlags"]
        assert app["timeout"] > deadline


def test_helm_accepts_the_command(state, helm, tmp_path):
    with ApiServer() as server:
        env = {"KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig")), "KUBECACHEDIR": str(tmp_path / "cache")}
        for name, app in state["apps"].items():
            done = helm(
                *("upgrade", "--install", name, (STATE.parent / app["chart"]).resolve()),
                *("--namespace", app["namespace"], "--version", app["version"]),
                *("--values", values_file(app)),
                *("--wait", "--timeout", f"{app['timeout']}s", *app["helmFlags"]),
                "--dry-run",
                env=env,
            )
            assert done.returncode == 0, done.stderr
            assert "kind: Deployment" in done.stdout
        assert server.unmodelled == []
