"""deploy/release-check accepts the files of the repository, and reports each file that has another version."""

import re
import subprocess

from conftest import ROOT, VERSION, copy_released, make_release, replace

import pytest


CHART = "helm/rollcall/Chart.yaml"


@pytest.fixture
def tree(tmp_path):
    """A copy of the released files that a test may change."""
    return copy_released(tmp_path / "tree")


def check(tree, *tag):
    return subprocess.run([tree / "deploy" / "release-check", *tag], capture_output=True, text=True)


def expect_problems(tree, *problems, tag="v1.2.3"):
    """The check fails and reports exactly these problems."""
    done = check(tree, tag)
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == len(problems), done.stderr
    for line, problem in zip(lines, problems):
        assert problem in line


def test_the_repository_is_consistent():
    done = check(ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"release-check: {VERSION} is consistent\n"


def test_a_release_made_by_the_procedure_is_consistent(tree):
    make_release(tree, "1.2.3")
    done = check(tree, "v1.2.3")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "file, pattern, new, problem",
    [
        ("Cargo.lock", r'(name = "rollcall"\nversion = )".*"', r'\1"1.2.2"', "Cargo.lock is '1.2.2'"),
        (CHART, r"^version: .*", "version: 1.2.2", f" version in {CHART} is '1.2.2'"),
        (CHART, r"^appVersion: .*", 'appVersion: "1.2.2"', f" appVersion in {CHART} is '1.2.2'"),
        (CHART, r"^appVersion: .*\n", "", f" appVersion in {CHART} is ''"),
        ("deploy/helmsman.yaml", r"^    version: .*", "    version: 1.2.2", "deploy/helmsman.yaml is '1.2.2'"),
        ("CHANGELOG.md", r"^## \[1\.2\.3\] - .*\n", "", "has no section '## [1.2.3] - YYYY-MM-DD'"),
        ("CHANGELOG.md", r"^(## \[1\.2\.3\]) - .*", r"\1", "has no section '## [1.2.3] - YYYY-MM-DD'"),
        ("CHANGELOG.md", r"^(## \[1\.2\.3\] - ).*", r"\1soon", "has no section '## [1.2.3] - YYYY-MM-DD'"),
        ("CHANGELOG.md", r"^## \[1\.2\.3\]", "## [1.2.30]", "has no section '## [1.2.3] - YYYY-MM-DD'"),
        (
            "CHANGELOG.md",
            r"^(## \[1\.2\.3\] - .*\n)",
            r"\1\n## [1.2.2] - 2026-11-01\n",
            "the section of 1.2.3 in CHANGELOG.md is empty",
        ),
    ],
)
def test_a_file_with_another_version_is_reported(tree, file, pattern, new, problem):
    make_release(tree, "1.2.3")
    replace(tree / file, pattern, new)
    expect_problems(tree, problem)


def test_manifests_of_another_version_are_reported(tree):
    make_release(tree, "1.2.3")
    manifest = tree / "k8s" / "deployment.yaml"
    manifest.write_text(re.sub(r":1\.2\.3\"", ':1.2.2"', manifest.read_text()))
    expect_problems(tree, "k8s/deployment.yaml is '1.2.2'")


@pytest.mark.parametrize("tag", ["v1.2.4", "1.2.3", "v1.2.3-rc.1", "v1.2", "v1.2.30", ""])
def test_a_tag_of_another_version_is_reported(tree, tag):
    make_release(tree, "1.2.3")
    expect_problems(tree, f"the tag is '{tag}'", tag=tag)


@pytest.mark.parametrize("version", ["1.2.3-rc.1", "1.2", "01.2.3", "1.2.3+build"])
def test_a_version_has_exactly_three_numbers(tree, version):
    make_release(tree, version)
    expect_problems(tree, f"the version in Cargo.toml is '{version}'", tag=f"v{version}")


def test_all_problems_are_reported_at_once(tree):
    make_release(tree, "1.2.3")
    replace(tree / "Cargo.toml", r'^version = ".*"$', 'version = "1.2.4"')
    expect_problems(tree, "Cargo.lock", "version in", "appVersion in", "helmsman", "k8s", "the tag", "CHANGELOG")
