"""The Dockerfile, parsed. Tests of the built image are in running/."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib

import pytest
from docker.utils.build import exclude_paths
from dockerfile_parse import DockerfileParser

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = pathlib.Path(sys.executable).parent
MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())
TOOLCHAIN = tomllib.loads((ROOT / "rust-toolchain.toml").read_text())["toolchain"]["channel"]


@pytest.fixture(scope="module")
def dockerfile():
    with open(ROOT / "Dockerfile", "rb") as file:
        yield DockerfileParser(fileobj=file)


@pytest.fixture(scope="module")
def stages(dockerfile):
    """The instructions of each stage as pairs of name and value, beginning with FROM."""
    stages = []
    for part in dockerfile.structure:
        if part["instruction"] == "FROM":
            stages.append([])
        if part["instruction"] != "COMMENT":
            stages[-1].append((part["instruction"], part["value"]))
    return stages


@pytest.fixture(scope="module")
def final(stages):
    return stages[-1]


def values(stage, instruction):
    return [value for name, value in stage if name == instruction]


def test_hadolint_reports_nothing():
    subprocess.run([TOOLS / "hadolint", "--failure-threshold", "style", ROOT / "Dockerfile"], check=True)


def test_the_final_stage_needs_no_shell(final):
    assert not values(final, "RUN") + values(final, "SHELL")
    commands = values(final, "ENTRYPOINT") + [check.removeprefix("CMD ") for check in values(final, "HEALTHCHECK")]
    assert [json.loads(command) for command in commands] == [["/rollcall"], ["/rollcall", "healthcheck"]]


def test_the_user_is_numeric_and_not_root(final):
    assert values(final, "USER") == ["65532:65532"]


def test_a_container_uses_postgresql_and_listens_on_all_addresses(dockerfile):
    assert dockerfile.envs["DATABASE_HOSTNAME"] == "myapp-database"
    assert dockerfile.envs["ROCKET_ADDRESS"] == "0.0.0.0"


def test_the_labels_describe_the_image(dockerfile):
    labels = {name.removeprefix("org.opencontainers.image."): value for name, value in dockerfile.labels.items()}
    assert labels.keys() == {"title", "description", "licenses", "version", "revision"}
    assert labels["title"] == MANIFEST["package"]["name"]
    assert labels["licenses"] == MANIFEST["package"]["license"]


def test_the_compiler_is_the_checkouts(stages):
    base = values(stages[0], "FROM")[0]
    assert base.startswith(f"docker.io/library/rust:{TOOLCHAIN.removesuffix('.0')}-slim-")


def test_both_base_images_have_the_same_debian(stages):
    """The binary is linked against the first image's libraries and runs with the second image's."""
    release = {"bookworm": "12", "trixie": "13"}
    builder, final = (values(stage, "FROM")[0].split()[0] for stage in stages)
    assert final.endswith(f"-debian{release[builder.rsplit('-', 1)[1]]}:nonroot")


def test_dependencies_are_built_before_the_source_is_copied(stages):
    builder = stages[0]
    builds = [i for i, (name, value) in enumerate(builder) if name == "RUN" and "cargo build" in value]
    copies = [i for i, (name, value) in enumerate(builder) if name == "COPY" and value.split()[0] == "src"]
    assert len(builds) == 2
    assert builds[0] < copies[0] < builds[1]


def test_every_target_of_the_manifest_has_a_placeholder(stages, tmp_path):
    """Checked by cargo, which refuses a manifest with a target that has no file."""
    for name in ("Cargo.toml", "Cargo.lock"):
        shutil.copy(ROOT / name, tmp_path)
    placeholders = next(run for run in values(stages[0], "RUN") if "cargo build" in run)
    read = f"{shutil.which('cargo')} metadata --offline --locked --no-deps --format-version 1"
    script = placeholders.replace("cargo build --release --locked", read)
    assert read in script
    # Outside the checkout rustup would use its default toolchain.
    environment = {**os.environ, "RUSTUP_TOOLCHAIN": TOOLCHAIN}
    done = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    targets = json.loads(done.stdout)["packages"][0]["targets"]
    kinds = [kind for target in targets for kind in target["kind"]]
    assert sorted(kinds) == ["bin", "lib"]
    assert all(pathlib.Path(target["src_path"]).is_file() for target in targets)


def test_the_build_context_has_only_the_copied_files(stages):
    patterns = (ROOT / ".dockerignore").read_text().splitlines()
    context = {path for path in exclude_paths(ROOT, patterns) if (ROOT / path).is_file()}
    # The builder reads these two files itself.
    context -= {"Dockerfile", ".dockerignore"}
    sources = [
        ROOT / source
        for stage in stages
        for copy in values(stage, "COPY")
        if "--from" not in copy
        for source in copy.split()[:-1]
    ]
    copied = {
        str(file.relative_to(ROOT))
        for source in sources
        for file in ([source] if source.is_file() else source.rglob("*"))
        if file.is_file()
    }
    assert context == copied
