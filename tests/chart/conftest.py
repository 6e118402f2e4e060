"""What the tests share: the real helm, and the chart's objects as it renders them."""

import json
import os
import pathlib
import subprocess

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "helm" / "rollcall"
TOOLS = ROOT / ".tools"
KUBERNETES = "1.32.0"

# A release with a database of its own whose password needs no cluster to be kept in.
BUNDLED = {"database": {"password": "correct horse"}}
EXTERNAL = {"database": {"mode": "external", "external": {"host": "db.example.org"}, "existingSecret": "rollcall-db"}}
CNPG = {"database": {"mode": "cnpg"}}


@pytest.fixture(scope="session")
def helm(tmp_path_factory):
    """Runs helm with the given arguments, away from the user's own settings; gives the finished process."""
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
    """Runs `helm template`; gives the finished process.

    `values` are dictionaries and values files; the dictionaries go over the files, and `arguments` to helm as they are.
    """

    def run(*values, arguments=(), release="rollcall", namespace="gates", chart=CHART):
        return helm(
            *("template", release, chart, "--namespace", namespace, "--kube-version", KUBERNETES),
            *arguments,
            **told(values),
        )

    return run


@pytest.fixture(scope="session")
def lint(helm):
    """Runs `helm lint --strict` with values as `template` takes them; gives the finished process."""
    return lambda *values: helm("lint", "--strict", CHART, **told(values))


@pytest.fixture(scope="session")
def render(template):
    """As `template`, but gives the list of objects, and fails the test if helm does."""

    def run(*values, **options):
        done = template(*values, **options)
        assert done.returncode == 0, done.stderr
        return [document for document in yaml.safe_load_all(done.stdout) if document is not None]

    return run


def told(values):
    """How helm is told these values: by files, and the dictionaries by its standard input."""
    merged = {}
    for each in values:
        if isinstance(each, dict):
            merge(merged, each)
    # JSON is YAML as well, and leaves no doubt what is a number.
    return {"files": [*(each for each in values if not isinstance(each, dict)), "-"], "stdin": json.dumps(merged)}


def merge(into, values):
    """Lays `values` over `into`, as helm does it with values files."""
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value)
        else:
            into[key] = merge({}, value) if isinstance(value, dict) else value
    return into


def only(objects, kind, name=None):
    """The one object of this kind, and of this name if there are several."""
    found = [thing for thing in objects if thing["kind"] == kind and name in (None, thing["metadata"]["name"])]
    assert len(found) == 1, f"{len(found)} objects of kind {kind}, not one"
    return found[0]
