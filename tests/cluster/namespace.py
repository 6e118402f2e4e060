"""A namespace of the cluster that KUBECONFIG names. The restricted Pod Security Standard is enforced in it."""

import json
import pathlib
import subprocess

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
# A cluster on a busy machine starts pods slowly.
PATIENCE = 300


def run(*command, stdin=None, check=True, timeout=PATIENCE + 60):
    done = subprocess.run([*map(str, command)], input=stdin, capture_output=True, text=True, timeout=timeout)
    assert not check or done.returncode == 0, f"{' '.join(map(str, command))}: {done.stdout}{done.stderr}"
    return done


class Namespace:
    """A new one, and what the tests do in it."""

    def __init__(self, name):
        self.name = name
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})

    def kubectl(self, *arguments, **options):
        return run("kubectl", "--namespace", self.name, *arguments, **options)

    def helm(self, *arguments, **options):
        return run(ROOT / ".tools/helm/helm", "--namespace", self.name, *arguments, **options)

    def apply(self, *things):
        self.kubectl("apply", "--filename", "-", stdin=yaml.safe_dump_all(things))

    def get(self, *arguments):
        return json.loads(self.kubectl("get", "--output", "json", *arguments).stdout)

    def pods(self, component="service"):
        """The pods that are not about to end."""
        found = self.get("pods", "--selector", f"app.kubernetes.io/component={component}")["items"]
        return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]

    def logs(self, component):
        return self.kubectl(
            "logs", "--selector", f"app.kubernetes.io/component={component}", "--tail=-1", "--prefix"
        ).stdout

    def sql(self, statement, server="statefulset/rollcall-database", database="rollcall"):
        """The lines of a statement's result, by default from the bundled database."""
        command = ("psql", "--host=127.0.0.1", f"--dbname={database}", "--no-align", "--tuples-only", "--command")
        return self.kubectl("exec", server, "--", *command, statement).stdout.splitlines()
