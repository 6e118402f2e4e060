"""deploy/helmsman.yaml keeps Helmsman's specification, and the helm command that Helmsman makes of it works."""

from conftest import CHART, ROOT
from model.api_server import ApiServer

import jsonschema
import pytest
import yaml

STATE = ROOT / "deploy" / "helmsman.yaml"

TEXT = {"type": "string", "minLength": 1}
FLAG = {"type": "boolean"}
TEXTS = {"type": "array", "items": TEXT}
NAMED_TEXTS = {"type": "object", "additionalProperties": TEXT}
# The members that such a file may need. Helmsman passes over a member that it does not know, which hides a slip.
# https://github.com/mkubaczyk/helmsman/blob/master/docs/desired_state_specification.md
SPECIFICATION = {
    "type": "object",
    "required": ["namespaces", "apps"],
    "additionalProperties": False,
    "properties": {
        "metadata": NAMED_TEXTS,
        "context": TEXT,
        "settings": {"type": "object"},
        "helmRepos": NAMED_TEXTS,
        "namespaces": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {"protected": FLAG, "labels": NAMED_TEXTS, "annotations": NAMED_TEXTS},
            },
        },
        "apps": {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": {
                "type": "object",
                "required": ["namespace", "enabled", "chart", "version"],
                "additionalProperties": False,
                # One or the other.
                "not": {"required": ["valuesFile", "valuesFiles"]},
                "properties": {
                    **dict.fromkeys(("name", "description", "namespace", "group", "chart", "version"), TEXT),
                    **dict.fromkeys(("enabled", "test", "protected", "wait", "noHooks"), FLAG),
                    **dict.fromkeys(("set", "setString", "setFile"), NAMED_TEXTS),
                    "valuesFile": TEXT | {"pattern": r"\.ya?ml$"},
                    "valuesFiles": TEXTS,
                    "priority": {"type": "integer", "maximum": 0},
                    "timeout": {"type": "integer", "minimum": 1},
                    "maxHistory": {"type": "integer", "minimum": 0},
                    "helmFlags": TEXTS,
                    "helmDiffFlags": TEXTS,
                },
            },
        },
    },
}


@pytest.fixture
def state():
    return yaml.safe_load(STATE.read_text())


def values_files(app):
    listed = [app["valuesFile"]] if "valuesFile" in app else app.get("valuesFiles", [])
    return [(STATE.parent / file).resolve() for file in listed]


def test_it_keeps_the_specification(state):
    jsonschema.validate(state, SPECIFICATION)


def test_what_it_names_is_there(state):
    about = yaml.safe_load((CHART / "Chart.yaml").read_text())
    for app in state["apps"].values():
        assert app["namespace"] in state["namespaces"]
        assert (STATE.parent / app["chart"]).resolve() == CHART
        # Helmsman compares the two.
        assert app["version"] == about["version"]
        assert all(file.is_file() for file in values_files(app))


def test_helmsman_finds_no_variables():
    """It stops at one that is not set."""
    assert "$" not in STATE.read_text()


def test_it_waits_for_as_long_as_a_migration_may_take(state):
    longest = yaml.safe_load((CHART / "values.yaml").read_text())["migrations"]["activeDeadlineSeconds"]
    for app in state["apps"].values():
        assert app["wait"] and "--wait-for-jobs" in app["helmFlags"]
        assert app["timeout"] > longest


def test_helm_takes_the_command(state, helm, tmp_path):
    with ApiServer() as server:
        env = {"KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig")), "KUBECACHEDIR": str(tmp_path / "cache")}
        for name, app in state["apps"].items():
            # In the order in which Helmsman puts it together.
            done = helm(
                *("upgrade", "--install", name, (STATE.parent / app["chart"]).resolve()),
                *("--namespace", app["namespace"], "--version", app["version"]),
                *(argument for file in values_files(app) for argument in ("--values", file)),
                *("--wait", "--timeout", f"{app['timeout']}s", *app["helmFlags"]),
                "--dry-run",
                env=env,
            )
            assert done.returncode == 0, done.stderr
            assert "kind: Deployment" in done.stdout
        assert server.unmodelled == []
