"""The alerts fire when they should, for any release name, and use metrics that the service has."""

import json
import re
import subprocess

from conftest import CHART, ROOT, TOOLS, only
from scenarios import EXTERNAL, RETENTION

import pytest
import yaml

PROMTOOL = TOOLS / "prometheus/usr/bin/promtool"
RULES = CHART / "files/alerts.yaml"
TESTS = ROOT / "tests/chart/alerts_test.yaml"
ALERTS = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
PANELS = json.loads((CHART / "files/dashboard.json").read_text())["panels"]
EXPRESSIONS = [
    *(rule["expr"] for rule in ALERTS),
    *(target["expr"] for panel in PANELS for target in panel["targets"]),
]
# From kube-state-metrics.
KUBE_STATE_METRICS = {"kube_deployment_status_replicas_ready", "kube_job_failed"}
# The suffixes that OpenMetrics adds to the names of counters, histograms and infos.
SUFFIX = r"_(total|bucket|info)$"

LONG = "a-release-of-thirty-characters-1"


def promtool(*arguments):
    done = subprocess.run([PROMTOOL, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_rules():
    promtool("check", "rules", RULES)
    promtool("test", "rules", TESTS)


def test_every_alert_is_tested():
    tested = set(re.findall(r'alertname="(\w+)",alertstate="firing"', TESTS.read_text()))
    assert tested == {rule["alert"] for rule in ALERTS}


@pytest.mark.parametrize(
    ("release", "fullname", "job", "suffix"),
    [
        ("rollcall", "rollcall", "rollcall", ""),
        ("site", "site-rollcall", "site-rollcall", "again"),
        (LONG, f"{LONG}-rollcall", "a-release-of-thirty-characters", ""),
        # The suffix shortens the first part.
        (LONG, f"{LONG}-rollcall", "a-release-of-thirty", "tenletters"),
    ],
)
def test_the_rules_work_for_any_release(render, tmp_path, release, fullname, job, suffix):
    values = {
        "prometheusRule": {"enabled": True, "labels": {"for": "us"}},
        "migrations": {"nameSuffix": suffix},
    }
    objects = render(EXTERNAL, values, RETENTION, release=release)
    rule = only(objects, "PrometheusRule")
    assert rule["apiVersion"] == "monitoring.coreos.com/v1"
    assert rule["metadata"]["labels"]["for"] == "us"
    assert rule["spec"].keys() == {"groups"}
    assert only(objects, "Deployment")["metadata"]["name"] == fullname
    assert only(objects, "Job")["metadata"]["name"].startswith(f"{job}-migrate-")
    assert only(objects, "CronJob")["metadata"]["name"] == f"{fullname}-retention"

    # The same tests, with the release's names in the series.
    tests = TESTS.read_text().replace("../../helm/rollcall/files/alerts.yaml", "rules.yaml")
    tests = re.sub(r'(namespace[=:] ?"?)rollcall\b', r"\1gates", tests).replace("in rollcall has", "in gates has")
    tests = re.sub(r'\b(job|deployment)="rollcall(-canary)?"', rf'\1="{fullname}\2"', tests)
    tests = tests.replace("rollcall-migrate-1-a", f"{job}-migrate-1-a")
    tests = tests.replace("rollcall-retention-1", f"{fullname}-retention-1")
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(rule["spec"]))
    (tmp_path / "tests.yaml").write_text(tests)
    promtool("check", "rules", tmp_path / "rules.yaml")
    promtool("test", "rules", tmp_path / "tests.yaml")


def test_the_expressions_use_exactly_the_services_metrics():
    source = "".join(file.read_text() for file in (ROOT / "src/http/watch").glob("*.rs"))
    counted = {f"rollcall_{name}" for name in re.findall(r'register\(\s*"(\w+)"', source)}
    asked = {name for each in EXPRESSIONS for name in re.findall(r"\b(?:rollcall|kube)_\w+", each)} - KUBE_STATE_METRICS
    assert {re.sub(SUFFIX, "", name) for name in asked} == counted


def test_promtool_accepts_the_dashboards_expressions(tmp_path):
    values = {"$namespace": "gates", "$job": "rollcall", "$__rate_interval": "5m"}
    rules = []
    for number, each in enumerate(EXPRESSIONS):
        for name, value in values.items():
            each = each.replace(name, value)
        assert "$" not in each
        rules.append({"record": f"panel:{number}", "expr": each})
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    promtool("check", "rules", tmp_path / "rules.yaml")


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alert_has_a_summary_a_description_and_a_runbook(rule):
    assert rule["labels"].keys() == {"severity"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"].keys() == {"summary", "description", "runbook_url"}
    page, anchor = rule["annotations"]["runbook_url"].split("#")
    assert page.endswith("/docs/OPERATIONS.md")
    # GitHub derives a heading's anchor this way.
    assert anchor == rule["alert"].lower()
    assert f"\n### {rule['alert']}\n" in (ROOT / "docs/OPERATIONS.md").read_text()
