"""gate.env names the settings that the program has, with values that it accepts."""

import os
import re
import subprocess

import pytest
from conftest import BINARY, GATE, ROOT

SETTING = re.compile(r"^#([A-Z_]+)=(.*)$", re.MULTILINE)
SETTINGS = dict(SETTING.findall((GATE / "gate.env").read_text()))
# An example would be a token that everybody knows.
SECRETS = {"ROLLCALL_ADMIN_TOKEN", "ROLLCALL_UPSTREAM_TOKEN"}
# Those of other programs, among which the program looks for no misspelt ones.
OWN = [name for name in SETTINGS if not name.endswith("_PROXY")]


def rollcall(tmp_path, *arguments, **settings):
    env = {"PATH": os.environ["PATH"], "DATABASE_TIMEOUT_SECONDS": "1", **settings}
    return subprocess.run([BINARY, *arguments], env=env, cwd=tmp_path, capture_output=True, text=True)


def test_it_has_the_settings_of_the_readme():
    readme = (ROOT / "README.md").read_text()
    table = readme.split("\n## Settings\n")[1].split("\n## ")[0]
    first_column = "".join(line.split(" | ")[0] for line in table.splitlines() if line.startswith("| `"))
    assert SETTINGS.keys() == set(re.findall(r"`([A-Z_]+)`", first_column))


@pytest.mark.parametrize("name", OWN)
def test_the_program_knows_the_setting(name, tmp_path):
    done = rollcall(tmp_path, "healthcheck", "--url", "http://127.0.0.1:1/", **{f"{name}X": "x"})
    assert f"did you mean {name}?" in done.stderr, done.stderr


@pytest.mark.parametrize("name", [name for name in SETTINGS if name not in SECRETS])
def test_the_program_accepts_the_value(name, tmp_path):
    done = rollcall(tmp_path, "healthcheck", "--url", "http://127.0.0.1:1/", **{name: SETTINGS[name]})
    assert done.returncode == 1, done.stderr


def test_secrets_have_no_value():
    assert all(SETTINGS[name] == "" for name in SECRETS)
