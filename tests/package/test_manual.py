"""The manual page, as two formatters read it."""

import os
import subprocess

from conftest import BINARY, GATE

PAGE = GATE / "rollcall-gate.8"


def test_mandoc_reports_nothing():
    done = subprocess.run(["mandoc", "-T", "lint", "-W", "style", PAGE], capture_output=True, text=True)
    # Whether a referenced page is installed depends on this computer.
    reports = [line for line in done.stdout.splitlines() if "referenced manual not found" not in line]
    assert reports == []


def test_groff_reports_nothing():
    env = {**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": "", "MANWIDTH": "80"}
    command = ["man", "--warnings", "--encoding=UTF-8", "--local-file", "-Tutf8", "-Z", PAGE]
    done = subprocess.run(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_its_commands_exist():
    page = PAGE.read_text()
    commands = [line.split()[2:] for line in page.splitlines() if line.startswith(".It Cm ")]
    assert len(commands) > 5
    for words in commands:
        command = words[:2] if words[0] == "token" else words[:1]
        done = subprocess.run([BINARY, *command, "--help"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        options = [f"--{after.lstrip('-')}" for word, after in zip(words, words[1:]) if word == "Fl"]
        assert all(option in done.stdout for option in options), (command, options)
