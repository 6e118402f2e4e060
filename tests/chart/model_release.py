"""The release on the model of the API server, as the tests of `lifecycle` use it."""

import re

from conftest import CHART, merge
from model.database import Database
from model.kinds import CRON_JOB, DEPLOYMENT, JOB, KINDS, SECRET
from scenarios import EXTERNAL

import yaml

# The timeout of a failing command. In the model everything happens at once, so a longer timeout changes nothing.
SOON = "1s"
HOST = EXTERNAL["database"]["external"]["host"]


class ModelRelease:
    # The timeout of a command that succeeds.
    patience = "20s"

    def __init__(self, cluster, helm, this, migration):
        self.cluster = cluster
        # Runs helm in the release's namespace; returns the finished process.
        self.helm = helm
        self.this = this
        self.migration = migration
        self._loaded_since = None

    def try_upgrade(self, *values, tag=None, chart=CHART, arguments=(), timeout=SOON):
        """Installs or upgrades the release as a pipeline does; returns the finished process."""
        merged = {}
        for each in (*values, {"image": {"tag": tag}} if tag else {}):
            merge(merged, each)
        return self.helm(
            *("upgrade", "--install", "rollcall", chart, "--values", "-"),
            *("--wait", "--wait-for-jobs", "--timeout", timeout, *arguments),
            stdin=yaml.safe_dump(merged),
        )

    def upgrade(self, *values, **options):
        """It succeeds. Returns the cluster's events."""
        before = len(self.cluster.events)
        done = self.try_upgrade(*values, timeout=self.patience, **options)
        assert done.returncode == 0, done.stderr
        return self.cluster.events[before:]

    def attempt(self, *values, **options):
        """It fails. Returns the finished process."""
        done = self.try_upgrade(*values, **options)
        assert done.returncode != 0
        return done

    def serving(self):
        """The image tags of the ready pods of the service."""
        return [image.rpartition(":")[2] for image in self.cluster.serving()]

    def wait_until_serving(self):
        """The model has no delays."""

    def jobs(self):
        return set(self.cluster.jobs())

    def delete_jobs(self):
        """Their time to live ends."""
        self.cluster.pass_time(24 * 60 * 60)
        assert self.cluster.jobs() == []

    def scale(self, replicas):
        deployment = self._deployment()
        self.cluster.change(DEPLOYMENT, deployment, deployment | {"spec": deployment["spec"] | {"replicas": replicas}})

    def access(self):
        """The value of ROLLCALL_ACCESS in the Deployment, or None."""
        [container] = self._deployment()["spec"]["template"]["spec"]["containers"]
        return {each["name"]: each.get("value") for each in container["env"]}.get("ROLLCALL_ACCESS")

    def secret(self, name):
        """The data of a Secret, or None."""
        return (self.cluster.objects.find(SECRET, "gates", name) or {}).get("data")

    def generations(self):
        """The identity and the generation of each object, except for helm's own Secrets."""
        return {
            (kind.name, thing["metadata"]["name"]): (thing["metadata"]["uid"], thing["metadata"]["generation"])
            for kind in KINDS
            for thing in self.cluster.objects.select(kind)
            if not thing["metadata"]["name"].startswith("sh.helm.release.")
        }

    def schema(self):
        """The version of the last migration that was applied."""
        [database] = self._databases()
        return database.schema

    def stored(self):
        """What no pod can replace: the volumes of the databases."""
        return set(self.cluster.postgres.databases)

    def said(self, component):
        """The output of the pods of the component. The model notes it as events."""
        return "\n".join(self.cluster.events)

    def run_cron_job(self, name):
        """Runs a CronJob as its controller does at its time; returns the output."""
        spec = self.cluster.objects.get(CRON_JOB, "gates", name)["spec"]["jobTemplate"]["spec"]
        self.cluster.create(JOB, {"metadata": {"name": "by-hand", "namespace": "gates"}, "spec": spec})
        assert "Job/by-hand complete" in self.cluster.events
        return self.said(name)

    def put_under_load(self, keep_alive=True):
        """The model has no connections."""
        self._loaded_since = len(self.cluster.events)
        self._ready = len(self.serving())

    def assert_no_request_failed(self):
        """No moment had fewer ready pods than the beginning."""
        assert fewest_ready(self.cluster.events, len(self.cluster.events) - self._loaded_since) == self._ready

    def _deployment(self):
        return self.cluster.objects.get(DEPLOYMENT, "gates", "rollcall")

    def _databases(self):
        return [*self.cluster.postgres.databases.values(), *self.cluster.external_databases()]


class ExternalDatabase:
    """The database of EXTERNAL. Only the role `owner` may migrate."""

    APP = {"username": "rollcall", "password": "secret"}
    OWNER = {"username": "owner", "password": "other secret"}
    values = EXTERNAL

    def __init__(self, cluster):
        self.cluster = cluster
        roles = {role["username"]: role["password"] for role in (self.APP, self.OWNER)}
        cluster.add_database(HOST, Database("rollcall", roles=roles, owners={"owner"}))

    def add_secret(self, name, contents):
        self.cluster.create(SECRET, {"metadata": {"name": name, "namespace": "gates"}, "stringData": contents})


def fewest_ready(events, last):
    """The minimum number of ready pods of the service during the last so many events."""
    ready = set()
    counts = []
    for event in events:
        if match := re.match(r"Pod/(rollcall-[0-9a-f]{10}-\d+) (ready|waits|ended)", event):
            pod, change = match.groups()
            (ready.add if change == "ready" else ready.discard)(pod)
        counts.append(len(ready))
    return min(counts[-last - 1 :])
