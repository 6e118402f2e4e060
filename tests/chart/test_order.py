"""Install, upgrade and roll back with the real helm, on a model of the API server whose pods wait as real ones do.

The tests of `lifecycle` run on a real cluster too. Those of this file are about the order of events and about mistakes.
"""

import base64
import re
import shutil
import urllib.error
import urllib.request

from conftest import CHART, merge
from model.api_server import ApiServer
from model.database import Database
from model.images import Rollcall, Server
from model.kinds import CONFIG_MAP, KINDS, NAMESPACE, SECRET
from model_release import HOST, ExternalDatabase, ModelRelease, fewest_ready
from scenarios import BUNDLED, CNPG, EXTERNAL, SERVICE_ROLE

import pytest
import yaml

import lifecycle
from lifecycle import *  # the tests
from lifecycle import NEXT_MIGRATION

CHART_YAML = yaml.safe_load((CHART / "Chart.yaml").read_text())
IMAGE = "ghcr.io/rollcall/rollcall"
THIS = f"{IMAGE}:{CHART_YAML['appVersion']}"
PATCHED, NEXT, BROKEN = f"{IMAGE}:{lifecycle.PATCHED}", f"{IMAGE}:{lifecycle.NEXT}", f"{IMAGE}:{lifecycle.BROKEN}"
# A release without tokens.
FIRST = f"{IMAGE}:{lifecycle.FIRST}"
MIGRATION = CHART_YAML["annotations"]["rollcall/last-migration"]
# The chart generates the password and the admin's token, and keeps them.
MADE = {}


@pytest.fixture
def server():
    with ApiServer() as server:
        server.cluster.create(NAMESPACE, {"metadata": {"name": "gates"}})
        server.cluster.publish(THIS, Rollcall(MIGRATION))
        server.cluster.publish(PATCHED, Rollcall(MIGRATION))
        server.cluster.publish(NEXT, Rollcall(NEXT_MIGRATION))
        server.cluster.publish(FIRST, Rollcall(MIGRATION, tokens=False))
        server.cluster.publish(BROKEN, Rollcall(NEXT_MIGRATION, defect='relation "attendance" already exists'))
        yield server
        assert server.unmodelled == []


@pytest.fixture
def cluster(server):
    return server.cluster


@pytest.fixture
def run(helm, server, tmp_path):
    """Runs helm against the model; returns the finished process."""
    # Helm caches discovery by the server's address, which another test's server may reuse.
    env = {"KUBECONFIG": str(server.kubeconfig(tmp_path / "kubeconfig")), "KUBECACHEDIR": str(tmp_path / "cache")}

    def run(*arguments, **options):
        return helm(*arguments, "--namespace", "gates", env=env, **options)

    return run


@pytest.fixture
def release(cluster, run):
    return ModelRelease(cluster, run, CHART_YAML["appVersion"], MIGRATION)


@pytest.fixture
def attempt(release):
    """Installs or upgrades the release, which may fail."""
    return release.try_upgrade


@pytest.fixture
def upgrade(release):
    return release.upgrade


@pytest.fixture
def external(cluster):
    return ExternalDatabase(cluster)


@pytest.fixture(params=["bundled", "bundled with a password", "external", "cnpg"])
def values(request, cluster):
    """Values for each kind of database; an external database exists already."""
    if request.param == "external":
        add_external_database(cluster)
    return {"bundled": MADE, "bundled with a password": BUNDLED, "external": EXTERNAL, "cnpg": CNPG}[request.param]


@pytest.fixture
def alter(tmp_path):
    """Replaces the only match of a pattern in one file of a copy of the chart; returns the copy."""
    copy = tmp_path / "altered" / "rollcall"

    def alter(file, pattern, new):
        if not copy.exists():
            shutil.copytree(CHART, copy)
        text, count = re.subn(pattern, lambda _: new, (copy / file).read_text(), flags=re.DOTALL)
        assert count == 1, f"{pattern} matches {count} times in {file}"
        (copy / file).write_text(text)
        return copy

    return alter


@pytest.fixture
def next_chart(alter):
    """The chart of a release with a new migration."""
    return alter("Chart.yaml", MIGRATION, NEXT_MIGRATION)


@pytest.fixture
def first_chart(alter):
    """A chart like 0.1.0, which knows no tokens."""
    variables = r"            - name: ROLLCALL_ACCESS\n.*?(?=            - name: ROLLCALL_LOG\n)"
    return alter("templates/_deployment.tpl", variables, "")


def add_external_database(cluster, owner="rollcall"):
    """The database of EXTERNAL, with the role of its Secret, and `owner` as the role that may migrate."""
    database = Database("rollcall", roles={"rollcall": "secret", "owner": "other secret"}, owners={owner})
    cluster.add_database(HOST, database)
    add_secret(cluster, EXTERNAL["database"]["existingSecret"], username="rollcall", password="secret")
    return database


def add_secret(cluster, name, **contents):
    cluster.create(SECRET, {"metadata": {"name": name, "namespace": "gates"}, "stringData": contents})


def image(reference):
    return {"image": {"tag": reference.rpartition(":")[2]}}


def places(events, *patterns):
    """The index of each pattern's first match after the match of the previous pattern."""
    at, found = 0, []
    for pattern in patterns:
        at = next((i for i in range(at, len(events)) if re.fullmatch(pattern, events[i])), None)
        assert at is not None, f"{pattern} does not follow in {events}"
        found.append(at)
    return found


def without_releases(events):
    """The events without those of helm's release Secrets."""
    return [event for event in events if "/sh.helm.release." not in event]



READY = r"Pod/rollcall-[0-9a-f]{10}-\d+ ready"
ENDED = r"Pod/rollcall-[0-9a-f]{10}-\d+ ended"
MIGRATED = f"migrated rollcall to {MIGRATION}"


def test_an_installation_migrates_before_a_pod_serves(upgrade, cluster, values):
    events = upgrade(values)
    places(events, "created Deployment/rollcall", MIGRATED, r"Job/rollcall-migrate-\S+ complete", READY, READY)
    assert not any(re.fullmatch(READY, event) for event in events[: events.index(MIGRATED)])
    assert cluster.serving() == [THIS] * 2


def test_another_image_has_its_own_job_before_the_rollout(upgrade, cluster, values):
    upgrade(values)
    [before] = cluster.jobs()
    events = upgrade(values, image(PATCHED))
    places(events, "changed Deployment/rollcall", "created Job/rollcall-migrate-.*", "Job/rollcall-migrate-.* complete")
    assert cluster.serving() == [PATCHED] * 2
    assert cluster.jobs() != [before]
    assert fewest_ready(cluster.events, len(events)) == 2



def test_a_new_migration_is_applied_before_new_pods_serve_and_old_pods_end(
    upgrade, cluster, values, next_chart
):
    upgrade(values)
    events = upgrade(values, image(NEXT), chart=next_chart)
    migrated = f"migrated rollcall to {NEXT_MIGRATION}"
    places(events, "changed Deployment/rollcall", f"created Job/rollcall-migrate-{NEXT_MIGRATION}-.*", migrated, READY)
    assert not any(re.fullmatch(f"{READY}|{ENDED}", event) for event in events[: events.index(migrated)])
    assert cluster.serving() == [NEXT] * 2
    assert fewest_ready(cluster.events, len(events)) == 2



def test_the_job_lets_the_services_role_use_the_tables(upgrade, attempt, cluster, alter):
    database = add_external_database(cluster, owner="owner")
    add_secret(cluster, "rollcall-owner", username="owner", password="other secret")
    values = (EXTERNAL, {"migrations": {"existingSecret": "rollcall-owner"}})
    chart = alter("templates/_migrations.tpl", "- name: DATABASE_APP_ROLE", "- name: ANOTHER")
    assert attempt(*values, chart=chart).returncode != 0
    assert (database.schema, database.granted, cluster.serving()) == (MIGRATION, set(), [])
    upgrade(*values)
    assert (database.granted, cluster.serving()) == ({"rollcall"}, [THIS] * 2)


def test_a_cloudnativepg_cluster_can_have_a_role_for_the_service(upgrade, cluster):
    add_secret(cluster, "rollcall-service", username="gates", password="third secret")
    upgrade(CNPG, SERVICE_ROLE)
    assert cluster.serving() == [THIS] * 2
    [database] = cluster.postgres.databases.values()
    assert (database.owners, database.granted) == ({"rollcall"}, {"gates"})


def test_the_role_of_the_service_can_change_while_pods_serve(upgrade, cluster):
    upgrade(CNPG)
    add_secret(cluster, "rollcall-service", username="gates", password="third secret")
    events = upgrade(CNPG, SERVICE_ROLE)
    assert cluster.serving() == [THIS] * 2
    assert fewest_ready(cluster.events, len(events)) == 2


def test_without_a_job_the_pods_wait_for_a_manual_migration(upgrade, attempt, cluster):
    database = add_external_database(cluster)
    by_hand = {"migrations": {"mode": "none"}}
    assert attempt(EXTERNAL, by_hand).returncode != 0
    assert (cluster.jobs(), cluster.serving()) == ([], [])
    database.schema = MIGRATION
    cluster.settle()
    assert cluster.serving() == [THIS] * 2
    upgrade(EXTERNAL, by_hand)



def admins_tokens(cluster):
    """ROLLCALL_ADMIN_TOKEN in each process of the service."""
    processes = [process for pod in cluster.processes.values() for process in pod.values()]
    return [process.env.get("ROLLCALL_ADMIN_TOKEN") for process in processes if isinstance(process, Server)]



def test_a_new_installation_needs_no_decision(release, values):
    release.upgrade(values)
    assert release.access() == "token"




def test_the_generated_admins_token_is_kept(upgrade, run, cluster):
    upgrade(MADE)
    made = cluster.objects.get(SECRET, "gates", "rollcall-access")["data"]
    token = base64.b64decode(made["admin-token"]).decode()
    assert re.fullmatch("[!-~]{32,}", token)
    assert admins_tokens(cluster) == [token] * 2
    upgrade(MADE, image(PATCHED))
    assert cluster.objects.get(SECRET, "gates", "rollcall-access")["data"] == made
    # Unlike the database's password, nothing that is kept needs it.
    assert run("uninstall", "rollcall").returncode == 0
    assert cluster.objects.find(SECRET, "gates", "rollcall-access") is None


def test_a_canary_serves_beside_the_release(upgrade, cluster, values):
    upgrade(values)
    canary = {"canary": {"enabled": True, "image": {"tag": "patched"}}, "virtualService": {"enabled": True}}
    upgrade(values, canary, {"virtualService": {"hosts": ["rollcall.example.org"]}})
    assert sorted(cluster.serving()) == [THIS, THIS, PATCHED]
    assert len(cluster.jobs()) == 2


def test_the_production_values_can_be_installed(upgrade, cluster):
    given = yaml.safe_load((CHART / "values-production.yaml").read_text())
    database = given["database"]
    roles = {"app": "secret", "owner": "other secret"}
    cluster.add_database(database["external"]["host"], Database(database["name"], roles=roles, owners={"owner"}))
    add_secret(cluster, database["existingSecret"], username="app", password="secret")
    add_secret(cluster, given["migrations"]["existingSecret"], username="owner", password="other secret")
    authority = database["external"]["sslRootCert"]["configMap"]
    cluster.create(CONFIG_MAP, {"metadata": {"name": authority, "namespace": "gates"}, "data": {"ca.crt": "trusted"}})
    upgrade(given)
    assert cluster.serving() == [THIS] * given["autoscaling"]["minReplicas"]


def test_after_an_upgrade_the_objects_are_as_rendered(upgrade, run, cluster, values):
    upgrade(values)
    changes = {"site": {"timezone": "Asia/Manila"}, "resources": {"limits": None}, "podLabels": {"team": "gates"}}
    upgrade(values, image(PATCHED), changes, {"service": {"port": 80}})
    wanted = list(yaml.safe_load_all(run("get", "manifest", "rollcall").stdout))
    assert len(wanted) >= 4
    for thing in wanted:
        kind = next(kind for kind in KINDS if (kind.api_version, kind.name) == (thing["apiVersion"], thing["kind"]))
        stored = cluster.objects.get(kind, "gates", thing["metadata"]["name"])
        assert missing(thing, stored) == []


def missing(wanted, stored, path=""):
    """The paths where a stored object differs from the wanted one, except for fields that the server adds."""
    if isinstance(wanted, dict) and isinstance(stored, dict):
        return [place for key in wanted for place in missing(wanted[key], stored.get(key), f"{path}.{key}")]
    if isinstance(wanted, list) and isinstance(stored, list) and len(wanted) == len(stored):
        return [place for i, pair in enumerate(zip(wanted, stored)) for place in missing(*pair, f"{path}[{i}]")]
    return [] if wanted == stored else [path]



def test_helm_test_fails_without_a_pod(upgrade, run, values):
    upgrade(values, {"replicaCount": 0})
    assert run("test", "rollcall", "--timeout", "10s").returncode != 0


# The model detects mistakes: each of these tests gives the chart a fault that other charts have shipped.


def test_a_job_with_a_fixed_name_cannot_be_upgraded(upgrade, attempt, alter):
    chart = alter("templates/migrate-job.yaml", r'{{ include "rollcall.migrations.name" \$job }}', "migrate")
    upgrade(BUNDLED, chart=chart)
    done = attempt(BUNDLED, image(PATCHED), chart=chart)
    assert done.returncode != 0
    assert "field is immutable" in done.stderr


@pytest.mark.parametrize(
    "hook",
    [
        # Helm runs it after the pods are ready, and they wait for it.
        "post-install,post-upgrade",
        # Helm creates the database after it has ended, and it waits for the database.
        "pre-install,pre-upgrade",
    ],
)
def test_migrating_in_a_hook_is_a_deadlock(attempt, cluster, alter, hook):
    chart = alter("templates/migrate-job.yaml", r"(?<=\n)spec:", f"  annotations:\n    helm.sh/hook: {hook}\nspec:")
    done = attempt(BUNDLED, chart=chart)
    assert done.returncode != 0
    assert "timed out waiting for the condition" in done.stderr
    assert not any(event.startswith("migrated") for event in cluster.events)


def test_helm_fails_if_the_job_is_deleted_at_once(attempt, alter):
    alter("values.schema.json", '"minimum": 600', '"minimum": 0')
    chart = alter("values.yaml", "ttlSecondsAfterFinished: 86400", "ttlSecondsAfterFinished: 0")
    done = attempt(BUNDLED, chart=chart)
    assert done.returncode != 0
    assert "not found" in done.stderr


def test_pods_without_the_init_container_serve_too_early(upgrade, alter):
    alter("templates/_deployment.tpl", "      initContainers:.*(?=      containers:)", "")
    chart = alter("templates/_deployment.tpl", "path: /readyz", "path: /livez")
    events = upgrade(BUNDLED, chart=chart)
    places(events, READY, MIGRATED)


def test_the_bundled_database_keeps_its_first_password(upgrade, attempt, cluster):
    upgrade(BUNDLED)
    done = attempt(image(PATCHED), {"database": {"password": "another"}})
    assert done.returncode != 0
    assert any("password authentication failed" in event for event in cluster.events)
    assert cluster.serving() == [THIS] * 2



@pytest.mark.parametrize("path", ["/api/v1/nodes", "/api/v1/namespaces/gates/pods?dryRun=All", "/metrics"])
def test_the_model_refuses_unknown_requests(path):
    with ApiServer() as server:
        with pytest.raises(urllib.error.HTTPError, match="501"):
            urllib.request.urlopen(server.url + path)
        assert path in server.unmodelled[0]
