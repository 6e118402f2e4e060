"""What happens to entries and settings when the package is updated, removed, purged and installed again."""

import sqlite3

import pytest
from conftest import OLD, ROOT

FIRST_MIGRATION = "20261121000000"
# As diesel makes it.
MIGRATIONS_TABLE = """
    CREATE TABLE __diesel_schema_migrations (
        version VARCHAR(50) PRIMARY KEY NOT NULL,
        run_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
    )
"""
DATA = "/var/lib/rollcall"
FILE = f"{DATA}/rollcall.sqlite3"
SETTINGS = "/etc/rollcall/gate.env"


@pytest.fixture
def old(machine):
    """The machine with the package of an older version, and an entry."""
    machine.apt("install", "/packages/old.deb")
    machine.wait_until_ready()
    machine.record("Cudanin")
    return machine


def version(machine):
    return machine.run("dpkg-query", "--show", "--showformat=${Version}", "rollcall-gate")


def first_release_file(path):
    """A file as release 0.1.0 left it, with one entry."""
    (migration,) = (ROOT / "migrations" / "sqlite").glob(f"{FIRST_MIGRATION}_*")
    with sqlite3.connect(path) as file:
        file.executescript((migration / "up.sql").read_text())
        file.execute(MIGRATIONS_TABLE)
        file.execute("INSERT INTO __diesel_schema_migrations (version) VALUES (?)", [FIRST_MIGRATION])
        file.execute(
            "INSERT INTO attendance (entry_id, login, received_at, lastname, firstname, gate) VALUES (?, ?, ?, ?, ?, ?)",
            ["01957a3e-6c5b-7c61-9c2e-0a4b6f1d2e3f", 1561338741123456, 1561338741123456, "Reyes", "Maria", "A"],
        )
    file.close()


def test_an_update_keeps_entries_and_settings(old):
    old.write(SETTINGS, "ROLLCALL_TIMEZONE=Asia/Manila\n")
    old.apt("install", "/packages/current.deb")
    assert not version(old).startswith(OLD)
    old.wait_until_ready()
    assert old.lastnames() == ["Cudanin"]
    assert old.read(SETTINGS) == "ROLLCALL_TIMEZONE=Asia/Manila\n"
    assert old.record("Reyes")["login"].endswith("+08:00")
    assert old.run("stat", "--format=%a %U:%G", SETTINGS).strip() == "640 root:rollcall"


def test_an_update_runs_on_the_file_of_the_first_release(old, tmp_path):
    old.run("systemctl", "stop", "rollcall-gate")
    old.run("sh", "-c", f"rm {FILE}*")
    first_release_file(tmp_path / "file")
    old.write(FILE, (tmp_path / "file").read_bytes())
    old.run("chown", "rollcall:rollcall", FILE)
    old.apt("install", "/packages/current.deb")
    old.wait_until_ready()
    old.record("Cudanin")
    status, sheet = old.request("/table/view/date:20190624")
    assert status == 200
    assert [(entry["lastname"], entry["gate"], entry["direction"]) for entry in sheet] == [("Reyes", "A", "in")]
    assert old.lastnames() == ["Reyes", "Cudanin"]


@pytest.mark.parametrize("action", ["remove", "purge"])
def test_removing_keeps_the_entries_and_a_later_installation_finds_them(old, action):
    old.write("/etc/rollcall/upstream.token", "secret")
    said = old.apt(action, "rollcall-gate")
    assert old.try_run("systemctl", "is-active", "rollcall-gate").stdout.strip() == "inactive"
    assert old.try_run("rollcall", "--version").returncode != 0
    assert old.run("stat", "--format=%a %U", FILE).split() == ["600", "rollcall"]
    is_purged = action == "purge"
    assert (old.try_run("test", "-e", "/etc/rollcall").returncode != 0) == is_purged
    assert (f"the attendance records in {DATA} are kept" in said) == is_purged
    old.apt("install", "/packages/current.deb")
    old.wait_until_ready()
    assert old.lastnames() == ["Cudanin"]
    assert old.run("systemctl", "is-enabled", "rollcall-gate").strip() == "enabled"


def test_a_service_that_was_disabled_stays_disabled(old):
    old.run("systemctl", "disable", "--now", "rollcall-gate")
    old.apt("install", "/packages/current.deb")
    assert old.try_run("systemctl", "is-enabled", "rollcall-gate").stdout.strip() == "disabled"
    assert old.try_run("systemctl", "is-active", "rollcall-gate").stdout.strip() == "inactive"
