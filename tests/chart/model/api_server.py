"""A small model of the Kubernetes API server for the real helm and kubectl, over plain HTTP.

It answers the requests that they make in these tests. Any other request is refused with 501 and listed in `unmodelled`,
so that no test passes by accident. Behind it is a Cluster, whose controllers react to each change at once.

A model instead of a real cluster, so that the tests need no privileges, take seconds each, and can make a migration, an
image or a password fail at an exact moment. Scheduling, the network and timing are not modelled.
"""

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import yaml

from . import patch
from .cluster import Cluster
from .kinds import KINDS
from .refusal import NotModelled, Refusal
from .selector import field_selector, label_selector

VERSION = {"major": "1", "minor": "32", "gitVersion": "v1.32.0", "platform": "linux/amd64"}
VERBS = ["create", "delete", "get", "list", "patch", "update", "watch"]
PATCHES = {
    "application/merge-patch+json": patch.merge,
    "application/strategic-merge-patch+json": patch.strategic_merge,
}
# Query parameters without an effect in this model. Others are refused, for example `dryRun`, which would have one.
PARAMETERS = {
    "allowWatchBookmarks",
    "fieldManager",
    "fieldSelector",
    "fieldValidation",
    "labelSelector",
    "limit",
    "resourceVersion",
    "resourceVersionMatch",
    "timeout",
    "timeoutSeconds",
    "watch",
}


class ApiServer:
    """The server, as a context manager."""

    def __init__(self):
        self.cluster = Cluster()
        # The requests that were refused because they are not modelled.
        self.unmodelled = []
        self.closing = False
        handler = type("Handler", (Handler,), {"api": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        with self.cluster.objects.changed:
            self.closing = True
            self.cluster.objects.changed.notify_all()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self):
        return "http://%s:%d" % self._server.server_address

    def kubeconfig(self, path):
        """Writes a kubeconfig; returns its path."""
        named = {
            "clusters": [{"name": "model", "cluster": {"server": self.url}}],
            "users": [{"name": "model", "user": {}}],
            "contexts": [{"name": "model", "context": {"cluster": "model", "user": "model"}}],
        }
        path.write_text(yaml.safe_dump({"apiVersion": "v1", "kind": "Config", "current-context": "model", **named}))
        # Helm warns if others can read the file.
        path.chmod(0o600)
        return path


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Clients keep connections open until they exit.
    timeout = 60
    # A response is written in two parts; with Nagle's algorithm the second waits for an acknowledgement of the first.
    disable_nagle_algorithm = True

    def do_GET(self):
        self._answer(self._get)

    def do_POST(self):
        self._answer(self._create)

    def do_PUT(self):
        self._answer(self._replace)

    def do_PATCH(self):
        self._answer(self._patch)

    def do_DELETE(self):
        self._answer(self._delete)

    def log_message(self, *_):
        pass

    def _answer(self, method):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        # Always read the body: what is left of it would be taken for the next request on this connection.
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.cluster = self.api.cluster
        self.objects = self.cluster.objects
        try:
            with self.objects.changed:
                answer = method(url.path.strip("/").split("/"))
                code = 201 if method == self._create else 200
        except NotModelled as refusal:
            self.api.unmodelled.append(f"{self.command} {self.path}: {refusal.message}")
            code, answer = refusal.code, refusal.status()
        except Refusal as refusal:
            code, answer = refusal.code, refusal.status()
        if callable(answer):
            answer()
        elif isinstance(answer, bytes):
            self._send(code, answer, "application/octet-stream")
        else:
            self._send(code, json.dumps(answer).encode(), "application/json")

    def _send(self, code, body, content_type):
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _get(self, path):
        discovered = _discovery(path)
        if discovered is not None:
            return discovered
        kind, namespace, name = self._target(path)
        if name:
            return self.objects.get(kind, namespace, name)
        labels = label_selector(self.query.get("labelSelector", ""))
        metadata = field_selector(self.query.get("fieldSelector", ""))
        if self.query.get("watch") in ("1", "true"):
            return lambda: self._watch(kind, namespace, labels, metadata)
        return {
            "kind": f"{kind.name}List",
            "apiVersion": kind.api_version,
            "metadata": {"resourceVersion": str(self.objects.version)},
            "items": self.objects.select(kind, namespace, labels, metadata),
        }

    def _create(self, path):
        kind, namespace, name = self._target(path)
        if name:
            raise NotModelled("POST to an object")
        return self.cluster.create(kind, self._object(kind, namespace))

    def _replace(self, path):
        kind, namespace, name = self._target(path)
        return self.cluster.change(kind, self.objects.get(kind, namespace, name), self._object(kind, namespace))

    def _patch(self, path):
        kind, namespace, name = self._target(path)
        old = self.objects.get(kind, namespace, name)
        content_type = self.headers["Content-Type"]
        if content_type not in PATCHES:
            raise NotModelled(f"a patch of the type {content_type}")
        if kind.custom and PATCHES[content_type] is patch.strategic_merge:
            raise Refusal(415, "UnsupportedMediaType", "the body of the request was in an unknown format")
        return self.cluster.change(kind, old, PATCHES[content_type](old, json.loads(self.body)))

    def _delete(self, path):
        kind, namespace, name = self._target(path)
        if not name:
            raise NotModelled("the deletion of a collection")
        options = json.loads(self.body or "{}")
        if options.get("propagationPolicy", "Background") != "Background":
            raise NotModelled(f"a deletion with {options}")
        self.cluster.delete(kind, namespace, name)
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}

    def _target(self, path):
        """The kind, namespace and name in a path; None for a part that is missing."""
        if unknown := set(self.query) - PARAMETERS:
            raise NotModelled(f"the parameters {sorted(unknown)}")
        match path:
            case ["api", version, *rest]:
                group = ""
            case ["apis", group, version, *rest]:
                pass
            case _:
                raise NotModelled("this path")
        namespace = None
        if len(rest) > 2 and rest[0] == "namespaces":
            _, namespace, *rest = rest
        kind = next((k for k in KINDS if (k.group, k.version, k.plural) == (group, version, rest[0])), None)
        if not kind or len(rest) > 2:
            raise NotModelled("this resource")
        return kind, namespace, rest[1] if len(rest) == 2 else None

    def _object(self, kind, namespace):
        new = json.loads(self.body)
        if (new["apiVersion"], new["kind"]) != (kind.api_version, kind.name):
            raise Refusal(400, "BadRequest", f"{new['apiVersion']} {new['kind']} does not match the path")
        if not new["metadata"].get("name"):
            raise NotModelled("a generated name")
        if kind.namespaced and new["metadata"].setdefault("namespace", namespace) != namespace:
            raise Refusal(400, "BadRequest", "the namespace of the object and that of the request differ")
        return new

    def _watch(self, kind, namespace, labels, metadata):
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        seen = int(self.query.get("resourceVersion") or 0)
        while True:
            with self.objects.changed:
                self.objects.changed.wait_for(lambda: self.api.closing or self.objects.version > seen)
                new = [change for change in self.objects.journal if change.version > seen]
            if self.api.closing:
                break
            seen = new[-1].version
            for change in new:
                fits = change.kind == kind and namespace in (None, change.object["metadata"].get("namespace"))
                about = change.object["metadata"]
                if fits and labels(about.get("labels", {})) and metadata(about):
                    self._chunk(json.dumps({"type": change.type, "object": change.object}).encode() + b"\n")
        self._chunk(b"")

    def _chunk(self, data):
        try:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        except ConnectionError:
            # The client has closed the connection.
            self.close_connection = True


def _discovery(path):
    """The response to a discovery request, or None for another path."""
    match path:
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"]}
        case ["apis"]:
            groups = dict.fromkeys((kind.group, kind.version) for kind in KINDS if kind.group)
            return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group(*group) for group in groups]}
        case ["api", version]:
            return _resources("", version)
        case ["apis", group, version]:
            return _resources(group, version)
        case ["openapi", "v2"]:
            # An empty document in protobuf: test_manifests.py validates the objects against Kubernetes' schemas.
            return b""
        case ["openapi", "v3"]:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return None


def _group(group, version):
    served = {"groupVersion": f"{group}/{version}", "version": version}
    return {"name": group, "versions": [served], "preferredVersion": served}


def _resources(group, version):
    found = [kind for kind in KINDS if (kind.group, kind.version) == (group, version)]
    if not found:
        raise Refusal(404, "NotFound", "the server could not find the requested resource")
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": found[0].api_version,
        "resources": [
            {
                "name": kind.plural,
                "singularName": kind.name.lower(),
                "namespaced": kind.namespaced,
                "kind": kind.name,
                "verbs": VERBS,
            }
            for kind in found
        ],
    }
