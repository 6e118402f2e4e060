"""What schemathesis finds out about the service by the document: nothing that contradicts it."""

import os
import subprocess

import pytest
from conftest import ADMIN, DOCUMENT, HERE, TOOLS

# By sender: the role of its token, and the gate that the token is bound to.
SENDERS = {
    "nobody": None,
    "gate": ("gate", None),
    "bound gate": ("gate", "A"),
    "reader": ("reader", None),
    "clerk": ("clerk", None),
    "admin": ("admin", None),
}
EXAMPLES = os.environ.get("ROLLCALL_TEST_EXAMPLES", "3")


@pytest.mark.parametrize("sender", SENDERS)
def test_nothing_contradicts_the_document(service, sender, tmp_path):
    # Without any entry, a reader of changes that waits would really wait.
    service.ask("POST", "/table/create", {"firstname": "Arvin", "lastname": "Cudanin"}, expected=201)
    command = [
        *(TOOLS / "st", "--config-file", HERE / "schemathesis.toml"),
        *("run", DOCUMENT, "--url", service.url, "--max-examples", EXAMPLES),
    ]
    if SENDERS[sender] is not None:
        role, gate = SENDERS[sender]
        # The admin of the settings, whose token no request can revoke.
        token = ADMIN if role == "admin" else service.token(role, gate)
        command += ["--header", f"Authorization: Bearer {token}"]
    env = {**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py")}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
