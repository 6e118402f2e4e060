"""What the image is."""

import json
import subprocess

import pytest

from conftest import IMAGE, podman

LIMIT = 40_000_000


@pytest.fixture(scope="module")
def inspected():
    [image] = json.loads(podman("image", "inspect", IMAGE))
    return image


@pytest.fixture(scope="module")
def files():
    """The path of everything in it."""
    container = podman("create", IMAGE)
    export = subprocess.Popen(["podman", "export", container], stdout=subprocess.PIPE)
    listing = subprocess.run(["tar", "--list"], stdin=export.stdout, stdout=subprocess.PIPE, text=True, check=True)
    assert export.wait() == 0
    podman("rm", container)
    return listing.stdout.splitlines()


def test_it_is_small(inspected, capsys):
    with capsys.disabled():
        print(f" {inspected['Size'] / 1e6:.1f} MB ", end="")
    assert inspected["Size"] <= LIMIT


def test_it_is_nobody_in_particular(inspected):
    assert inspected["Config"]["User"] == "65532:65532"


def test_it_has_no_shell_and_one_program(files):
    programs = [path for path in files if path.split("/")[-2:-1] in (["bin"], ["sbin"]) and not path.endswith("/")]
    assert programs == []
    shells = {"sh", "bash", "dash", "ash", "busybox"}
    assert not [path for path in files if path.rsplit("/", 1)[-1] in shells]
    assert "rollcall" in files


def test_what_it_says_of_itself(inspected):
    labels = inspected["Config"]["Labels"]
    version = IMAGE.removeprefix("rollcall:")
    assert labels["org.opencontainers.image.version"] == version
    assert len(labels["org.opencontainers.image.revision"].removesuffix("-dirty")) == 40
    assert podman("run", "--rm", IMAGE, "--version") == f"rollcall {version}"


def test_it_keeps_its_health_check(inspected):
    assert inspected["Healthcheck"]["Test"] == ["CMD", "/rollcall", "healthcheck"]


def test_without_a_setting_it_looks_for_the_demos_database():
    command = ["podman", "run", "--rm", IMAGE, "migrate", "--timeout", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'host name "myapp-database"' in done.stderr
