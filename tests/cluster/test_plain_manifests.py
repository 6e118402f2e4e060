"""The plain manifests, as k8s/README.md describes."""

import secrets
import shutil

from namespace import ROOT


def test_the_plain_manifests_serve_and_can_be_applied_again(release, tmp_path):
    namespace = release.namespace
    folder = tmp_path / "k8s"
    shutil.copytree(ROOT / "k8s", folder)
    for name in ("password", "admin-token"):
        (folder / name).write_text(secrets.token_hex(24))
    namespace.kubectl("apply", "--kustomize", folder)
    release.wait_until_serving()
    assert release.serving() == [release.this] * 2
    before = release.generations()
    release.put_under_load()
    namespace.kubectl("apply", "--kustomize", folder)
    release.wait_until_serving()
    release.assert_no_request_failed()
    assert release.generations() == before
    namespace.kubectl("delete", "--kustomize", folder)
    assert release.pods() == []
