"""Shared by the tests: the real helm, and the chart's rendered objects."""

import json
import os
import pathlib
import subprocess

import pytest
import yaml

# Its tests are imported by a test file.
pytest.register_assert_rewrite("lifecycle")

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "rollcall"
TOOLS = ROOT / ".tools"
KUBERNETES = "1.32.0"


@pytest.fixture(scope="session")
def helm(tmp_path_factory):
    """Runs helm with the given arguments, without the user's settings; returns the finished process."""
    home = tmp_path_factory.mktemp("helm")
    own = {f"HELM_{kind}_HOME": str(home / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    own["KUBECONFIG"] = str(home / "no-cluster")
    (home / "no-cluster").write_text("{apiVersion: v1, kind: Config}")
    (home / "no-cluster").chmod(0o600)

    def run(*arguments, files=(), stdin=None, env=None, timeout=120):
        return subprocess.run(
            [TOOLS / "helm" / "helm", *map(str, arguments), *(f"--values={file}" for file in files)],
            input=stdin,
            env={**os.environ, **own, **(env or {})},
            capture_output=True,
            text=True,
            timeout=timeout,
        )

    return run


@pytest.fixture(scope="session")
def template(helm):
    """Runs `helm template`; returns the finished process.

    `values` are dictionaries and values files; dictionaries override files. `arguments` are passed to helm.
    """

    def run(*values, arguments=(), release="rollcall", namespace="gates", chart=CHART):
        return helm(
            *("template", release, chart, "--namespace", namespace, "--kube-version", KUBERNETES),
            *arguments,
            **values_input(values),
        )

    return run


@pytest.fixture(scope="session")
def lint(helm):
    """Runs `helm lint --strict` with values as for `template`; returns the finished process."""
    return lambda *values: helm("lint", "--strict", CHART, **values_input(values))


@pytest.fixture(scope="session")
def render(template):
    """Like `template`, but returns the list of objects, and fails the test if helm fails."""

    def run(*values, **options):
        done = template(*values, **options)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document is not None]

    return run


def values_input(values):
    """The values as arguments of `helm`: files as files, and the merged dictionaries as standard input."""
    merged = {}
    for each in values:
        if isinstance(each, dict):
            merge(merged, each)
    # JSON is valid YAML and keeps the types of numbers and strings.
    return {"files": [*(each for each in values if not isinstance(each, dict)), "-"], "stdin": json.dumps(merged)}


def merge(into, values):
    """Merges `values` into `into`, as helm merges values files."""
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = merge({}, value) if isinstance(value, dict) else value
    return into


def only(objects, kind, name=None):
    """The only object of this kind, and of this name if one is given."""
    found = [thing for thing in objects if thing["kind"] == kind and name in (None, thing["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}, not one"
    return found[0]
