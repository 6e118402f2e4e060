"""The image alone, with a read-only file system and without capabilities."""

import subprocess

import pytest

from conftest import IMAGE, Service, eventually, podman

CONFINED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]


def confined(cluster, *options):
    settings = [f"--env={name}={value}" for name, value in cluster.settings.items()]
    return ["--network=host", *CONFINED, *settings, *options]


@pytest.fixture
def cluster(start_cluster):
    return start_cluster()


@pytest.fixture
def migrated(cluster):
    output = podman("run", "--rm", *confined(cluster), IMAGE, "migrate")
    assert "the schema is current" in output
    return cluster


@pytest.fixture
def serving(migrated, containers):
    podman("run", "--detach", "--name=service", *confined(migrated, "--tmpfs=/tmp", "--env=ROLLCALL_ACCESS=open"), IMAGE)
    service = Service()
    eventually(service.answers)
    return service


def test_an_entry_is_recorded_and_shown(serving):
    serving.records_and_shows_an_entry()


def test_the_health_check_reports_readiness(migrated, serving):
    assert podman("exec", "service", "/rollcall", "healthcheck") == "ready"
    migrated.run("DELETE FROM __diesel_schema_migrations")
    done = subprocess.run(["podman", "exec", "service", "/rollcall", "healthcheck"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "not ready: 503" in done.stderr


def test_a_long_sheet_is_spooled_in_tmp(migrated, serving):
    count = 20_000
    migrated.run(f"""
        INSERT INTO attendance (entry_id, login, received_at, lastname, firstname)
        SELECT gen_random_uuid(), now(), now(), repeat('x', 100), 'Arvin' FROM generate_series(1, {count})
    """)
    assert len(serving.sheet()) == count


def test_sigterm_ends_it_with_status_0(serving):
    podman("kill", "--signal=TERM", "service")
    assert podman("wait", "service") == "0"


def test_it_trusts_only_the_certificate_authorities_of_the_image(start_cluster, tmp_path):
    cluster = start_cluster("--tls")
    cluster.settings |= {
        "DATABASE_HOSTNAME": "localhost",
        "DATABASE_SSLMODE": "verify-full",
        "DATABASE_SSLROOTCERT": "system",
    }
    authority = tmp_path / "authority.crt"
    # Not by copying the file, which only its owner may read.
    authority.write_text((cluster.directory / "server.crt").read_text())
    known = f"--volume={authority}:/etc/ssl/certs/ca-certificates.crt:ro"
    assert "the schema is current" in podman("run", "--rm", *confined(cluster, known), IMAGE, "migrate")
    unknown = ["podman", "run", "--rm", *confined(cluster), IMAGE, "migrate", "--timeout=0"]
    done = subprocess.run(unknown, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "certificate verify failed" in done.stderr
