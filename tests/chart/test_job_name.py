"""The migrate Job's name. A Job's pod template is immutable, so another spec must have another name, and the same spec
the same name."""

import copy
import re
import shutil

from conftest import CHART, ROOT, merge
from scenarios import BUNDLED, CANARY, CNPG, EXTERNAL, MESH, ROUTE
from test_values import CHANGES, nested

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as some

LAST_MIGRATION = max(path.name.split("_")[0] for path in (ROOT / "migrations/postgres").iterdir())
RELEASE = "a-release-with-the-longest-name-that-helm-lets-one-use"[:53]

# The values that the Job's spec depends on. A change of any other value must not rename the Job.
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
    "database.cnpg.serviceRole.existingSecret",
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
    """The Job that migrates for the Deployment, as opposed to the canary's."""
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


def test_the_name_has_the_migration_and_a_hash(render):
    assert re.fullmatch(rf"rollcall-migrate-{LAST_MIGRATION}-[0-9a-f]{{8}}", name(render(BUNDLED)))


def test_the_chart_names_the_last_migration():
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    assert annotations["rollcall/last-migration"] == LAST_MIGRATION


@pytest.mark.parametrize("path", [path for path in CHANGES if path != "migrations.mode"])
def test_the_name_changes_with_the_jobs_spec_only(render, path):
    base, value = CHANGES[path]
    before = job(render(base))
    after = job(render(base, nested(path, value)))
    assert (before["metadata"]["name"] != after["metadata"]["name"]) == (path in RENAMES)
    assert (before["spec"] != after["spec"]) == (path in RENAMES - IN_THE_NAME)


def test_every_value_that_renames_the_job_exists():
    assert RENAMES <= CHANGES.keys()


some_values = some.lists(some.sampled_from(sorted(CHANGES.keys() - {"migrations.mode"})), max_size=6)


# The fixtures have session scope and no state, so hypothesis' warning about function-scoped fixtures does not apply.
@settings(max_examples=40, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(some.sampled_from([EXTERNAL, BUNDLED, CNPG]), some_values, some_values, some.sampled_from(["rollcall", RELEASE]))
def test_the_same_name_means_the_same_spec(template, base, some_paths, other_paths, release):
    jobs = []
    for paths in (some_paths, other_paths):
        values = copy.deepcopy(base)
        for path in paths:
            merge(values, nested(path, CHANGES[path][1]))
        done = template(values, release=release)
        # The chart refuses values that contradict each other.
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
def test_the_longest_name_has_63_characters(render, suffix):
    longest = name(render(BUNDLED, {"migrations": {"nameSuffix": suffix}}, release=RELEASE))
    assert len(longest) <= 63
    assert longest.startswith(RELEASE[:20])
    assert f"-migrate-{LAST_MIGRATION}-" in longest
    assert longest.endswith(suffix)


def test_releases_with_the_same_prefix_have_different_jobs(render):
    assert name(render(BUNDLED, release=RELEASE[:40] + "x")) != name(render(BUNDLED, release=RELEASE[:40] + "y"))


def test_a_new_chart_version_does_not_rename_the_job(render, tmp_path):
    pinned = {"image": {"tag": "1.0.0"}}
    chart = tmp_path / "rollcall"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump({**about, "version": "9.9.9", "appVersion": "9.9.9"}))
    assert name(render(EXTERNAL, pinned, chart=chart)) == name(render(EXTERNAL, pinned))
    assert name(render(EXTERNAL, chart=chart)) != name(render(EXTERNAL))


def test_a_new_migration_renames_the_job(render, tmp_path):
    chart = tmp_path / "rollcall"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    about["annotations"]["rollcall/last-migration"] = "29991231235959"
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about))
    assert "-29991231235959-" in name(render(EXTERNAL, chart=chart))


@pytest.mark.parametrize("tag", ["2", "20261121", "1234567890123"])
def test_a_tag_may_consist_of_digits(render, tag):
    by_file = render(EXTERNAL, {"image": {"tag": int(tag)}})
    by_flag = render(EXTERNAL, arguments=("--set", f"image.tag={tag}"))
    by_text = render(EXTERNAL, {"image": {"tag": tag}})
    assert by_file == by_flag == by_text
    assert job(by_file)["spec"]["template"]["spec"]["containers"][0]["image"] == f"ghcr.io/rollcall/rollcall:{tag}"


@pytest.mark.parametrize("router", [ROUTE, MESH])
def test_promoting_a_canary_does_not_run_its_job_again(render, router):
    before = name(render(EXTERNAL, router))
    during = [each["metadata"]["name"] for each in render(EXTERNAL, router, CANARY) if each["kind"] == "Job"]
    after = name(render(EXTERNAL, router, {"image": CANARY["canary"]["image"]}))
    assert sorted(during) == sorted([before, after])
    assert before != after


def test_a_canary_of_the_same_image_has_the_same_job(render):
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    canary = {"canary": {"enabled": True, "image": {"tag": version}}}
    assert name(render(EXTERNAL, ROUTE, canary)) == name(render(EXTERNAL))


def test_the_time_to_live_is_optional(render):
    assert job(render(EXTERNAL))["spec"]["ttlSecondsAfterFinished"] == 24 * 60 * 60
    for_ever = {"migrations": {"ttlSecondsAfterFinished": None}}
    assert "ttlSecondsAfterFinished" not in job(render(EXTERNAL, for_ever))["spec"]
    assert "ttlSecondsAfterFinished" not in job(render(CHART / "values-gitops.yaml"))["spec"]
