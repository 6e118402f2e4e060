"""The stored objects, their versions, and the journal for watches."""

import base64
import copy
import threading
import uuid
from typing import NamedTuple

from .kinds import DEPLOYMENT, JOB, NAMESPACE, SECRET, SERVICE, STATEFUL_SET, VOLUME_CLAIM
from .refusal import Refusal, not_found


class Change(NamedTuple):
    version: int
    type: str  # ADDED, MODIFIED or DELETED
    kind: object
    object: dict


class Objects:
    """The store. It returns and stores copies, so every change creates a new version."""

    def __init__(self):
        self._stored = {}
        self.version = 1
        self.journal = []
        self.changed = threading.Condition(threading.RLock())

    def find(self, kind, namespace, name):
        """A copy of the object, or None."""
        return copy.deepcopy(self._stored.get((kind, namespace, name)))

    def get(self, kind, namespace, name):
        found = self.find(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found

    def select(self, kind, namespace=None, labels=lambda _: True, metadata=lambda _: True):
        """Copies of the matching objects, in the order of creation."""
        return [
            copy.deepcopy(stored)
            for (its_kind, its_namespace, _), stored in self._stored.items()
            if its_kind == kind
            and namespace in (None, its_namespace)
            and labels(stored["metadata"].get("labels", {}))
            and metadata(stored["metadata"])
        ]

    def owned(self, kind, owner):
        uid = owner["metadata"]["uid"]
        return [
            candidate
            for candidate in self.select(kind, owner["metadata"]["namespace"])
            if any(reference["uid"] == uid for reference in candidate["metadata"].get("ownerReferences", []))
        ]

    def add(self, kind, given, owner=None):
        new = copy.deepcopy(given)
        metadata = new.setdefault("metadata", {})
        namespace, name = metadata.get("namespace"), metadata["name"]
        if (kind, namespace, name) in self._stored:
            raise Refusal(409, "AlreadyExists", f'{kind.resource} "{name}" already exists')
        if namespace and not self.find(NAMESPACE, None, namespace):
            raise not_found(NAMESPACE, namespace)
        new["apiVersion"], new["kind"] = kind.api_version, kind.name
        metadata.update(uid=str(uuid.uuid4()), generation=1, creationTimestamp="2026-01-01T00:00:00Z")
        if owner:
            metadata["ownerReferences"] = [_reference(owner)]
        _complete(kind, new, self.version)
        self._store("ADDED", kind, new)
        return copy.deepcopy(new)

    def replace(self, kind, given):
        """Stores a new version if anything differs."""
        new = copy.deepcopy(given)
        metadata = new["metadata"]
        old = self.get(kind, metadata.get("namespace"), metadata["name"])
        for field in ("uid", "generation", "creationTimestamp", "resourceVersion"):
            metadata[field] = old["metadata"][field]
        _complete(kind, new, self.version)
        if new == old:
            return old
        if new.get("spec") != old.get("spec"):
            metadata["generation"] += 1
        self._store("MODIFIED", kind, new)
        return copy.deepcopy(new)

    def remove(self, kind, namespace, name):
        """Removes the object and the objects that it owns."""
        old = self.get(kind, namespace, name)
        del self._stored[kind, namespace, name]
        self._note("DELETED", kind, old)
        uid = old["metadata"]["uid"]
        for its_kind, its_namespace, its_name in list(self._stored):
            stored = self._stored.get((its_kind, its_namespace, its_name))
            if stored and any(owner["uid"] == uid for owner in stored["metadata"].get("ownerReferences", [])):
                self.remove(its_kind, its_namespace, its_name)
        return old

    def _store(self, change, kind, new):
        self._note(change, kind, new)
        self._stored[kind, new["metadata"].get("namespace"), new["metadata"]["name"]] = new

    def _note(self, change, kind, new):
        with self.changed:
            self.version += 1
            new["metadata"]["resourceVersion"] = str(self.version)
            self.journal.append(Change(self.version, change, kind, copy.deepcopy(new)))
            self.changed.notify_all()


def _reference(owner):
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _complete(kind, new, number):
    """Sets the real server's defaults that helm's waiting or a controller reads."""
    spec = new.setdefault("spec", {}) if kind in (DEPLOYMENT, JOB, SERVICE, STATEFUL_SET) else None
    if kind == DEPLOYMENT:
        spec.setdefault("replicas", 1)
        strategy = spec.setdefault("strategy", {"type": "RollingUpdate"})
        if strategy.get("type", "RollingUpdate") == "RollingUpdate":
            strategy.setdefault("rollingUpdate", {"maxSurge": "25%", "maxUnavailable": "25%"})
    elif kind == STATEFUL_SET:
        spec.setdefault("replicas", 1)
        spec.setdefault("updateStrategy", {"type": "RollingUpdate"})
    elif kind == JOB:
        for field, default in (("backoffLimit", 6), ("completions", 1), ("parallelism", 1)):
            spec.setdefault(field, default)
        owner = {"controller-uid": new["metadata"]["uid"]}
        spec.setdefault("selector", {"matchLabels": owner})
        labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
        labels.update(owner | {"job-name": new["metadata"]["name"]})
    elif kind == SERVICE:
        spec.setdefault("clusterIP", f"10.0.{number // 250}.{number % 250 + 1}")
    elif kind == SECRET:
        for key, text in new.pop("stringData", {}).items():
            new.setdefault("data", {})[key] = base64.b64encode(text.encode()).decode()
    elif kind == VOLUME_CLAIM:
        new.setdefault("status", {"phase": "Bound"})
