"""The image's contents and configuration."""

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
    """The paths of all files in the image."""
    container = podman("create", IMAGE)
    export = subprocess.Popen(["podman", "export", container], stdout=subprocess.PIPE)
    listing = subprocess.run(["tar", "--list"], stdin=export.stdout, stdout=subprocess.PIPE, text=True, check=True)
    assert export.wait() == 0
    podman("rm", container)
    return listing.stdout.splitlines()


def test_the_image_is_small(inspected, capsys):
    with capsys.disabled():
        print(f" {inspected['Size'] / 1e6:.1f} MB ", end="")
    assert inspected["Size"] <= LIMIT


def test_the_user_is_numeric_and_not_root(inspected):
    assert inspected["Config"]["User"] == "65532:65532"


def test_the_image_has_one_program_and_no_shell(files):
    programs = [path for path in files if path.split("/")[-2:-1] in (["bin"], ["sbin"]) and not path.endswith("/")]
    assert programs == []
    shells = {"sh", "bash", "dash", "ash", "busybox"}
    assert not [path for path in files if path.rsplit("/", 1)[-1] in shells]
    assert "rollcall" in files


def test_the_labels_are_set(inspected):
    labels = inspected["Config"]["Labels"]
    version = IMAGE.removeprefix("rollcall:")
    assert labels["org.opencontainers.image.version"] == version
    assert len(labels["org.opencontainers.image.revision"].removesuffix("-dirty")) == 40
    assert podman("run", "--rm", IMAGE, "--version") == f"rollcall {version}"


def test_the_image_has_a_health_check(inspected):
    assert inspected["Healthcheck"]["Test"] == ["CMD", "/rollcall", "healthcheck"]


def test_by_default_the_store_is_postgresql_at_myapp_database():
    command = ["podman", "run", "--rm", IMAGE, "migrate", "--timeout", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert 'host name "myapp-database"' in done.stderr
