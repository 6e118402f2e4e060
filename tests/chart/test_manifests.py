"""Rules for all rendered objects, in every scenario."""

import json
import re
import subprocess

from conftest import CHART, KUBERNETES, ROOT, TOOLS
from scenarios import EXAMPLES, SCENARIOS

import kubernetes_validate
import pytest
import yaml

every_scenario = pytest.mark.parametrize("values", SCENARIOS.values(), ids=SCENARIOS)

# Custom kinds, which kubernetes-validate does not know. test_render.py checks each of their fields.
FOREIGN = {"Cluster", "HTTPRoute", "VirtualService", "ServiceMonitor", "PrometheusRule"}

# The longest release name that helm allows.
RELEASE = "a-release-with-the-longest-name-that-helm-lets-one-use"[:53]
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# Leaves room for a pod's ordinal and for the hash in a label of a StatefulSet's pods. A CronJob adds 11 characters to the
# names of its Jobs. CloudNativePG's limit is 50.
LONGEST = {"StatefulSet": 52, "Cluster": 50, "CronJob": 52}


@every_scenario
def test_helm_lint_accepts_the_chart(lint, values):
    done = lint(*values)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_chart_has_examples():
    assert {"values-production", "values-gitops"} <= set(EXAMPLES)


@every_scenario
def test_every_field_exists_in_kubernetes(render, values):
    for each in render(*values):
        if each["kind"] not in FOREIGN:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_an_unknown_field_is_reported(render):
    [service] = [each for each in render(*SCENARIOS["external"]) if each["kind"] == "Service"]
    service["spec"]["portz"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES, strict=True)


@every_scenario
def test_rendering_twice_gives_the_same_bytes(template, values):
    assert template(*values).stdout == template(*values).stdout


@every_scenario
def test_yaml_has_no_duplicate_keys(template, values):
    rules = "{rules: {key-duplicates: enable, octal-values: {forbid-implicit-octal: true}}}"
    done = subprocess.run(
        [TOOLS / "chart/bin/yamllint", "--strict", "--config-data", rules, "-"],
        input=template(*values).stdout,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_yamllint_accepts_the_files():
    rules = """
extends: default
rules:
  document-start: disable
  line-length:
    max: 120
    allow-non-breakable-inline-mappings: true
"""
    files = [*CHART.glob("*.yaml"), *CHART.glob("files/*.yaml"), *ROOT.glob("tests/chart/*.yaml")]
    done = subprocess.run(
        [TOOLS / "chart/bin/yamllint", "--strict", "--config-data", rules, *files], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


@every_scenario
def test_names_leave_room_for_derived_names(render, values):
    names = set()
    for each in render(*values, release=RELEASE):
        kind, name = each["kind"], each["metadata"]["name"]
        assert DNS_LABEL.fullmatch(name)
        assert len(name) <= LONGEST.get(kind, 63)
        assert (kind, name) not in names
        names.add((kind, name))
        for label in labels(each):
            assert len(label) <= 63
            assert re.fullmatch(r"([A-Za-z0-9]([-_.A-Za-z0-9]*[A-Za-z0-9])?)?", label)


def test_long_release_names_with_the_same_prefix_share_no_object(render):
    one, other = (
        {(each["kind"], each["metadata"]["name"]) for each in render(*SCENARIOS["bundled"], release=RELEASE[:-1] + end)}
        for end in "xy"
    )
    assert one & other == set()


def test_a_release_name_may_have_dots_but_no_leading_digit(render, template):
    names = {each["metadata"]["name"] for each in render(*SCENARIOS["external"], release="v1.2")}
    assert "v1-2-rollcall" in names
    done = template(*SCENARIOS["external"], release="1st")
    assert done.returncode != 0
    assert "Set fullnameOverride." in done.stderr


def labels(thing):
    """The values of all labels and selectors in an object."""
    if isinstance(thing, list):
        for each in thing:
            yield from labels(each)
    elif isinstance(thing, dict):
        for key, value in thing.items():
            if key in ("labels", "matchLabels") and isinstance(value, dict):
                yield from value.values()
            else:
                yield from labels(value)


def test_every_selector_matches_its_pods(render):
    objects = render(*SCENARIOS["everything"])
    templates = [
        each["spec"]["template"]["metadata"]["labels"]
        for each in objects
        if each["kind"] in ("Deployment", "StatefulSet", "Job")
    ]
    for each in objects:
        if each["kind"] == "Service":
            selector = each["spec"]["selector"]
        elif each["kind"] in ("Deployment", "StatefulSet", "PodDisruptionBudget"):
            selector = each["spec"]["selector"]["matchLabels"]
        else:
            continue
        assert len([found for found in templates if selector.items() <= found.items()]) == 1


# Accepted findings of checkov, by check and kind of object, with the reason.
EXCEPTIONS = {
    ("CKV_K8S_11", None): "a CPU limit delays requests while the node has idle CPU",
    ("CKV_K8S_15", None): "a release's tag is never moved; otherwise set `image.pullPolicy`",
    ("CKV_K8S_35", None): "settings are environment variables only",
    ("CKV_K8S_43", None): "`image.digest` is optional",
    ("CKV_K8S_8", "Pod"): "the test pod runs one request and exits",
    ("CKV_K8S_9", "Pod"): "the test pod runs one request and exits",
    ("CKV_K8S_40", "StatefulSet"): "PostgreSQL's official image has the user 999",
}


def test_checkov_reports_only_accepted_findings(render, tmp_path):
    for name in ("everything", "cnpg", "values-production"):
        objects = render(*SCENARIOS[name])
        for each in objects:
            # helm sets the namespace when it applies the objects.
            each["metadata"]["namespace"] = "gates"
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump_all(objects))
    done = subprocess.run(
        [
            *(TOOLS / "checkov/bin/checkov", "--skip-download", "--framework", "kubernetes"),
            *("--output", "json", "--directory", tmp_path),
        ],
        capture_output=True,
        text=True,
    )
    results = json.loads(done.stdout)["results"]
    assert len(results["passed_checks"]) > 100
    assert results["parsing_errors"] == []
    used = set()
    unexplained = []
    for failed in results["failed_checks"]:
        check, kind = failed["check_id"], failed["resource"].split(".")[0]
        reasons = {(check, None), (check, kind)} & EXCEPTIONS.keys()
        used |= reasons
        if not reasons:
            unexplained.append(f"{check} {failed['check_name']}: {failed['resource']}")
    assert unexplained == []
    assert used == EXCEPTIONS.keys()
