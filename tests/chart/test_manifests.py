"""What has to hold for everything that the chart renders, whatever the values."""

import json
import re
import subprocess

from conftest import CHART, KUBERNETES, ROOT, TOOLS
from scenarios import EXAMPLES, SCENARIOS

import kubernetes_validate
import pytest
import yaml

every_scenario = pytest.mark.parametrize("values", SCENARIOS.values(), ids=SCENARIOS)

# Kinds that Kubernetes does not bring; their own tests in test_render.py hold each of their fields.
FOREIGN = {"Cluster", "HTTPRoute", "VirtualService", "ServiceMonitor", "PrometheusRule"}

# The longest that helm allows.
RELEASE = "a-release-with-the-longest-name-that-helm-lets-one-use"[:53]
DNS_LABEL = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
# A pod's name ends in an ordinal, and a label of a StatefulSet's pods in a hash; CloudNativePG says 50.
LONGEST = {"StatefulSet": 52, "Cluster": 50}


@every_scenario
def test_lint(lint, values):
    done = lint(*values)
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_are_examples():
    assert {"values-production", "values-gitops"} <= set(EXAMPLES)


@every_scenario
def test_kubernetes_knows_every_field(render, values):
    for each in render(*values):
        if each["kind"] not in FOREIGN:
            kubernetes_validate.validate(each, KUBERNETES, strict=True)


def test_an_unknown_field_is_seen(render):
    [service] = [each for each in render(*SCENARIOS["external"]) if each["kind"] == "Service"]
    service["spec"]["portz"] = []
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(service, KUBERNETES, strict=True)


@every_scenario
def test_rendering_twice_gives_the_same_bytes(template, values):
    assert template(*values).stdout == template(*values).stdout


@every_scenario
def test_yaml_has_no_key_twice(template, values):
    rules = "{rules: {key-duplicates: enable, octal-values: {forbid-implicit-octal: true}}}"
    done = subprocess.run(
        [TOOLS / "chart/bin/yamllint", "--strict", "--config-data", rules, "-"],
        input=template(*values).stdout,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout


def test_yaml_files_are_tidy():
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
def test_names_are_short_enough_for_what_is_made_of_them(render, values):
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


def test_releases_whose_long_names_differ_in_the_end_share_nothing(render):
    one, other = (
        {(each["kind"], each["metadata"]["name"]) for each in render(*SCENARIOS["bundled"], release=RELEASE[:-1] + end)}
        for end in "xy"
    )
    assert one & other == set()


def test_a_release_with_dots_or_a_leading_digit(render, template):
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


def test_every_selector_finds_its_pods(render):
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


# What checkov asks for and is not done, by check and kind of object, and why.
EXCEPTIONS = {
    ("CKV_K8S_11", None): "a limit on CPU makes requests wait while the node has time to spare",
    ("CKV_K8S_15", None): "a release's tag is never moved; `image.pullPolicy` is there for whoever moves one",
    ("CKV_K8S_35", None): "settings are environment variables only",
    ("CKV_K8S_43", None): "`image.digest` is the operator's choice",
    ("CKV_K8S_8", "Pod"): "the test pod asks once and ends",
    ("CKV_K8S_9", "Pod"): "the test pod asks once and ends",
    ("CKV_K8S_40", "StatefulSet"): "user 999 is the one that PostgreSQL's official image knows",
}


def test_checkov(render, tmp_path):
    for name in ("everything", "cnpg", "values-production"):
        objects = render(*SCENARIOS[name])
        for each in objects:
            # helm sets it when it applies them.
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
