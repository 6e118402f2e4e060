"""The GitHub Actions workflow is valid, and its jobs have no more permissions than they need."""

import re
import subprocess

from conftest import ROOT, TOOLS

import pytest
import yaml

WORKFLOW = ROOT / ".github" / "workflows" / "ci.yml"
BIN = TOOLS / "pipeline" / "bin"


@pytest.mark.parametrize(
    "linter",
    [
        [BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows"],
        [BIN / "zizmor", "--offline"],
    ],
    ids=lambda linter: linter[0].name,
)
def test_linters_accept_the_workflow(linter):
    done = subprocess.run([*linter, WORKFLOW], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_actions_are_pinned_by_commit_with_their_version_in_a_comment():
    uses = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert uses
    for each in uses:
        assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)


def test_no_job_has_write_permissions():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow["permissions"] == {}
    assert {str(job["permissions"]) for job in workflow["jobs"].values()} == {"{'contents': 'read'}"}


def test_the_workflow_runs_lint_and_all_tests():
    job = yaml.safe_load(WORKFLOW.read_text())["jobs"]["test"]
    commands = [step["run"] for step in job["steps"] if "run" in step]
    assert commands[-2:] == ["make lint", "make test"]
