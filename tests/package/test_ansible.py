"""The Ansible role, checked by ansible-lint and applied to a booted Debian, and the Vagrantfile that applies it."""

import json
import os
import pathlib
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from machine import HERE

TOOLS = pathlib.Path(sys.executable).parent
ANSIBLE = ROOT / "deploy" / "ansible"
ROLE = ANSIBLE / "roles" / "rollcall_gate"
OPTIONS = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]["main"]["options"]
TOKEN = "rollcall_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"


@pytest.fixture
def ansible(tmp_path):
    """Runs a program of Ansible in its directory, without the user's settings; returns the finished process."""

    def run(program, *arguments, **environment):
        env = {
            **os.environ,
            "PATH": f"{TOOLS}:{os.environ['PATH']}",
            "ANSIBLE_HOME": str(tmp_path / "ansible"),
            "ANSIBLE_NOCOLOR": "1",
            "XDG_CACHE_HOME": str(tmp_path / "cache"),
            **environment,
        }
        command = [TOOLS / program, *map(str, arguments)]
        return subprocess.run(command, cwd=ANSIBLE, env=env, capture_output=True, text=True)

    return run


@pytest.fixture
def play(ansible, machine, tmp_path):
    """Applies the playbook to the machine; returns the output and the number of changes."""
    inventory = tmp_path / "hosts.yml"
    host = {"ansible_ssh_executable": str(HERE / "enter"), "ansible_ssh_transfer_method": "piped"}
    inventory.write_text(yaml.safe_dump({"gates": {"hosts": {"gate": host}}}))

    def run(package="current.deb", **variables):
        variables |= {"rollcall_gate_package": str(machine.packages / package)}
        done = ansible(
            *("ansible-playbook", "-vvv", "--diff", "--inventory", inventory, "gates.yml"),
            *("--extra-vars", json.dumps(variables)),
            **{**machine.environment, "ROLLCALL_MACHINE_SSH": "yes", "ANSIBLE_SSH_ARGS": "", "ANSIBLE_BECOME_ASK_PASS": "no"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        (recap,) = [line for line in done.stdout.splitlines() if line.startswith("gate ") and "changed=" in line]
        return done.stdout, int(recap.split("changed=")[1].split()[0])

    return run


def test_ansible_lint_reports_nothing(ansible):
    done = ansible("ansible-lint", "--offline", "--strict", "--profile", "production", "--nocolor")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_playbook_and_the_example_of_an_inventory_fit(ansible):
    done = ansible("ansible-playbook", "--syntax-check", "--inventory", "hosts.example.yml", "gates.yml")
    assert (done.returncode, done.stderr) == (0, "")
    variables = yaml.safe_load((ANSIBLE / "hosts.example.yml").read_text())["gates"]["vars"]
    assert variables.keys() <= OPTIONS.keys()


def test_every_option_but_the_package_has_its_default_in_both_places():
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    assert defaults == {name: option["default"] for name, option in OPTIONS.items() if "default" in option}
    assert [name for name, option in OPTIONS.items() if option.get("required")] == ["rollcall_gate_package"]


def test_a_second_run_changes_nothing(machine, play):
    variables = {"rollcall_gate_settings": {"ROLLCALL_TIMEZONE": "Asia/Manila", "ROLLCALL_DAY_START": "06:00"}}
    _, changes = play(**variables)
    assert changes > 0
    assert machine.record("Cudanin")["login"].endswith("+08:00")
    process = machine.property("MainPID")
    assert play(**variables)[1] == 0
    assert machine.property("MainPID") == process
    assert "ROLLCALL_DAY_START=06:00\nROLLCALL_TIMEZONE=Asia/Manila\n" in machine.read("/etc/rollcall/gate.env")


def test_a_setting_that_is_taken_away_has_its_default_again(machine, play):
    play(rollcall_gate_settings={"ROLLCALL_TIMEZONE": "Asia/Manila"})
    play()
    assert machine.record("Cudanin")["login"].endswith("+00:00")


def test_an_update_keeps_entries_and_settings(machine, play):
    settings = {"rollcall_gate_settings": {"ROLLCALL_TIMEZONE": "Asia/Manila"}}
    play("old.deb", **settings)
    machine.record("Cudanin")
    play(**settings)
    assert machine.run("dpkg-query", "--show", "--showformat=${Version}", "rollcall-gate") != "0.1.0-1"
    assert machine.record("Reyes")["login"].endswith("+08:00")
    assert machine.lastnames() == ["Cudanin", "Reyes"]


def test_the_token_is_written_for_the_service_only_and_not_shown(machine, play):
    forwarding = {"rollcall_gate_upstream": "http://127.0.0.1:1", "rollcall_gate_upstream_token": TOKEN}
    output, _ = play(**forwarding)
    assert "Write the settings" in output and TOKEN not in output
    assert machine.read("/etc/rollcall/upstream.token") == TOKEN
    mode = machine.run("stat", "--format=%a %U:%G", "/etc/rollcall/upstream.token", "/etc/rollcall/gate.env")
    assert mode.splitlines() == ["640 root:rollcall"] * 2
    settings = machine.read("/etc/rollcall/gate.env")
    assert "ROLLCALL_UPSTREAM=http://127.0.0.1:1\n" in settings
    assert "ROLLCALL_UPSTREAM_TOKEN_FILE=/etc/rollcall/upstream.token\n" in settings and TOKEN not in settings


def test_the_vagrantfile_applies_the_playbook():
    """Read by Ruby with a stand-in for Vagrant that prints what is set."""
    done = subprocess.run(
        ["ruby", HERE / "vagrant.rb", ANSIBLE / "Vagrantfile"], capture_output=True, text=True, check=True
    )
    settings = json.loads(done.stdout)
    assert (ANSIBLE / settings["playbook="]).is_file()
    (play,) = yaml.safe_load((ANSIBLE / settings["playbook="]).read_text())
    assert play["hosts"] in settings["groups="]
    assert settings["extra_vars="].keys() <= OPTIONS.keys()
