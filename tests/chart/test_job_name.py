"""The migrate Job's name: Kubernetes lets nobody change a Job's pods, so another spec has another name, and the same
spec the same."""

import copy
import re
import shutil

from conftest import BUNDLED, CHART, CNPG, EXTERNAL, ROOT, merge
from scenarios import CANARY, MESH, ROUTE
from test_values import CHANGES, nested

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

LAST_MIGRATION = max(path.name.split("_")[0] for path in (ROOT / "migrations/postgres").iterdir())
RELEASE = "a-release-with-the-longest-name-that-helm-lets-one-use"[:53]

# What the Job does or is. Everything else leaves it alone.
RENAMES = {
    "nameOverride",
    "fullnameOverride",
    "image.repository",
    "image.tag",
    "image.digest",
    "image.pullPolicy",
    "imagePullSecrets",
    "nodeSelector",
    "tolerations",
    "database.mode",
    "database.name",
    "database.existingSecret",
    "database.external.host",
    "database.external.port",
    "database.external.sslmode",
    "database.external.sslRootCert.secret",
    "database.external.sslRootCert.configMap",
    "database.external.sslRootCert.key",
    "migrations.existingSecret",
    "migrations.nameSuffix",
    "migrations.backoffLimit",
    "migrations.activeDeadlineSeconds",
    "migrations.ttlSecondsAfterFinished",
    "migrations.podLabels",
    "migrations.podAnnotations",
}
# These are in the name and not in the spec.
IN_THE_NAME = {"migrations.nameSuffix", "fullnameOverride"}


def job(objects):
    """The Job that migrates for the Deployment; a canary has one of its own."""
    [image] = {
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in objects
        if each["kind"] == "Deployment" and each["metadata"]["labels"]["app.kubernetes.io/component"] == "service"
    }
    [found] = [
        each
        for each in objects
        if each["kind"] == "Job" and each["spec"]["template"]["spec"]["containers"][0]["image"] == image
    ]
    return found


def name(objects):
    return job(objects)["metadata"]["name"]


def test_the_name(render):
    assert re.fullmatch(rf"rollcall-migrate-{LAST_MIGRATION}-[0-9a-f]{{8}}", name(render(BUNDLED)))


def test_the_chart_knows_the_newest_migration():
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    assert annotations["rollcall/last-migration"] == LAST_MIGRATION


@pytest.mark.parametrize("path", [path for path in CHANGES if path != "migrations.mode"])
def test_the_name_changes_with_what_the_job_does_and_with_nothing_else(render, path):
    base, value = CHANGES[path]
    before = job(render(base))
    after = job(render(base, nested(path, value)))
    assert (before["metadata"]["name"] != after["metadata"]["name"]) == (path in RENAMES)
    assert (before["spec"] != after["spec"]) == (path in RENAMES - IN_THE_NAME)


def test_every_value_that_renames_is_one():
    assert RENAMES <= CHANGES.keys()


some_values = some.lists(some.sampled_from(sorted(CHANGES.keys() - {"migrations.mode"})), max_size=6)


# The functions that hypothesis is not to complain about are of the session, and nothing is kept between examples.
@settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(some.sampled_from([EXTERNAL, BUNDLED, CNPG]), some_values, some_values, some.sampled_from(["rollcall", RELEASE]))
def test_the_same_name_is_the_same_job(template, base, some_paths, other_paths, release):
    jobs = []
    for paths in (some_paths, other_paths):
        values = copy.deepcopy(base)
        for path in paths:
            merge(values, nested(path, CHANGES[path][1]))
        done = template(values, release=release)
        # Values that contradict each other are refused.
        assume(done.returncode == 0)
        jobs.append(job([each for each in yaml.safe_load_all(done.stdout) if each]))
    one, other = jobs
    for each in jobs:
        assert re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", each["metadata"]["name"])
    if one["metadata"]["name"] == other["metadata"]["name"]:
        assert one["spec"] == other["spec"]
    elif not IN_THE_NAME & {*some_paths, *other_paths}:
        assert one["spec"] != other["spec"]


@pytest.mark.parametrize("suffix", ["", "1-1-0", "0123456789"])
def test_the_longest_name(render, suffix):
    longest = name(render(BUNDLED, {"migrations": {"nameSuffix": suffix}}, release=RELEASE))
    assert len(longest) <= 63
    assert longest.startswith(RELEASE[:20])
    assert f"-migrate-{LAST_MIGRATION}-" in longest
    assert longest.endswith(suffix)


def test_releases_with_the_same_beginning_have_jobs_of_their_own(render):
    assert name(render(BUNDLED, release=RELEASE[:40] + "x")) != name(render(BUNDLED, release=RELEASE[:40] + "y"))


def test_a_new_version_of_the_chart_is_no_new_job(render, tmp_path):
    pinned = {"image": {"tag": "1.0.0"}}
    chart = tmp_path / "rollcall"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": "9.9.9", "appVersion": "9.9.9"}))
    assert name(render(EXTERNAL, pinned, chart=chart)) == name(render(EXTERNAL, pinned))
    assert name(render(EXTERNAL, chart=chart)) != name(render(EXTERNAL))


def test_a_new_migration_is_a_new_job(render, tmp_path):
    chart = tmp_path / "rollcall"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    about["annotations"]["rollcall/last-migration"] = "29991231235959"
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    assert "-29991231235959-" in name(render(EXTERNAL, chart=chart))


@pytest.mark.parametrize("tag", ["2", "20261121", "1234567890123"])
def test_a_tag_of_digits_is_a_tag(render, tag):
    by_file = render(EXTERNAL, {"image": {"tag": int(tag)}})
    by_flag = render(EXTERNAL, arguments=("--set", f"image.tag={tag}"))
    by_text = render(EXTERNAL, {"image": {"tag": tag}})
    assert by_file == by_flag == by_text
    assert job(by_file)["spec"]["template"]["spec"]["containers"][0]["image"] == f"ghcr.io/rollcall/rollcall:{tag}"


@pytest.mark.parametrize("router", [ROUTE, MESH])
def test_a_canary_has_a_job_that_its_promotion_does_not_run_again(render, router):
    before = name(render(EXTERNAL, router))
    during = [each["metadata"]["name"] for each in render(EXTERNAL, router, CANARY) if each["kind"] == "Job"]
    after = name(render(EXTERNAL, router, {"image": CANARY["canary"]["image"]}))
    assert sorted(during) == sorted([before, after])
    assert before != after


def test_a_canary_of_the_same_image_has_the_same_job(render):
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    canary = {"canary": {"enabled": True, "image": {"tag": version}}}
    assert name(render(EXTERNAL, ROUTE, canary)) == name(render(EXTERNAL))


def test_the_time_to_live(render):
    assert job(render(EXTERNAL))["spec"]["ttlSecondsAfterFinished"] == 24 * 60 * 60
    for_ever = {"migrations": {"ttlSecondsAfterFinished": None}}
    assert "ttlSecondsAfterFinished" not in job(render(EXTERNAL, for_ever))["spec"]
    assert "ttlSecondsAfterFinished" not in job(render(CHART / "values-gitops.yaml"))["spec"]
