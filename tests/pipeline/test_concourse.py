"""deploy/concourse.yaml is a valid Concourse pipeline, and its jobs, resources and files fit together.

Concourse's own validator (`fly validate-pipeline`) is not run: none of the package registries that these tests install
from has it. The form is checked against the models of ol-concourse, which are generated from a JSON schema of pipelines
and refuse unknown members. They accept some pipelines that Concourse refuses, so the other tests check the references.
"""

import re
import subprocess

from conftest import ROOT, TOOLS

import pytest
import yaml
from ol_concourse.lib.models.pipeline import GetStep, LoadVarStep, Pipeline, PutStep, TaskStep
from pydantic import ValidationError

FILE = ROOT / "deploy" / "concourse.yaml"
PIPELINE = yaml.safe_load(FILE.read_text())
TASKS = [(job["name"], step) for job in PIPELINE["jobs"] for step in job["plan"] if "task" in step]
STEPS = {"get": GetStep, "put": PutStep, "task": TaskStep, "load_var": LoadVarStep}


def validate(pipeline):
    Pipeline.model_validate(pipeline)
    for job in pipeline["jobs"]:
        for step in job["plan"]:
            # Pipeline accepts any object as a step.
            [kind] = STEPS.keys() & step.keys()
            STEPS[kind].model_validate(step)


def test_the_models_accept_the_pipeline():
    validate(PIPELINE)


@pytest.mark.parametrize("part", ["jobs:", "serial:", "trigger:", "privileged:", "image_resource:", "path:", "format:"])
def test_the_models_refuse_a_misspelt_member(part):
    text = FILE.read_text()
    assert part in text
    with pytest.raises(ValidationError):
        validate(yaml.safe_load(text.replace(part, f"x{part}")))


def test_each_task_says_where_and_what_it_runs():
    for _, step in TASKS:
        assert step["config"].keys() >= {"platform", "image_resource", "run"}
        assert step["config"]["platform"] == "linux"


def test_resources_are_declared_and_used():
    declared = {resource["name"]: resource["type"] for resource in PIPELINE["resources"]}
    used = {step[kind] for job in PIPELINE["jobs"] for step in job["plan"] for kind in ("get", "put") if kind in step}
    assert used == declared.keys()
    # Both are built into Concourse.
    assert set(declared.values()) <= {"git", "registry-image"}


def test_each_passed_constraint_names_a_job_that_has_the_resource():
    had = {}
    for job in PIPELINE["jobs"]:
        for step in job["plan"]:
            for earlier in step.get("passed", []):
                assert step["get"] in had[earlier]
        had[job["name"]] = {step[kind] for step in job["plan"] for kind in ("get", "put") if kind in step}


@pytest.mark.parametrize("job", PIPELINE["jobs"], ids=lambda job: job["name"])
def test_each_step_reads_only_the_artifacts_of_earlier_steps(job):
    made, variables = set(), set()
    for step in job["plan"]:
        for used in re.findall(r"\(\(\.:([^)]*)\)\)", str(step)):
            assert used in variables
        if "task" in step:
            assert {each["name"] for each in step["config"].get("inputs", [])} <= made
            made |= {each["name"] for each in step["config"].get("outputs", [])}
        elif "load_var" in step:
            assert step["file"].split("/")[0] in made
            variables.add(step["load_var"])
        elif "put" in step:
            assert step["params"]["image"].split("/")[0] in made
        else:
            made.add(step["get"])


def test_only_version_tags_are_released():
    [release] = [resource for resource in PIPELINE["resources"] if resource["name"] == "release"]
    tags = ["v1.2.3", "v10.20.30", "v1.2", "v1.2.3-rc.1", "nightly"]
    assert [tag for tag in tags if re.search(release["source"]["tag_regex"], tag)] == tags[:2]


def test_only_production_is_started_by_hand():
    waiting = [job["name"] for job in PIPELINE["jobs"] if not any(step.get("trigger") for step in job["plan"])]
    assert waiting == ["production"]


def test_the_smoke_test_records_an_entry_only_on_staging():
    recording = {job: step["params"]["RECORD"] for job, step in TASKS if step["task"] == "deploy"}
    assert recording == {"staging": "yes", "production": ""}


def test_secrets_come_from_the_credential_manager():
    for job, step in TASKS:
        assert re.fullmatch(r"\(\([a-z]+\.kubeconfig\)\)", step.get("params", {}).get("CLUSTER", "((a.kubeconfig))"))
    [image] = [resource for resource in PIPELINE["resources"] if resource["name"] == "image"]
    assert image["source"]["password"] == "((registry.password))"


def test_shellcheck_accepts_the_scripts(tmp_path):
    for number, (_, step) in enumerate(TASKS):
        run = step["config"]["run"]
        if run["path"] in ("bash", "sh"):
            (tmp_path / f"{number}.sh").write_text(f"#!/bin/{run['path']}\n{run['args'][-1]}")
    files = sorted(tmp_path.glob("*.sh"))
    assert len(files) == 4
    done = subprocess.run([TOOLS / "shell" / "bin" / "shellcheck", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_yamllint_accepts_the_files():
    rules = """
extends: default
rules:
  document-start: disable
  truthy: {check-keys: false}
  comments: {min-spaces-from-content: 1}
  line-length: {max: 120}
"""
    files = [FILE, ROOT / "deploy" / "helmsman.yaml", ROOT / ".github" / "workflows" / "ci.yml"]
    yamllint = TOOLS / "pipeline" / "bin" / "yamllint"
    done = subprocess.run([yamllint, "--strict", "--config-data", rules, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
