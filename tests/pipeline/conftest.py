"""Shared by the tests: copies of the released files, and runs of the Jenkinsfile on this machine."""

import json
import os
import pathlib
import re
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "pipeline"
TOOLS = ROOT / ".tools"
# The files that the pipeline's own scripts read.
RELEASED = ("Cargo.toml", "Cargo.lock", "CHANGELOG.md", "deploy", "helm", "k8s/deployment.yaml", "tests/image/build")
VERSION = re.search(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.MULTILINE)[1]

IMAGE_ID = "sha256:" + "1" * 64
DIGEST = "sha256:" + "d" * 64
PIPELINE_TOOLS = ("make", "buildah", "syft", "grype", "cosign", "helm", "kubectl")
# By id: the values of the variables that the credentials set, by suffix. A secret file's value is its name.
CREDENTIALS = {
    "rollcall-registry": {"": "pusher:hunter2-registry", "_USR": "pusher", "_PSW": "hunter2-registry"},
    "rollcall-cosign-key": "cosign.key",
    "rollcall-cosign-password": "hunter2-cosign",
    "rollcall-kubeconfig-staging": "staging.kubeconfig",
    "rollcall-kubeconfig-production": "production.kubeconfig",
}


def copy_released(tree):
    for name in RELEASED:
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy2
        copy(ROOT / name, tree / name)
    return tree


def replace(file, pattern, new):
    """Replaces the only match of a pattern."""
    text, count = re.subn(pattern, new, file.read_text(), flags=re.MULTILINE)
    assert count == 1, f"{pattern} matches {count} times in {file.name}"
    file.write_text(text)


def make_release(tree, version):
    """Changes the files as docs/RELEASING.md says."""
    replace(tree / "Cargo.toml", r'^version = ".*"$', f'version = "{version}"')
    replace(tree / "Cargo.lock", r'(name = "rollcall"\nversion = )".*"', rf'\1"{version}"')
    chart = tree / "helm" / "rollcall" / "Chart.yaml"
    replace(chart, r"^version: .*", f"version: {version}")
    replace(chart, r"^appVersion: .*", f'appVersion: "{version}"')
    replace(tree / "deploy" / "helmsman.yaml", r"^    version: .*", f"    version: {version}")
    manifest = tree / "k8s" / "deployment.yaml"
    manifest.write_text(re.sub(r"(image: .*:)[^:\"]*\"", rf'\g<1>{version}"', manifest.read_text()))
    replace(tree / "CHANGELOG.md", r"^## \[Unreleased\]\n", f"## [Unreleased]\n\n## [{version}] - 2026-12-01\n")


class Build:
    """The outcome of a run of the Jenkinsfile."""

    def __init__(self, outcome, calls):
        self.result = outcome["result"]
        self.events = outcome["events"]
        # Each call of a tool: its name and arguments, its standard input, and the cluster of its KUBECONFIG.
        self.calls = calls

    def of(self, kind):
        return [event for event in self.events if event["type"] == kind]

    @property
    def stages(self):
        """The names of the innermost stages that ran, in order."""
        names = [event["stage"] for event in self.of("stage")]
        outer = {name.rpartition(" / ")[0] for name in names}
        return [name.rpartition(" / ")[2] for name in names if name not in outer]

    @property
    def commands(self):
        return [" ".join(call["command"]) for call in self.calls]

    @property
    def output(self):
        return "".join(event["output"] for event in self.of("sh"))

    def called(self, beginning):
        return [command for command in self.commands if command.startswith(beginning)]


# Debian's `groovy` looks for Java in the path of Debian's package `default-jre` only. The runs are too short for the
# optimising compiler to pay off.
JAVA = {
    "JAVA_HOME": str(pathlib.Path(shutil.which("java")).resolve().parents[1]),
    "JAVA_OPTS": "-XX:TieredStopAtLevel=1",
}


def run_groovy(jenkinsfile, scenario, directory):
    """Runs a Jenkinsfile in a scenario; returns the finished process."""
    (directory / "scenario.json").write_text(json.dumps(scenario))
    return subprocess.run(
        ["groovy", HERE / "declarative.groovy", jenkinsfile, directory / "scenario.json"],
        env={**os.environ, **JAVA},
        capture_output=True,
        text=True,
        timeout=120,
    )


def run_jenkinsfile(directory, tag, version, approve=True, fails=(), prints=(), replaced=()):
    """Runs the Jenkinsfile in a copy of the tree, with the real scripts and stand-ins for the tools; returns a Build.

    `tag` is the git tag that is built, None on a branch; `version` is the version in the files. A command that matches
    a pattern of `fails` fails; one that matches a key of `prints` prints its value. Both patterns see the command with
    its KUBECONFIG appended. `replaced` names scripts that are replaced by a stand-in too.
    """
    tree, home, scripts = copy_released(directory / "tree"), directory / "stand-ins", directory / "scripts"
    make_release(tree, version)
    (home / "bin").mkdir(parents=True)
    scripts.mkdir()
    (tree / ".tools" / "bin").mkdir(parents=True)
    # The smoke test needs a running service; test_smoke.py tests it.
    for name in (".tools/bin/cargo-deny", "deploy/smoke-test", *replaced):
        (tree / name).unlink(missing_ok=True)
        (tree / name).symlink_to(HERE / "stand-in")
    for tool in PIPELINE_TOOLS:
        (home / "bin" / tool).symlink_to(HERE / "stand-in")
    files = {"--iidfile": IMAGE_ID, "--digestfile": DIGEST + "\n", "--authfile": "{}"}
    (home / "plan.json").write_text(json.dumps({"fails": fails, "prints": dict(prints), "files": files}))
    environment = {
        "PATH": f"{home / 'bin'}:/usr/bin:/bin",
        "HOME": str(directory),
        "TMPDIR": str(directory),
        "STAND_INS": str(home),
        **({"TAG_NAME": tag} if tag else {"BRANCH_NAME": "main"}),
    }
    scenario = {
        "environment": environment,
        "credentials": CREDENTIALS,
        "workspace": str(tree),
        "scripts": str(scripts),
        "approve": approve,
    }
    done = run_groovy(ROOT / "Jenkinsfile", scenario, directory)
    assert done.returncode == 0, done.stderr
    calls = (home / "calls").read_text().splitlines() if (home / "calls").exists() else []
    return Build(json.loads(done.stdout), [json.loads(line) for line in calls])
