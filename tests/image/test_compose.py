"""compose.yaml as compose parses it. Tests that run it are in running/."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(sys.executable).parent
TEXT = (ROOT / "compose.yaml").read_text()
SETTINGS = re.compile(r"DATABASE_|ROLLCALL_|ROCKET_|COMPOSE_|PORT$")


@pytest.fixture
def config(tmp_path):
    """Runs `docker-compose config` with only these variables; returns the finished process."""
    shutil.copy(ROOT / "compose.yaml", tmp_path)

    def run(**variables):
        environment = {name: value for name, value in os.environ.items() if not SETTINGS.match(name)}
        return subprocess.run(
            ["docker-compose", "config"],
            cwd=tmp_path,
            env={**environment, **variables},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def services(config):
    """Returns the services as compose parses them, with these variables."""

    def read(**variables):
        done = config(**{"DATABASE_PASSWORD": "correct horse", **variables})
        assert done.returncode == 0, done.stderr
        return yaml.safe_load(done.stdout)["services"]

    return read


def test_the_file_matches_composes_schema():
    check = [TOOLS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", ROOT / "compose.yaml"]
    subprocess.run(check, check=True)


def test_a_missing_password_is_reported_with_an_instruction(config):
    done = config()
    assert done.returncode != 0
    assert "set DATABASE_PASSWORD as described at the top of compose.yaml" in done.stderr


def test_the_commands_at_the_top_of_the_file_work(config, tmp_path):
    command = re.search(r"^# +(\S.*) && docker compose up", TEXT, re.MULTILINE)[1]
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    made = (tmp_path / ".env").read_text()
    # A second password would not match the one in the volume.
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    assert (tmp_path / ".env").read_text() == made
    done = config()
    assert done.returncode == 0, done.stderr
    password = yaml.safe_load(done.stdout)["services"]["rollcall"]["environment"]["DATABASE_PASSWORD"]
    assert re.fullmatch("[0-9a-f]{32}", password)


def test_no_password_is_in_the_file():
    written = [line for line in TEXT.splitlines() if re.search(r"PASSWORD: ", line)]
    assert len(written) == 2
    assert all(re.search(r"PASSWORD: \$\{DATABASE_PASSWORD:\?[^}]+\}$", line) for line in written)


def test_the_services_start_in_order(services):
    services = services()
    waits = {
        (name, other, how["condition"])
        for name, service in services.items()
        for other, how in service.get("depends_on", {}).items()
    }
    assert waits == {
        ("migrate", "database", "service_healthy"),
        ("rollcall", "migrate", "service_completed_successfully"),
    }
    assert services["migrate"]["command"] == ["migrate"]
    # With a restart policy the migration would never count as completed.
    assert services["migrate"].get("restart", "no") == "no"
    # By address: the server that initialises the volume answers on the socket.
    assert "--host=127.0.0.1" in services["database"]["healthcheck"]["test"]


@pytest.mark.parametrize("variables, port", [({}, "8000"), ({"PORT": "9000"}, "9000")])
def test_port_sets_the_published_port(services, variables, port):
    published = services(**variables)["rollcall"]["ports"]
    # Compose 2 prints a port in the long form, compose 1 in the short form.
    long = [(p["host_ip"], str(p["published"]), str(p["target"])) for p in published if isinstance(p, dict)]
    short = [tuple(p.removesuffix("/tcp").split(":")) for p in published if isinstance(p, str)]
    assert long + short == [("127.0.0.1", port, "8000")]


def test_access_is_open_because_only_this_machine_reaches_it(services):
    assert services()["rollcall"]["environment"]["ROLLCALL_ACCESS"] == "open"


def test_the_database_is_not_published(services):
    assert not any("ports" in service for name, service in services().items() if name != "rollcall")


def test_all_services_have_the_same_database_settings(services):
    chosen = {"DATABASE_NAME": "attendance", "DATABASE_USER": "gates", "DATABASE_PASSWORD": "battery staple"}
    services = services(**chosen)
    for name in ("migrate", "rollcall"):
        settings = services[name]["environment"]
        assert settings.items() >= {**chosen, "DATABASE_HOSTNAME": "database"}.items()
    database = services["database"]["environment"]
    assert database == {name.replace("DATABASE", "POSTGRES").replace("NAME", "DB"): v for name, v in chosen.items()}


def test_the_database_is_in_a_volume(services):
    assert yaml.safe_load(TEXT)["volumes"] == {"database": None}
    [volume] = services()["database"]["volumes"]
    if isinstance(volume, dict):
        volume = f"{volume['source']}:{volume['target']}"
    assert volume.removesuffix(":rw") == "database:/var/lib/postgresql/data"


@pytest.mark.parametrize("name", ["migrate", "rollcall"])
def test_the_service_has_no_unneeded_privileges(services, name):
    service = services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_service_has_a_health_check_a_restart_policy_and_a_grace_period(services):
    service = services()["rollcall"]
    assert service["healthcheck"]["test"] == ["CMD", "/rollcall", "healthcheck"]
    assert service["restart"] == "unless-stopped"
    assert service["stop_grace_period"] == "30s"
    [spool] = service["tmpfs"]
    assert spool.startswith("/tmp:size=")


def test_the_database_image_is_the_charts():
    image = yaml.safe_load((ROOT / "helm/rollcall/values.yaml").read_text())["database"]["bundled"]["image"]
    assert yaml.safe_load(TEXT)["services"]["database"]["image"] == f"{image['repository']}:{image['tag']}"
