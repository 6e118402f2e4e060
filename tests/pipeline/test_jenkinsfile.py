"""Runs the Jenkinsfile: its stages and their conditions, its scripts in a real shell, its tools as stand-ins."""

import os
import pathlib
import re
import subprocess

from conftest import CREDENTIALS, DIGEST, HERE, IMAGE_ID, JAVA, ROOT, TOOLS, run_jenkinsfile

import pytest

TAG = "v1.2.3"
IMAGE = "ghcr.io/rollcall/rollcall"
CHECKS = ["Lint", "Test", "Dependencies", "Chart", "Image", "SBOM and scan"]
RELEASE = [
    *("Version", *CHECKS, "Push", "Sign"),
    *("Deploy to staging", "Test staging", "Smoke test staging"),
    *("Deploy to production", "Test production", "Smoke test production"),
]
# Commands that reach beyond the agent.
OUTWARD = ("buildah login", "buildah push --authfile", "cosign", "helm", "kubectl", "smoke-test")
LOG = 'error: relation "attendance" already exists'
POD = {"kubectl .* get pods": "pod/rollcall-migrate-1", "kubectl .* logs": LOG}


@pytest.fixture
def build(tmp_path):
    """Calls `run_jenkinsfile`."""
    return lambda tag=None, version="1.2.3", **options: run_jenkinsfile(tmp_path, tag, version, **options)


@pytest.fixture(scope="session")
def released(tmp_path_factory):
    """The build of a release without a failure."""
    return run_jenkinsfile(tmp_path_factory.mktemp("released"), TAG, "1.2.3", prints=POD)


def test_a_version_tag_runs_all_stages_in_order(released):
    assert released.result == "SUCCESS"
    assert released.stages == RELEASE
    assert [command.split()[:2] for command in released.commands if command.startswith(("make", "cargo-deny"))] == [
        ["make", "lint"],
        ["make", "test"],
        ["cargo-deny", "--locked"],
        ["make", "chart-test"],
    ]


def test_the_deployed_image_is_the_scanned_and_signed_one(released):
    assert released.called("buildah build")[0].endswith("--iidfile image.id .")
    archive, pushed = released.called("buildah push")
    assert archive == f"buildah push {IMAGE_ID} docker-archive:image.tar"
    assert released.called("syft scan docker-archive:image.tar")
    # The image's tag is the version without the v.
    assert pushed.endswith(f"{IMAGE_ID} docker://{IMAGE}:1.2.3")
    assert [command.split()[-1] for command in released.called("cosign")] == [f"{IMAGE}@{DIGEST}"] * 3
    upgrades = released.called("helm upgrade")
    assert len(upgrades) == 2
    for upgrade in upgrades:
        assert f"--set image.repository={IMAGE} --set image.digest={DIGEST} " in upgrade
        assert "--atomic --wait --wait-for-jobs " in upgrade


def test_the_smoke_test_records_an_entry_only_on_staging(released):
    staging, production = released.called("smoke-test")
    assert staging == "smoke-test attendance rollcall 1.2.3 --record"
    assert production == "smoke-test attendance rollcall 1.2.3"


def test_a_branch_is_checked_and_not_released(build):
    done = build()
    assert done.result == "SUCCESS"
    assert done.stages == CHECKS
    assert not [command for command in done.commands if command.startswith(OUTWARD)]
    assert not done.of("credentials") and not done.of("input")


@pytest.mark.parametrize(
    "tag, result",
    [
        ("nightly", "SUCCESS"),
        ("1.2.3", "SUCCESS"),
        # These look like a version: the build fails, because somebody expects a release.
        ("v1.2", "FAILURE"),
        ("v1.2.3-rc.1", "FAILURE"),
        ("v1.2.3.4", "FAILURE"),
        ("v01.2.3", "FAILURE"),
        # Not the version in the files.
        ("v1.2.4", "FAILURE"),
    ],
)
def test_no_other_tag_is_released(build, tag, result):
    done = build(tag)
    assert done.result == result
    assert done.stages == (["Version", *CHECKS][1:] if result == "SUCCESS" else ["Version"])
    assert not [command for command in done.commands if command.startswith(OUTWARD)]
    assert not done.of("credentials") and not done.of("input")


@pytest.mark.parametrize("tag", ["v1.2.3-rc.1", "v1.2", "v1.2.3.4", "v01.2.3", "v1.2.3 ", "xv1.2.3"])
def test_the_release_stages_check_the_tag_themselves(build, tag):
    """A tag that release-check wrongly accepts is still not released."""
    done = build(tag, replaced=["deploy/release-check"])
    assert done.result == "SUCCESS"
    assert done.stages[-1] == "SBOM and scan"
    assert not done.of("credentials") and not done.of("input")


def test_production_waits_for_a_person_without_holding_an_agent(released):
    [asked] = released.of("input")
    assert asked["message"] == "Release v1.2.3 to production?"
    assert asked["submitter"] and asked["agents"] == 0
    before = released.events[: released.events.index(asked)]
    assert "Smoke test staging" in before[-1]["stage"]
    assert not [event for event in before if event.get("id") == "rollcall-kubeconfig-production"]


def test_a_refused_release_does_not_touch_production(build):
    done = build(TAG, approve=False)
    assert done.result == "ABORTED"
    assert done.stages == RELEASE[: RELEASE.index("Deploy to production")]
    assert len(done.called("helm upgrade")) == 1


@pytest.mark.parametrize(
    "stage, command",
    [
        ("Lint", "make lint"),
        ("Test", "make test"),
        ("Dependencies", "cargo-deny"),
        ("Chart", "make chart-test"),
        ("Image", "buildah build"),
        ("SBOM and scan", "grype sbom:image"),
        ("SBOM and scan", "grype sbom:crates"),
        ("Push", "buildah login"),
        ("Push", "docker://"),
        ("Sign", "cosign sign"),
        ("Sign", "cosign attest"),
        ("Deploy to staging", "helm upgrade"),
        ("Test staging", "helm test"),
        ("Smoke test staging", "smoke-test"),
    ],
)
def test_a_failure_ends_the_build_at_its_stage(build, stage, command):
    done = build(TAG, fails=[command])
    assert done.result == "FAILURE"
    assert done.stages == RELEASE[: RELEASE.index(stage) + 1]
    assert not done.of("input")


@pytest.mark.parametrize("site", ["staging", "production"])
def test_a_failed_deployment_prints_the_migrate_jobs_log(build, site):
    done = build(TAG, fails=[f"helm upgrade.*{site}.kubeconfig"], prints=POD)
    assert done.result == "FAILURE"
    assert done.stages == RELEASE[: RELEASE.index(f"Deploy to {site}") + 1]
    [printed] = [event["output"] for event in done.of("sh") if event["stage"].endswith(f"Deploy to {site}")]
    assert LOG in printed


def test_a_successful_deployment_prints_no_log(released):
    assert released.called("kubectl --namespace attendance logs")
    assert LOG not in released.output


@pytest.mark.parametrize("site", ["staging", "production"])
@pytest.mark.parametrize("command", ["helm upgrade", "helm test", "smoke-test"])
def test_a_failure_prints_the_events_of_its_cluster(build, site, command):
    done = build(TAG, fails=[f"{command}.*{site}.kubeconfig"])
    asked = [call for call in done.calls if call["command"][-3:-1] == ["get", "events"]]
    assert [call["cluster"] for call in asked] == [f"{site}.kubeconfig"]


def test_each_stage_sees_its_own_cluster(released):
    clusters = [call["cluster"] for call in released.calls if call["command"][0] in ("helm", "kubectl", "smoke-test")]
    assert set(clusters) == {"staging.kubeconfig", "production.kubeconfig"}
    # All of staging before all of production.
    assert clusters == sorted(clusters, reverse=True)
    assert {call["cluster"] for call in released.calls if call["command"][0] in ("make", "buildah", "cosign")} == {None}


def test_no_secret_is_printed(released):
    texts = [*released.commands, released.output, *(event["script"] for event in released.of("sh"))]
    for secret in ("hunter2-registry", "hunter2-cosign"):
        assert not [text for text in texts if secret in text]
    [login] = [call for call in released.calls if call["command"][:2] == ["buildah", "login"]]
    assert login["stdin"] == CREDENTIALS["rollcall-registry"]["_PSW"]


@pytest.mark.parametrize("fails", [[], ["cosign attest"]])
def test_the_registry_login_is_removed(build, tmp_path, fails):
    done = build(TAG, fails=fails)
    file = next(word for word in done.called("buildah login")[0].split() if word.endswith("config.json"))
    done_at = [event["script"] for event in done.of("sh") if event["stage"] == "Candidate / Publish"]
    assert pathlib.Path(file).parent.parent == pathlib.Path(tmp_path / "tree@tmp")
    assert not pathlib.Path(file).parent.exists() and len(done_at) == 1


def test_shellcheck_accepts_every_script(build, tmp_path):
    # Includes the scripts that run after a failure.
    scripts = {event["script"] for event in build(TAG, fails=["smoke-test.*production"]).of("sh")}
    assert any("kubectl" in script for script in scripts)
    for number, script in enumerate(sorted(scripts)):
        (tmp_path / f"{number}.sh").write_text(script)
    checked = subprocess.run(
        [TOOLS / "shell" / "bin" / "shellcheck", "--shell=dash", *tmp_path.glob("*.sh")], capture_output=True, text=True
    )
    assert checked.returncode == 0, checked.stdout


def lint(jenkinsfile):
    linter = TOOLS / "groovy-lint" / "node_modules" / ".bin" / "npm-groovy-lint"
    options = ["--noserver", "--failon", "info", "--config", HERE / "groovylintrc.json"]
    # The linter takes a file name pattern relative to its working directory.
    return subprocess.run(
        [linter, *options, jenkinsfile.name],
        cwd=jenkinsfile.parent,
        env={**os.environ, **JAVA, "FORCE_COLOR": "0"},
        capture_output=True,
        text=True,
    )


def test_the_linter_reports_nothing():
    done = lint(ROOT / "Jenkinsfile")
    assert done.returncode == 0 and "results in 1 linted files" in done.stdout, done.stdout


def test_the_linter_reports_a_file_that_does_not_parse(tmp_path):
    (tmp_path / "Jenkinsfile").write_text((ROOT / "Jenkinsfile").read_text().replace("pipeline {", "pipeline {{"))
    assert "NglParseError" in lint(tmp_path / "Jenkinsfile").stdout


@pytest.mark.parametrize(
    "tool, subcommands",
    [
        ("buildah", {"build", "login", "push"}),
        ("helm", {"history", "test", "upgrade"}),
        ("kubectl", {"get", "logs"}),
    ],
)
def test_the_real_tools_have_the_options(build, tool, subcommands):
    # Includes the commands that run after a failure.
    done = build(TAG, fails=["smoke-test.*production"], prints=POD)
    env = {**os.environ, "PATH": f"{TOOLS / 'helm'}:{os.environ['PATH']}"}
    used = {}
    for command in done.called(f"{tool} "):
        words = command.replace("--namespace attendance ", "", 1).split()
        used.setdefault(words[1], set()).update(re.findall(r" (--[\w-]+)", command))
    assert used.keys() == subcommands
    for subcommand, options in used.items():
        helps = [[tool, subcommand, "--help"], [tool, "options"] if tool == "kubectl" else [tool, "--help"]]
        texts = [subprocess.run(each, env=env, capture_output=True, text=True) for each in helps]
        assert texts[0].returncode == 0
        known = set(re.findall(r"(--[\w-]+)", "".join(text.stdout for text in texts)))
        assert options <= known, f"{tool} {subcommand}"
