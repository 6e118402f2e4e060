"""The tests of tests/chart/lifecycle.py, which also run on the model of the API server."""

import shutil
import subprocess

import pytest
from external_database import ExternalDatabase
from lifecycle import *  # the tests
from lifecycle import NEXT_MIGRATION
from namespace import ROOT
from release import CHART, Release


@pytest.fixture
def values():
    """The bundled database with what the chart generates."""
    return {}


@pytest.fixture
def external(database_namespace, release):
    external = ExternalDatabase(database_namespace, release.namespace)
    release.sql = external.sql
    return external


@pytest.fixture
def next_chart(tmp_path):
    """The chart of a release with a new migration."""
    copy = tmp_path / "next" / "rollcall"
    shutil.copytree(CHART, copy)
    chart = (copy / "Chart.yaml").read_text()
    assert chart.count(Release.migration) == 1
    (copy / "Chart.yaml").write_text(chart.replace(Release.migration, NEXT_MIGRATION))
    return copy


@pytest.fixture
def first_chart(tmp_path):
    """The chart of release 0.1.0, which knew no tokens."""
    revision = subprocess.check_output([ROOT / "tests/support/build-release.sh", "--first"], text=True).strip()
    archive = subprocess.run(["git", "archive", revision, "helm/rollcall"], cwd=ROOT, capture_output=True, check=True)
    subprocess.run(["tar", "-x", "-C", tmp_path], input=archive.stdout, check=True)
    return tmp_path / "helm" / "rollcall"
