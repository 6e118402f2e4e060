"""deploy/concourse.yaml is a pipeline that Concourse takes, as far as its documentation tells."""

import re
import subprocess

from conftest import ROOT, TOOLS

import jsonschema
import pytest
import yaml

FILE = ROOT / "deploy" / "concourse.yaml"
PIPELINE = yaml.safe_load(FILE.read_text())
TASKS = [(job["name"], step) for job in PIPELINE["jobs"] for step in job["plan"] if "task" in step]

TEXT = {"type": "string", "minLength": 1}
NAME = {"type": "string", "pattern": r"^[a-z][a-z0-9_.-]*$"}
NAMES = {"type": "array", "items": NAME, "minItems": 1}
FLAG = {"type": "boolean"}
CONFIG = {"type": "object"}
TIMEOUT = {"type": "string", "pattern": r"^\d+[mh]$"}


def members(required, **optional):
    """An object of these members; the required ones are among them."""
    return {"type": "object", "required": required, "additionalProperties": False, "properties": optional}


def listed(item):
    return {"type": "array", "items": item, "minItems": 1}


# https://concourse-ci.org/docs: of each schema what this pipeline uses. Concourse refuses members that it does not
# know.
TASK = members(
    ["platform", "image_resource", "run"],
    platform={"const": "linux"},
    image_resource=members(["type", "source"], type=NAME, source=members(["repository"], repository=TEXT, tag=TEXT)),
    inputs=listed(members(["name"], name=NAME)),
    outputs=listed(members(["name"], name=NAME)),
    caches=listed(members(["path"], path=TEXT)),
    params={"type": "object", "additionalProperties": {"type": "string"}},
    run=members(["path"], path=TEXT, args=listed(TEXT), dir=TEXT),
)
STEPS = {
    "get": members(["get"], get=NAME, passed=NAMES, trigger=FLAG, params=CONFIG),
    "put": members(["put"], put=NAME, params=CONFIG),
    "task": members(["task", "config"], task=NAME, config=TASK, params=CONFIG, privileged=FLAG, timeout=TIMEOUT),
    "load_var": members(["load_var", "file"], load_var=NAME, file=TEXT, format={"const": "trim"}),
}
SCHEMA = members(
    ["resources", "jobs"],
    resources=listed(members(["name", "type", "source"], name=NAME, type=NAME, source=CONFIG)),
    jobs=listed(members(["name", "plan"], name=NAME, serial=FLAG, plan=listed({"type": "object"}))),
)


def test_it_keeps_the_schema():
    jsonschema.validate(PIPELINE, SCHEMA)
    for job in PIPELINE["jobs"]:
        for step in job["plan"]:
            [kind] = STEPS.keys() & step.keys()
            jsonschema.validate(step, STEPS[kind])


def test_resources_are_declared_and_used():
    declared = {resource["name"]: resource["type"] for resource in PIPELINE["resources"]}
    used = {step[kind] for job in PIPELINE["jobs"] for step in job["plan"] for kind in ("get", "put") if kind in step}
    assert used == declared.keys()
    # Those that Concourse brings along.
    assert set(declared.values()) <= {"git", "registry-image"}


def test_jobs_pass_on_what_earlier_ones_had():
    had = {}
    for job in PIPELINE["jobs"]:
        for step in job["plan"]:
            for earlier in step.get("passed", []):
                assert step["get"] in had[earlier]
        had[job["name"]] = {step[kind] for step in job["plan"] for kind in ("get", "put") if kind in step}


@pytest.mark.parametrize("job", PIPELINE["jobs"], ids=lambda job: job["name"])
def test_each_step_reads_what_a_step_before_it_made(job):
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


def test_only_production_waits_for_a_person():
    waiting = [job["name"] for job in PIPELINE["jobs"] if not any(step.get("trigger") for step in job["plan"])]
    assert waiting == ["production"]


def test_only_staging_gets_an_entry():
    recording = {job: step["params"]["RECORD"] for job, step in TASKS if step["task"] == "deploy"}
    assert recording == {"staging": "yes", "production": ""}


def test_secrets_come_from_the_credential_manager():
    for job, step in TASKS:
        assert re.fullmatch(r"\(\([a-z]+\.kubeconfig\)\)", step.get("params", {}).get("CLUSTER", "((a.kubeconfig))"))
    [image] = [resource for resource in PIPELINE["resources"] if resource["name"] == "image"]
    assert image["source"]["password"] == "((registry.password))"


def test_shellcheck_takes_the_scripts(tmp_path):
    for number, (_, step) in enumerate(TASKS):
        run = step["config"]["run"]
        if run["path"] in ("bash", "sh"):
            (tmp_path / f"{number}.sh").write_text(f"#!/bin/{run['path']}\n{run['args'][-1]}")
    files = sorted(tmp_path.glob("*.sh"))
    assert len(files) == 4
    done = subprocess.run([TOOLS / "shell" / "bin" / "shellcheck", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_yaml_is_tidy():
    rules = """
extends: default
rules:
  document-start: disable
  truthy: {check-keys: false}
  comments: {min-spaces-from-content: 1}
  line-length: {max: 120}
"""
    files = [FILE, ROOT / ".github" / "workflows" / "ci.yml"]
    yamllint = TOOLS / "pipeline" / "bin" / "yamllint"
    done = subprocess.run([yamllint, "--strict", "--config-data", rules, *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
