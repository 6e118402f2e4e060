"""The service on a booted Debian: installed, configured, restarted, and its command."""

import subprocess

import pytest
from conftest import GATE

SETTINGS = "/etc/rollcall/gate.env"
UNIT = "/usr/lib/systemd/system/rollcall-gate.service"
# Of 100, where systemd calls everything below 50 "ok".
EXPOSURE = 20


@pytest.fixture
def gate(machine):
    """The machine with the package, and the service ready."""
    machine.apt("install", "/packages/current.deb")
    machine.wait_until_ready()
    return machine


def set_settings(gate, *lines):
    gate.write(SETTINGS, "".join(f"{line}\n" for line in lines))


def restart(gate, *lines):
    set_settings(gate, *lines)
    gate.run("systemctl", "restart", "rollcall-gate")
    gate.wait_until_ready()


def test_the_exposure_is_low():
    subprocess.run(
        ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}", GATE / "rollcall-gate.service"],
        check=True,
    )


def test_systemd_reads_the_unit_without_a_warning(gate):
    done = gate.try_run("systemd-analyze", "verify", "--man=no", UNIT)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_it_runs_from_the_installation_on_with_few_rights(gate):
    assert gate.property("ActiveState") == "active"
    assert gate.run("systemctl", "is-enabled", "rollcall-gate").strip() == "enabled"
    process = gate.read(f"/proc/{gate.property('MainPID')}/status")
    status = dict(line.split(":\t", 1) for line in process.splitlines() if ":\t" in line)
    user = gate.run("id", "-u", "rollcall").strip()
    assert user != "0" and status["Uid"].split() == [user] * 4
    assert {int(status[f"Cap{kind}"], 16) for kind in ("Eff", "Prm", "Inh", "Bnd", "Amb")} == {0}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")


def test_it_listens_on_the_loopback_only(gate):
    lines = gate.read("/proc/net/tcp").splitlines()[1:] + gate.read("/proc/net/tcp6").splitlines()[1:]
    listening = [fields[1] for fields in map(str.split, lines) if fields[3] == "0A"]
    # 127.0.0.1:8000, as the kernel writes it.
    assert listening == ["0100007F:1F40"]


def test_its_files_belong_to_its_user(gate):
    gate.record("Cudanin")
    paths = ["/etc/rollcall/gate.env", "/var/lib/rollcall", "/var/lib/rollcall/rollcall.sqlite3"]
    listing = gate.run("stat", "--format=%n %a %U:%G", *paths)
    assert listing.splitlines() == [
        "/etc/rollcall/gate.env 640 root:rollcall",
        "/var/lib/rollcall 700 rollcall:rollcall",
        "/var/lib/rollcall/rollcall.sqlite3 600 rollcall:rollcall",
    ]


def test_a_killed_service_is_started_again_with_its_entries(gate):
    gate.record("Cudanin")
    gate.run("systemctl", "kill", "--signal=KILL", "rollcall-gate")
    gate.wait_until_ready()
    assert gate.lastnames() == ["Cudanin"]


def test_an_invalid_setting_stops_the_start_and_is_named_in_the_journal(gate):
    set_settings(gate, "ROLLCALL_DAY_START=noon")
    gate.run("systemctl", "restart", "rollcall-gate")
    gate.wait_until(lambda: gate.property("ActiveState") == "failed")
    assert 'ROLLCALL_DAY_START is "noon"' in gate.journal()
    assert gate.property("ExecMainStatus") == "2"


def test_a_token_of_the_command_works_on_the_service(gate):
    token = gate.run("rollcall-gate", "token", "create", "north", "--role", "admin").strip()
    restart(gate, "ROLLCALL_ACCESS=token")
    assert gate.request("/table/changes")[0] == 401
    gate.record("Cudanin", token)
    assert gate.lastnames(token) == ["Cudanin"]


def test_it_forwards_to_an_upstream_that_it_finds_by_name(gate):
    """The upstream runs in the machine too, without the restrictions of the service."""
    port = 9000
    settings = ["DATABASE_FILE=/root/upstream.sqlite3", f"ROCKET_PORT={port}", "ROLLCALL_ACCESS=token"]
    gate.run("systemd-run", *(f"--setenv={setting}" for setting in settings), "rollcall", "serve")
    is_ready = ("rollcall", "healthcheck", "--url", f"http://127.0.0.1:{port}/readyz")
    gate.wait_until(lambda: gate.try_run(*is_ready).returncode == 0)
    create = ("env", *settings, "rollcall", "token", "create")
    gate.write("/etc/hosts", "127.0.0.1 upstream.example.org\n")
    gate.write("/etc/rollcall/upstream.token", gate.run(*create, "north", "--role", "gate", "--gate", "North"))
    gate.run("chgrp", "rollcall", "/etc/rollcall/upstream.token")
    gate.run("chmod", "0640", "/etc/rollcall/upstream.token")

    restart(
        gate,
        f"ROLLCALL_UPSTREAM=http://upstream.example.org:{port}",
        "ROLLCALL_UPSTREAM_TOKEN_FILE=/etc/rollcall/upstream.token",
    )
    gate.record("Cudanin")
    reader = gate.run(*create, "payroll", "--role", "reader").strip()
    # A token that another process has made is known within seconds.
    gate.wait_until(lambda: gate.request("/table/changes", token=reader, port=port)[0] == 200)
    gate.wait_until(lambda: gate.lastnames(reader, port) == ["Cudanin"])
    gate.wait_until(lambda: gate.request("/health")[1]["upstream"]["pending"] == 0)


def test_the_command_imports_from_standard_input_beside_the_service(gate):
    rows = "firstname,lastname,login\nArvin,Cudanin,2026-09-21T06:11:47Z\n,,\n"
    done = gate.try_run("rollcall-gate", "import", "-", stdin=rows)
    assert done.returncode == 1
    assert "1 recorded, 0 there before, 1 refused" in done.stdout + done.stderr
    assert gate.lastnames() == ["Cudanin"]
    owner = gate.run("stat", "--format=%U %a", "/var/lib/rollcall/stdin.refused.csv")
    assert owner.split() == ["rollcall", "600"]


def test_the_command_and_the_service_read_the_same_values(gate):
    values = {
        "ROLLCALL_ADMIN_TOKEN": "a$HOME`id`#;%h-0123456789-0123456789",
        "DATABASE_FILE": "/var/lib/rollcall/with space and = sign",
    }
    restart(gate, "# A comment", "; another", "", *(f"{name}={value}" for name, value in values.items()))
    environment = gate.read(f"/proc/{gate.property('MainPID')}/environ").split("\0")
    assert {f"{name}={value}" for name, value in values.items()} <= set(environment)
    gate.run("rollcall-gate", "token", "create", "north", "--role", "gate")
    # The command made it in the service's file, where it takes the admin's token to see it.
    status, answer = gate.request("/admin/tokens", token=values["ROLLCALL_ADMIN_TOKEN"])
    assert status == 200 and [token["name"] for token in answer["tokens"]] == ["north"]


def test_the_command_refuses_lines_that_systemd_reads_in_another_way(gate):
    for line in ['A="b"', "A='b'", "A=b\\", "A=b ", "A= b", "A", "=b", " A=b", "1A=b", "export A=b"]:
        set_settings(gate, "# The first line", line)
        done = gate.try_run("rollcall-gate", "token", "list")
        assert done.returncode == 1, line
        assert done.stderr.startswith(f"rollcall-gate: {SETTINGS}, line 2: "), line


def test_the_command_ignores_the_settings_of_its_caller(gate):
    settings = ["DATABASE_HOSTNAME=127.0.0.1", "ROLLCALL_DAY_START=noon", "ROCKET_PORT=none", "PORT=none"]
    gate.run("env", *settings, "rollcall-gate", "healthcheck")
    gate.run("env", *settings, "rollcall-gate", "token", "create", "north", "--role", "gate")


def test_the_command_needs_root(gate):
    done = gate.try_run("setpriv", "--reuid=nobody", "--clear-groups", "rollcall-gate", "token", "list")
    assert (done.returncode, done.stderr) == (1, "rollcall-gate: run it as root\n")
