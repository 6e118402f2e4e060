"""A client that a generator makes of the document records an entry and reads it again."""

import importlib
import os
import subprocess
import sys
import uuid

import pytest
from conftest import ADMIN, DOCUMENT, TOOLS

CLIENT = "generated_rollcall_client"


@pytest.fixture(scope="session")
def client(tmp_path_factory):
    """Imports a module of the generated client."""
    directory = tmp_path_factory.mktemp("client")
    # The generator formats the client with a tool that is beside it.
    env = {**os.environ, "PATH": f"{TOOLS}:{os.environ['PATH']}"}
    command = [TOOLS / "openapi-python-client", "generate", "--path", DOCUMENT, "--meta", "none"]
    command += ["--output-path", directory / CLIENT]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    # It knows no type for the text of Prometheus, and leaves nothing else out.
    assert done.stderr.count("WARNING") == done.stderr.count("WARNING parsing GET /metrics") == 1, done.stderr
    sys.path.insert(0, str(directory))
    yield lambda name: importlib.import_module(f"{CLIENT}.{name}")
    sys.path.remove(str(directory))


def test_a_generated_client_records_an_entry_and_reads_it(client, service):
    models = client("models")
    gate = client("client").AuthenticatedClient(base_url=service.url, token=service.token("gate", "A"))
    entry_id = uuid.uuid4()
    new = models.NewEntry(firstname="Arvin", lastname="Cudanin", entry_id=entry_id)

    create = client("api.entries.create_entry")
    for status in (201, 200):
        answer = create.sync_detailed(client=gate, body=new)
        assert answer.status_code == status
        assert isinstance(answer.parsed, models.Entry)
        assert (answer.parsed.entry_id, answer.parsed.gate) == (entry_id, "A")

    reader = client("client").AuthenticatedClient(base_url=service.url, token=ADMIN)
    sheet = client("api.reading.view_sheet").sync("today", client=reader)
    assert [listed.to_dict() for listed in sheet] == [answer.parsed.to_dict()]


def test_a_generated_client_reads_a_problem(client, service):
    models = client("models")
    stranger = client("client").Client(base_url=service.url)
    new = models.NewEntry(firstname="Arvin", lastname="Cudanin")
    answer = client("api.entries.create_entry").sync_detailed(client=stranger, body=new)
    assert answer.status_code == 401
    assert isinstance(answer.parsed, models.Problem)
    assert answer.parsed.code == "unauthenticated"
