"""A cluster: its objects, its running containers, and the actions of a test."""

from . import controllers, kubelet
from .database import Waiting
from .images import Postgres, Served
from .immutable import check_update
from .kinds import JOB, NAMESPACE, POD, SERVICE, VOLUME_CLAIM
from .objects import Objects


class Cluster:
    """The controllers run until nothing changes, after each change. Only `pass_time` advances the clock."""

    def __init__(self):
        self.objects = Objects()
        # The events in order, such as 'created Job/NAME' or 'Pod/NAME ready'.
        self.events = []
        self.clock = 0
        # The running containers by pod, and the times of start and end by Job.
        self.processes = {}
        self.started = {}
        self.finished = {}
        self.postgres = Postgres()
        self._images = {}
        self._external = {}
        self._pods = 0
        self.objects.add(NAMESPACE, {"metadata": {"name": "default"}})

    def publish(self, reference, image):
        """Makes an image available under its full name. Every version of PostgreSQL is available."""
        self._images[reference] = image

    def add_database(self, host, database, port=5432):
        """Adds a database outside the cluster."""
        self._external[host, port] = Served(database)

    def external_databases(self):
        return [served.database for served in self._external.values()]

    def create(self, kind, thing):
        created = self.objects.add(kind, thing)
        self._happened(f"created {kind.name}/{created['metadata']['name']}")
        return created

    def change(self, kind, old, new):
        check_update(kind, old, new)
        changed = self.objects.replace(kind, new)
        if changed != old:
            self._happened(f"changed {kind.name}/{old['metadata']['name']}")
        return changed

    def delete(self, kind, namespace, name):
        self.objects.remove(kind, namespace, name)
        self._happened(f"deleted {kind.name}/{name}")

    def pass_time(self, seconds):
        self.clock += seconds
        self.settle()

    def settle(self):
        """Runs the controllers until nothing changes."""
        with self.objects.changed:
            before = None
            while before != self.objects.version:
                before = self.objects.version
                controllers.step(self)
                for pod in self.objects.select(POD):
                    kubelet.run(self, pod)

    def _happened(self, event):
        self.note(event)
        self.settle()

    def note(self, event):
        self.events.append(event)

    def image(self, reference):
        name = reference.partition("@")[0].rpartition(":")[0]
        if name.endswith(("/postgres", "/postgresql")):
            return self.postgres
        if reference not in self._images:
            raise Waiting(f'Failed to pull image "{reference}"')
        return self._images[reference]

    def connect(self, namespace, host, port):
        """The process and its port that a pod of the namespace reaches by this host name and port."""
        if (host, port) in self._external:
            return self._external[host, port], port
        name, _, domain = host.partition(".")
        named, _, suffix = domain.partition(".")
        service = self.objects.find(SERVICE, named or namespace, name)
        if not service or suffix not in ("", "svc", "svc.cluster.local"):
            raise Waiting(f"could not translate host name {host!r} to address")
        targets = [entry.get("targetPort", port) for entry in service["spec"]["ports"] if entry["port"] == port]
        if not targets:
            raise Waiting(f"connection refused at {host}:{port}")
        for pod in self.objects.select(POD, named or namespace):
            if kubelet.is_ready(pod) and _selects(service["spec"]["selector"], pod):
                [container] = pod["spec"]["containers"]
                process = self.processes[pod["metadata"]["uid"]][container["name"]]
                return process, kubelet.port_number(container, targets[0])
        raise Waiting(f"no pod serves {host}")

    def volume(self, namespace, claim):
        return self.objects.get(VOLUME_CLAIM, namespace, claim)["metadata"]["uid"]

    def start(self, owner, template, name=None):
        self._pods += 1
        metadata = template.get("metadata", {}) | {
            "name": name or f"{owner['metadata']['name']}-{self._pods}",
            "namespace": owner["metadata"]["namespace"],
        }
        return self.objects.add(POD, {"metadata": metadata, "spec": template["spec"]}, owner=owner)

    def end(self, pod):
        metadata = pod["metadata"]
        self.objects.remove(POD, metadata["namespace"], metadata["name"])
        self.note(f"Pod/{metadata['name']} ended")

    def serving(self):
        """The images of the ready pods of the service."""
        return [
            container["image"]
            for pod in self.objects.select(POD)
            if kubelet.is_ready(pod)
            for container in pod["spec"]["containers"]
            if self.image(container["image"]) is not self.postgres
        ]

    def jobs(self):
        return [job["metadata"]["name"] for job in self.objects.select(JOB)]


def _selects(selector, pod):
    labels = pod["metadata"].get("labels", {})
    return all(labels.get(key) == value for key, value in selector.items())
