"""Immutable fields, for the kinds where they determine how a release can be upgraded."""

from .kinds import CONFIG_MAP, DEPLOYMENT, JOB, POD, SECRET, SERVICE, STATEFUL_SET, VOLUME_CLAIM
from .refusal import Refusal, invalid

# All other fields of the spec are immutable.
STATEFUL_SET_MUTABLE = {
    "minReadySeconds",
    "ordinals",
    "persistentVolumeClaimRetentionPolicy",
    "replicas",
    "revisionHistoryLimit",
    "template",
    "updateStrategy",
}
JOB_FIXED = ("completionMode", "completions", "podFailurePolicy", "selector", "template")


def check_update(kind, old, new):
    """Refuses an update as the real server does."""
    name = old["metadata"]["name"]
    for field in ("name", "namespace", "uid"):
        # A field that the update omits keeps its value.
        if new["metadata"].get(field, old["metadata"].get(field)) != old["metadata"].get(field):
            raise invalid(kind, name, f"metadata.{field}: Invalid value: field is immutable")
    claimed = new["metadata"].get("resourceVersion")
    if claimed and claimed != old["metadata"]["resourceVersion"]:
        raise Refusal(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on {kind.resource} "{name}": the object has been modified; '
            "please apply your changes to the latest version and try again",
        )
    before, after = old.get("spec", {}), new.get("spec", {})
    if kind == DEPLOYMENT:
        _fixed(kind, name, before, after, ("selector",))
    elif kind == JOB:
        _fixed(kind, name, before, after, JOB_FIXED)
    elif kind == STATEFUL_SET:
        if _without(before, STATEFUL_SET_MUTABLE) != _without(after, STATEFUL_SET_MUTABLE):
            raise invalid(
                kind,
                name,
                "spec: Forbidden: updates to statefulset spec for fields other than "
                + ", ".join(f"'{field}'" for field in sorted(STATEFUL_SET_MUTABLE))
                + " are forbidden",
            )
    elif kind == VOLUME_CLAIM:
        if _without(before, {"resources"}) != _without(after, {"resources"}):
            raise invalid(kind, name, "spec: Forbidden: spec is immutable after creation except resources.requests")
    elif kind == POD:
        if before != after:
            raise invalid(kind, name, "spec: Forbidden: pod updates may not change fields other than the image")
    elif kind == SERVICE:
        _fixed(kind, name, before, after, ("clusterIP",))
    elif kind in (CONFIG_MAP, SECRET):
        if kind == SECRET:
            _fixed(kind, name, old, new, ("type",), within="")
        if old.get("immutable") and _without(old, {"metadata"}) != _without(new, {"metadata"}):
            raise invalid(kind, name, "data: Forbidden: field is immutable when `immutable` is set")


def _fixed(kind, name, before, after, fields, within="spec."):
    for field in fields:
        if before.get(field) != after.get(field):
            raise invalid(kind, name, f"{within}{field}: Invalid value: {after.get(field)}: field is immutable")


def _without(value, fields):
    return {field: content for field, content in value.items() if field not in fields}
