"""The notes that helm prints after an installation."""

import shutil

from conftest import CHART, only
from scenarios import BUNDLED, CNPG, EXTERNAL, SCENARIOS

import pytest
import yaml

# A command of the service in one of its pods.
IN_POD = "kubectl --namespace gates exec deployment/rollcall --container rollcall -- /rollcall"


@pytest.fixture
def notes(template, render, tmp_path):
    """Renders the notes as a manifest, since `helm template` omits them; returns their text."""
    chart = tmp_path / "rollcall"
    shutil.copytree(CHART, chart)
    text = (chart / "templates/NOTES.txt").read_text()
    (chart / "templates/notes.yaml").write_text(
        f'{{{{- define "notes" }}}}{text}{{{{ end }}}}notes: {{{{ include "notes" . | toJson }}}}\n'
    )

    def run(*values):
        done = template(*values, chart=chart, arguments=("--show-only", "templates/notes.yaml"))
        assert done.returncode == 0, done.stderr
        return yaml.safe_load(done.stdout)["notes"]

    return run


def test_the_notes_have_the_next_commands(notes, render):
    text = notes(EXTERNAL)
    job = only(render(EXTERNAL), "Job")["metadata"]["name"]
    for command in (
        "kubectl --namespace gates rollout status deployment/rollcall",
        f"kubectl --namespace gates logs job/{job}",
        "helm test rollcall --namespace gates --logs",
        "kubectl --namespace gates port-forward service/rollcall 8000:8000",
        f"GATE=$({IN_POD} token create gate-a --role gate --gate A)",
        """curl -H "Authorization: Bearer $GATE" -d '{"firstname": "Arvin", "lastname": "Cudanin"}' """
        "localhost:8000/table/create",
        f"OFFICE=$({IN_POD} token create office --role reader)",
        'curl -H "Authorization: Bearer $OFFICE" localhost:8000/table/view/date:today',
    ):
        assert f"\n     {command}\n" in text + "\n"
    [container] = only(render(EXTERNAL), "Deployment")["spec"]["template"]["spec"]["containers"]
    assert f"--container {container['name']} " in IN_POD


def test_the_notes_say_that_access_is_open(notes):
    text = notes(*SCENARIOS["open access"])
    assert "Access is open" in text
    for command in (
        """curl -d '{"firstname": "Arvin", "lastname": "Cudanin", "gate": "A"}' localhost:8000/table/create""",
        "curl localhost:8000/table/view/date:today",
        f"{IN_POD} token create gate-a --role gate --gate A",
    ):
        assert f"\n     {command}\n" in text + "\n"
    assert "Access is open" not in notes(EXTERNAL)


def test_the_notes_tell_where_the_admins_token_is(notes):
    for values, secret in ((BUNDLED, "rollcall-access"), ({**EXTERNAL, "access": {"existingSecret": "mine"}}, "mine")):
        command = f"get secret/{secret} --output jsonpath='{{.data.admin-token}}' | base64 --decode"
        assert f"\n     kubectl --namespace gates {command}\n" in notes(values) + "\n"
    for values in (EXTERNAL, CNPG):
        assert "admin-token" not in notes(values)


def test_the_notes_warn_of_the_bundled_database_only(notes, render):
    text = notes(BUNDLED)
    assert "WARNING: the bundled database is for evaluation only." in text
    claim = only(render(BUNDLED), "StatefulSet")["spec"]["volumeClaimTemplates"][0]["metadata"]["name"]
    assert f"delete persistentvolumeclaim/{claim}-rollcall-database-0 secret/rollcall-database" in text
    assert "secret/rollcall-database" not in notes({"database": {"existingSecret": "mine"}})
    for values in (EXTERNAL, CNPG):
        assert "WARNING" not in notes(values)


def test_the_notes_describe_a_manual_migration(notes):
    text = notes(*SCENARIOS["manual migration"])
    assert "logs job/" not in text
    assert "until you have run `rollcall migrate`" in text


def test_the_notes_have_the_external_url(notes):
    assert "From outside: https://attendance.example.org/table" in notes(CHART / "values-production.yaml")
    assert "From outside: http://attendance.example.org/table" in notes(*SCENARIOS["Ingress"])


@pytest.mark.parametrize("values", SCENARIOS.values(), ids=SCENARIOS)
def test_the_notes_have_no_missing_values(notes, values):
    text = notes(*values)
    assert "<no value>" not in text
    assert "\n\n\n" not in text
    assert all(line == line.rstrip() for line in text.splitlines())
