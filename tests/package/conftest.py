"""Shared by the tests: the package, as it is and as an older version, and a machine to install it on."""

import os
import pathlib
import platform
import subprocess

import pytest
from machine import Machine, as_root

ROOT = pathlib.Path(__file__).resolve().parents[2]
GATE = ROOT / "deploy" / "gate"
BINARY = ROOT / os.environ.get("ROLLCALL_BINARY", "target/debug/rollcall")
SYSTEM = ROOT / ".tools" / f"system-{platform.freedesktop_os_release()['VERSION_CODENAME']}"
OLD = "0.1.0"


def build(directory, *options):
    done = subprocess.run(
        [GATE / "build", "--fast", *options],
        env={**os.environ, "ROLLCALL_BINARY": str(BINARY), "CARGO_TARGET_DIR": str(directory)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return pathlib.Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def package(tmp_path_factory):
    """The path of the package."""
    return build(tmp_path_factory.mktemp("package"))


@pytest.fixture(scope="session")
def unpacked(package, tmp_path_factory):
    """A directory with the package's files."""
    directory = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "--extract", package, directory], check=True)
    return directory


@pytest.fixture(scope="session")
def packages(package, tmp_path_factory):
    """A directory with the package as current.deb, and one of an older version as old.deb."""
    directory = tmp_path_factory.mktemp("packages")
    os.link(package, directory / "current.deb")
    os.link(build(tmp_path_factory.mktemp("old"), "--deb-version", f"{OLD}-1"), directory / "old.deb")
    return directory


@pytest.fixture
def machine(packages, tmp_path):
    """A freshly booted machine without the package."""
    if subprocess.run(as_root("unshare", "--mount", "true"), capture_output=True).returncode != 0:
        pytest.skip("a machine cannot be booted without the right to mount")
    with Machine(SYSTEM, packages, tmp_path) as machine:
        yield machine
