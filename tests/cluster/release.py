"""The release on a real cluster, as the tests of `lifecycle` use it."""

import os

import yaml
from namespace import PATIENCE, ROOT
from gates import Gates

CHART = ROOT / "helm" / "rollcall"
CHART_YAML = yaml.safe_load((CHART / "Chart.yaml").read_text())
# For a cluster that pulls the images from a registry.
REPOSITORY = os.environ.get("ROLLCALL_CLUSTER_REPOSITORY", "ghcr.io/rollcall/rollcall")
# How long helm waits for a release that cannot become ready.
SOON = "60s"
# The objects that helm, a controller or a test creates.
KINDS = "deployments,statefulsets,services,secrets,jobs,pods,persistentvolumeclaims,poddisruptionbudgets"


class Release:
    # How long helm waits for a release that becomes ready.
    patience = f"{PATIENCE}s"
    this = CHART_YAML["appVersion"]
    migration = CHART_YAML["annotations"]["rollcall/last-migration"]

    def __init__(self, namespace, folder):
        self.namespace = namespace
        # Runs a statement on the database.
        self.sql = namespace.sql
        self._folder = folder
        self._load = None

    def helm(self, *arguments, **options):
        return self.namespace.helm(*arguments, check=False, **options)

    def try_upgrade(self, *values, tag="", chart=CHART, arguments=(), timeout=SOON):
        """Installs or upgrades the release as a pipeline does; returns the finished process."""
        return self.helm(
            *("upgrade", "--install", "rollcall", chart, *self.values_arguments(values)),
            *("--set-string", f"image.repository={REPOSITORY},image.tag={tag}"),
            *("--wait", "--wait-for-jobs", "--timeout", timeout, *arguments),
        )

    def values_arguments(self, values):
        """The arguments of helm for values, which are dictionaries and files."""
        files = []
        for each in values:
            if isinstance(each, dict):
                file = self._folder / f"values-{len(files)}.yaml"
                file.write_text(yaml.safe_dump(each))
                each = file
            files.append(each)
        return [f"--values={file}" for file in files]

    def upgrade(self, *values, **options):
        """It succeeds."""
        done = self.try_upgrade(*values, timeout=self.patience, **options)
        assert done.returncode == 0, done.stderr

    def attempt(self, *values, **options):
        """It fails. Returns the finished process."""
        done = self.try_upgrade(*values, **options)
        assert done.returncode != 0
        return done

    def pods(self):
        """The pods of the service that are not about to end."""
        return self.namespace.pods("service") + self.namespace.pods("canary")

    def serving(self):
        """The image tags of the ready pods of the service."""
        return [pod["spec"]["containers"][0]["image"].rpartition(":")[2] for pod in self.pods() if is_ready(pod)]

    def wait_until_serving(self):
        self.namespace.kubectl("rollout", "status", "deployment/rollcall", "--timeout", self.patience)

    def jobs(self):
        return {job["metadata"]["name"] for job in self.namespace.get("jobs")["items"]}

    def delete_jobs(self):
        """As at the end of their time to live."""
        self.namespace.kubectl("delete", "jobs", "--all")

    def scale(self, replicas):
        self.namespace.kubectl("scale", "deployment/rollcall", f"--replicas={replicas}")
        self.wait_until_serving()

    def access(self):
        """The value of ROLLCALL_ACCESS in the Deployment, or None."""
        [container] = self.namespace.get("deployment/rollcall")["spec"]["template"]["spec"]["containers"]
        return {each["name"]: each.get("value") for each in container["env"]}.get("ROLLCALL_ACCESS")

    def secret(self, name):
        """The data of a Secret, or None."""
        secrets = {each["metadata"]["name"]: each["data"] for each in self.namespace.get("secrets")["items"]}
        return secrets.get(name)

    def generations(self):
        """The identity and the generation of each object, except for helm's own Secrets and the load."""
        return {
            (thing["kind"], thing["metadata"]["name"]): (thing["metadata"]["uid"], thing["metadata"].get("generation"))
            for thing in self.namespace.get(KINDS)["items"]
            if not thing["metadata"]["name"].startswith(("sh.helm.release.", "gates"))
        }

    def schema(self):
        """The version of the last migration that was applied."""
        [version] = self.sql("SELECT max(version) FROM __diesel_schema_migrations")
        return version

    def stored(self):
        """The ids of all entries."""
        return set(self._entries())

    def said(self, component):
        """The output of the pods of the component."""
        return self.namespace.logs(component)

    def run_cron_job(self, name):
        """Runs a CronJob as its controller does at its time; returns the output."""
        self.namespace.kubectl("create", "job", "by-hand", f"--from=cronjob/{name}")
        self.namespace.kubectl("wait", "--for=condition=Complete", "job/by-hand", "--timeout", self.patience)
        return self.namespace.kubectl("logs", "job/by-hand").stdout

    def put_under_load(self, **options):
        self._load = Gates(self.namespace, has_token=self.access() == "token", **options)

    def end_load(self):
        """Prints and returns what became of the requests."""
        recorded = self._load.stop()
        print(recorded)
        return recorded

    def assert_no_request_failed(self):
        """And each acknowledged entry is stored once."""
        recorded = self.end_load()
        assert recorded.acknowledged and not recorded.failed
        assert recorded.missing(self._entries()) == []

    def assert_every_entry_is_stored(self):
        """Each entry was acknowledged in the end, however often a gate had to send it, and is stored once."""
        recorded = self.end_load()
        assert recorded.acknowledged == recorded.sent != set()
        assert recorded.missing(self._entries()) == []

    def _entries(self):
        return self.sql("SELECT entry_id FROM attendance")


def is_ready(pod):
    return any(each["type"] == "Ready" and each["status"] == "True" for each in pod["status"].get("conditions", []))
