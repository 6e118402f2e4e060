"""Values, schema and README agree, each value has an effect, and unknown values are refused."""

import json

from conftest import CHART, merge
from scenarios import BUNDLED, CANARY, CNPG, EXTERNAL, MESH, MONITOR, POLICIES, RETENTION, ROUTE, SCENARIOS, SERVICE_ROLE
import values_table

import jsonschema
import pytest
import yaml

VALUES = yaml.safe_load((CHART / "values.yaml").read_text())
SCHEMA = json.loads((CHART / "values.schema.json").read_text())
PATHS = [path for path, _, _ in values_table.rows((CHART / "values.yaml").read_text())]
# Set only by a parent chart.
PARENT_ONLY = {"global", "enabled"}


def at(*switches, base=EXTERNAL):
    """`base` with these values added."""
    values = {}
    for each in (base, *switches):
        merge(values, each)
    return values


BUNDLED_WITH_HOST = at({"database": {"mode": "bundled"}})
SCALED = at({"autoscaling": {"enabled": True}})
INGRESS = at({"ingress": {"enabled": True, "hosts": ["a.example.org"]}})
AUTHORITY = at({"database": {"external": {"sslRootCert": {"secret": "authority"}}}})
REPLICA = at({"database": {"external": {"readReplica": {"host": "replica"}}}})
PEERS = at(POLICIES, {"networkPolicy": {"from": [{"podSelector": {}}]}})
LABELS = {"a": "b"}

# For each value: other values that it needs to have an effect, and a value other than the default.
CHANGES = {
    "nameOverride": (EXTERNAL, "other"),
    "fullnameOverride": (EXTERNAL, "other"),
    "image.repository": (EXTERNAL, "registry.example.org/rollcall"),
    "image.tag": (EXTERNAL, "other"),
    "image.digest": (EXTERNAL, "sha256:" + 64 * "0"),
    "image.pullPolicy": (EXTERNAL, "Always"),
    "imagePullSecrets": (EXTERNAL, [{"name": "registry"}]),
    "replicaCount": (EXTERNAL, 5),
    "site.timezone": (EXTERNAL, "Asia/Manila"),
    "site.dayStart": (EXTERNAL, "05:00"),
    "access.mode": (EXTERNAL, "open"),
    "access.existingSecret": (EXTERNAL, "rollcall-access"),
    "log.filter": (EXTERNAL, "debug"),
    "log.format": (EXTERNAL, "text"),
    "database.mode": (BUNDLED_WITH_HOST, "external"),
    "database.name": (EXTERNAL, "other"),
    "database.user": (BUNDLED, "other"),
    "database.password": (BUNDLED, "other"),
    "database.existingSecret": (BUNDLED, "other"),
    "database.poolSize": (EXTERNAL, 3),
    "database.timeoutSeconds": (EXTERNAL, 30),
    "database.external.host": (EXTERNAL, "other"),
    "database.external.port": (EXTERNAL, 6432),
    "database.external.sslmode": (EXTERNAL, "verify-full"),
    "database.external.sslRootCert.secret": (EXTERNAL, "authority"),
    "database.external.sslRootCert.configMap": (EXTERNAL, "authority"),
    "database.external.sslRootCert.key": (AUTHORITY, "root.pem"),
    "database.external.readReplica.host": (EXTERNAL, "replica"),
    "database.external.readReplica.port": (REPLICA, 6432),
    "database.bundled.image.repository": (BUNDLED, "registry.example.org/postgres"),
    "database.bundled.image.tag": (BUNDLED, 16),
    "database.bundled.storage.size": (BUNDLED, "2Gi"),
    "database.bundled.storage.className": (BUNDLED, "fast"),
    "database.bundled.resources": (BUNDLED, {"limits": {"memory": "1Gi"}}),
    "database.cnpg.imageName": (CNPG, "registry.example.org/postgresql:17"),
    "database.cnpg.instances": (CNPG, 5),
    "database.cnpg.readFromReplicas": (CNPG, True),
    "database.cnpg.serviceRole.name": (at(SERVICE_ROLE, base=CNPG), "other"),
    "database.cnpg.serviceRole.existingSecret": (at(SERVICE_ROLE, base=CNPG), "other"),
    "database.cnpg.storage.size": (CNPG, "20Gi"),
    "database.cnpg.storage.className": (CNPG, "fast"),
    "database.cnpg.resources": (CNPG, {"limits": {"memory": "2Gi"}}),
    "migrations.mode": (EXTERNAL, "none"),
    "migrations.existingSecret": (EXTERNAL, "owner"),
    "migrations.nameSuffix": (EXTERNAL, "again"),
    "migrations.backoffLimit": (EXTERNAL, 0),
    "migrations.activeDeadlineSeconds": (EXTERNAL, 1200),
    "migrations.ttlSecondsAfterFinished": (EXTERNAL, 2000000),
    "migrations.podLabels": (EXTERNAL, LABELS),
    "migrations.podAnnotations": (EXTERNAL, LABELS),
    "retention.enabled": (at({"retention": {"days": 365}}), True),
    "retention.days": (at(RETENTION), 30),
    "retention.schedule": (at(RETENTION), "@weekly"),
    "resources": (EXTERNAL, {"limits": {"memory": "1Gi"}}),
    "tmpSize": (EXTERNAL, "2Gi"),
    "podLabels": (EXTERNAL, LABELS),
    "podAnnotations": (EXTERNAL, LABELS),
    "nodeSelector": (EXTERNAL, LABELS),
    "tolerations": (EXTERNAL, [{"operator": "Exists"}]),
    "autoscaling.enabled": (EXTERNAL, True),
    "autoscaling.minReplicas": (SCALED, 3),
    "autoscaling.maxReplicas": (SCALED, 9),
    "autoscaling.targetCPUUtilizationPercentage": (SCALED, 50),
    "autoscaling.metrics": (SCALED, [{"type": "Resource", "resource": {"name": "memory"}}]),
    "podDisruptionBudget.enabled": (EXTERNAL, False),
    "service.type": (EXTERNAL, "NodePort"),
    "service.port": (EXTERNAL, 80),
    "service.annotations": (EXTERNAL, LABELS),
    "ingress.enabled": (at({"ingress": {"hosts": ["a.example.org"]}}), True),
    "ingress.className": (INGRESS, "nginx"),
    "ingress.annotations": (INGRESS, LABELS),
    "ingress.hosts": (INGRESS, ["b.example.org"]),
    "ingress.paths": (INGRESS, ["/table", "/session"]),
    "ingress.path": (INGRESS, "/"),
    "ingress.tls": (INGRESS, [{"secretName": "tls", "hosts": ["a.example.org"]}]),
    "httpRoute.enabled": (at({"httpRoute": {"parentRefs": [{"name": "public"}]}}), True),
    "httpRoute.annotations": (at(ROUTE), LABELS),
    "httpRoute.parentRefs": (at(ROUTE), [{"name": "other"}]),
    "httpRoute.hostnames": (at(ROUTE), ["a.example.org"]),
    "httpRoute.paths": (at(ROUTE), ["/table", "/session"]),
    "httpRoute.path": (at(ROUTE), "/"),
    "virtualService.enabled": (at({"virtualService": {"hosts": ["a.example.org"]}}), True),
    "virtualService.annotations": (at(MESH), LABELS),
    "virtualService.hosts": (at(MESH), ["b.example.org"]),
    "virtualService.gateways": (at(MESH), ["other"]),
    "virtualService.paths": (at(MESH), ["/table", "/session"]),
    "virtualService.path": (at(MESH), "/other"),
    "canary.enabled": (at(ROUTE, {"canary": {"image": {"tag": "next"}}}), True),
    "canary.image.tag": (at(ROUTE, CANARY), "other"),
    "canary.image.digest": (at(ROUTE, CANARY), "sha256:" + 64 * "0"),
    "canary.replicaCount": (at(ROUTE, CANARY), 2),
    "canary.weight": (at(ROUTE, CANARY), 50),
    "networkPolicy.enabled": (EXTERNAL, True),
    "networkPolicy.from": (PEERS, [{"ipBlock": {"cidr": "192.0.2.0/24"}}]),
    "networkPolicy.metricsFrom": (PEERS, [{"ipBlock": {"cidr": "192.0.2.0/24"}}]),
    "networkPolicy.databaseTo": (PEERS, [{"ipBlock": {"cidr": "192.0.2.0/24"}}]),
    "metrics.port": (EXTERNAL, 9464),
    "serviceMonitor.enabled": (EXTERNAL, True),
    "serviceMonitor.labels": (at(MONITOR), LABELS),
    "serviceMonitor.interval": (at(MONITOR), "10s"),
    "prometheusRule.enabled": (EXTERNAL, True),
    "prometheusRule.labels": (at({"prometheusRule": {"enabled": True}}), LABELS),
    "dashboard.enabled": (EXTERNAL, True),
    "dashboard.labels": (at({"dashboard": {"enabled": True}}), LABELS),
    "dashboard.annotations": (at({"dashboard": {"enabled": True}}), LABELS),
}


def nested(path, value):
    """Values with only `path` set."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def value_at(path, values):
    for key in path.split("."):
        values = values.get(key, {})
    return values


def test_every_value_is_in_the_list_of_changes():
    assert list(CHANGES) == PATHS


@pytest.mark.parametrize("path", CHANGES)
def test_every_value_has_an_effect(render, path):
    base, value = CHANGES[path]
    assert render(base) != render(base, nested(path, value))


def test_the_readme_is_up_to_date():
    assert values_table.README.read_text() == values_table.readme(), "run `make chart-docs`"


def mappings(values, schema, path=()):
    """Each mapping whose keys the schema lists, with its schema."""
    if "properties" in schema:
        yield path, values, schema
        for key, inner in schema["properties"].items():
            if isinstance(values.get(key), dict):
                yield from mappings(values[key], inner, (*path, key))


MAPPINGS = list(mappings(VALUES, SCHEMA))


@pytest.mark.parametrize(("path", "values", "schema"), MAPPINGS, ids=[".".join(path) for path, _, _ in MAPPINGS])
def test_schema_and_values_name_the_same_keys(path, values, schema):
    optional = schema["properties"].keys() - set(schema["required"])
    assert schema["properties"].keys() - (PARENT_ONLY if path == () else set()) == values.keys()
    # An optional value can be removed with null, so its type must allow null.
    for key in optional - (PARENT_ONLY if path == () else set()):
        assert "null" in schema["properties"][key]["type"]


def test_the_defaults_match_the_schema():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    jsonschema.validate(VALUES, SCHEMA, cls=jsonschema.Draft7Validator)


@pytest.mark.parametrize("path", [path for path, _, _ in MAPPINGS], ids=lambda path: ".".join(path) or "top")
def test_an_unknown_value_is_refused(template, path):
    done = template(EXTERNAL, nested(".".join((*path, "unknown")), 1))
    assert done.returncode != 0
    assert "Additional property unknown is not allowed" in done.stderr


def test_the_schema_accepts_no_arbitrary_keys():
    """Every mapping lists its keys or its members' type, except for objects of Kubernetes or of a parent chart."""
    opened = [
        path
        for path, schema in subschemas(SCHEMA)
        if schema.get("type") == "object" and schema.get("additionalProperties", True) is True
    ]
    assert opened == ["/properties/global", "/properties/autoscaling/properties/metrics/items"]


def subschemas(schema, path=""):
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            yield from subschemas(value, f"{path}/{key}")


INVALID = {
    "image.tag": [1.5, "a b", None, True],
    "image.digest": ["0" * 64, "sha256:0"],
    "site.dayStart": ["24:00", "7:00", 420],
    "access.mode": ["closed", None, True],
    "database.mode": ["sqlite", ""],
    "database.password": [12345],
    "database.timeoutSeconds": [0, "5"],
    "database.external.port": [0, 65536],
    "database.bundled.resources": [{"limit": {}}, {"limits": {"memory": "many"}}],
    "migrations.mode": ["hook"],
    "migrations.nameSuffix": ["1.1.0", "-x", "01234567890"],
    "migrations.ttlSecondsAfterFinished": [0],
    "migrations.podLabels": [{"app.kubernetes.io/component": "service"}],
    "retention.days": [0, "365"],
    "retention.schedule": [""],
    "podLabels": [{"app.kubernetes.io/name": "x"}, {"a": 1}],
    "tolerations": [[{"effects": "NoSchedule"}]],
    "autoscaling.metrics": [[{"type": "Cpu"}]],
    "httpRoute.parentRefs": [[{"namespace": "x"}], [{"name": "x", "nam": "y"}]],
    "networkPolicy.from": [[{"cidr": "192.0.2.0/24"}], [{"podSelector": {"matchLabel": {}}}]],
    "canary.weight": [-1, 101],
    "metrics.port": [80, 8000, "9000", None],
    "ingress.paths": [[], ["table"], "/table"],
    "ingress.path": ["table", "/a: b"],
}


@pytest.mark.parametrize(("path", "value"), [(path, value) for path, values in INVALID.items() for value in values])
def test_an_invalid_value_is_refused_with_its_name(template, path, value):
    done = template(EXTERNAL, nested(path, value))
    assert done.returncode != 0
    assert "values don't meet the specifications of the schema" in done.stderr
    assert any(f"- {name}" in done.stderr for name in (path, path.rpartition(".")[0])), done.stderr


def choices(schema, path=()):
    """Each boolean and each enumeration in the schema, with its possible values."""
    for key, inner in schema.get("properties", {}).items():
        here = (*path, key)
        if inner.get("type") == "boolean" and here != ("enabled",):
            yield ".".join(here), [True, False]
        elif "enum" in inner:
            yield ".".join(here), inner["enum"]
        else:
            yield from choices(inner, here)


@pytest.mark.parametrize(("path", "possible"), list(choices(SCHEMA)))
def test_every_choice_is_in_a_scenario(path, possible):
    chosen = []
    for values in SCENARIOS.values():
        merged = merge({}, VALUES)
        for each in values:
            merge(merged, each if isinstance(each, dict) else yaml.safe_load(each.read_text()))
        chosen.append(value_at(path, merged))
    assert set(possible) <= set(chosen)
