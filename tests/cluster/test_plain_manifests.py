"""The plain manifests, as k8s/README.md describes."""

import secrets
import shutil

from conftest import ROOT, THIS
from gates import Gates


def test_the_plain_manifests_serve_and_can_be_applied_again(namespace, tmp_path):
    folder = tmp_path / "k8s"
    shutil.copytree(ROOT / "k8s", folder)
    for name in ("password", "admin-token"):
        (folder / name).write_text(secrets.token_hex(24))
    namespace.kubectl("apply", "--kustomize", folder)
    namespace.wait_until_serving()
    assert namespace.serving() == [THIS] * 2
    load = Gates(namespace)
    before = {pod["metadata"]["name"] for pod in namespace.pods()}
    namespace.kubectl("apply", "--kustomize", folder)
    namespace.wait_until_serving()
    assert {pod["metadata"]["name"] for pod in namespace.pods()} == before
    recorded = load.stop()
    print(recorded)
    assert recorded.acknowledged and not recorded.failed
    assert recorded.missing(namespace.sql("SELECT entry_id FROM attendance")) == []
    namespace.kubectl("delete", "--kustomize", folder)
    assert namespace.pods() == []
