"""The patches that helm and kubectl send: JSON merge patches, and strategic merge patches for built-in kinds."""

import copy

from .refusal import NotModelled

# The key that identifies an element, for the lists that are merged. All other lists are replaced.
# https://kubernetes.io/docs/reference/kubernetes-api/ names it for each list as its 'patch merge key'.
MERGE_KEYS = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "hostAliases": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    # Of a container and of a Service.
    "ports": ("containerPort", "port"),
    "topologySpreadConstraints": ("topologyKey",),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
ORDER = "$setElementOrder/"


def merge(target, patch):
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge(merged.get(key), value)
    return merged


def strategic_merge(target, patch):
    merged = copy.deepcopy(target) if isinstance(target, dict) else {}
    if patch.get("$patch") == "replace":
        return {key: value for key, value in patch.items() if key != "$patch"}
    if "$retainKeys" in patch:
        merged = {key: value for key, value in merged.items() if key in patch["$retainKeys"]}
    for key, value in patch.items():
        if key == "$retainKeys" or key.startswith(ORDER):
            continue
        if key.startswith("$"):
            raise NotModelled(f"the directive {key} of a strategic merge patch")
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            merged[key] = strategic_merge(merged.get(key), value)
        elif isinstance(value, list) and key in MERGE_KEYS:
            merged[key] = _merge_list(key, merged.get(key) or [], value)
        else:
            merged[key] = value
    for directive, order in patch.items():
        if directive.startswith(ORDER):
            _sort(merged, directive.removeprefix(ORDER), order)
    return merged


def _merge_list(name, target, patch):
    merged = list(target)
    for element in patch:
        key = _merge_key(name, element)
        at = next((i for i, other in enumerate(merged) if other.get(key) == element[key]), None)
        if element.get("$patch") == "delete":
            if at is not None:
                del merged[at]
        elif at is None:
            merged.append(element)
        else:
            merged[at] = strategic_merge(merged[at], element)
    return merged


def _merge_key(name, element):
    for key in MERGE_KEYS[name]:
        if key in element:
            return key
    raise NotModelled(f"an element of {name} in a strategic merge patch without {' or '.join(MERGE_KEYS[name])}")


def _sort(merged, name, order):
    if name not in MERGE_KEYS:
        raise NotModelled(f"the order of {name} in a strategic merge patch")
    places = {tuple(element.items()): place for place, element in enumerate(order)}

    def place(element):
        key = _merge_key(name, element)
        # Elements that only the server has come last.
        return places.get(((key, element[key]),), len(places))

    merged[name] = sorted(merged.get(name, []), key=place)
