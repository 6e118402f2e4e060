"""What the package contains, without installing it."""

import gzip
import subprocess
import tomllib

from conftest import ROOT

MANIFEST = tomllib.loads((ROOT / "Cargo.toml").read_text())


def field(package, name):
    return subprocess.check_output(["dpkg-deb", "--field", package, name], text=True).strip()


def test_lintian_finds_nothing(package):
    done = subprocess.run(
        ["lintian", "--fail-on=error,warning", "--allow-root", package], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout


def test_the_version_is_that_of_the_crate(package):
    assert field(package, "Version") == f"{MANIFEST['package']['version']}-1"


def test_it_needs_the_c_library_and_systemd(package):
    names = [each.split()[0] for each in field(package, "Depends").split(", ")]
    assert names == ["libc6", "systemd"]


def test_the_files_and_their_modes(package):
    listing = subprocess.check_output(["dpkg-deb", "--contents", package], text=True)
    files = {}
    for line in listing.splitlines():
        mode, owner, _, _, _, path = line.split(maxsplit=5)
        assert owner == "0/0"
        if not mode.startswith("d"):
            files[path.removeprefix(".")] = mode
    assert files == {
        "/etc/rollcall/gate.env": "-rw-r-----",
        "/usr/bin/rollcall": "-rwxr-xr-x",
        "/usr/lib/systemd/system/rollcall-gate.service": "-rw-r--r--",
        "/usr/lib/sysusers.d/rollcall-gate.conf": "-rw-r--r--",
        "/usr/sbin/rollcall-gate": "-rwxr-xr-x",
        "/usr/share/doc/rollcall-gate/changelog.Debian.gz": "-rw-r--r--",
        "/usr/share/doc/rollcall-gate/changelog.gz": "-rw-r--r--",
        "/usr/share/doc/rollcall-gate/copyright": "-rw-r--r--",
        "/usr/share/lintian/overrides/rollcall-gate": "-rw-r--r--",
        "/usr/share/man/man1/rollcall.1.gz -> ../man8/rollcall-gate.8.gz": "lrwxrwxrwx",
        "/usr/share/man/man8/rollcall-gate.8.gz": "-rw-r--r--",
    }


def test_dpkg_keeps_changed_settings(package):
    conffiles = subprocess.check_output(["dpkg-deb", "--info", package, "conffiles"], text=True)
    assert conffiles.split() == ["/etc/rollcall/gate.env"]


def test_the_changelogs_are_those_of_this_version(unpacked):
    documents = unpacked / "usr/share/doc/rollcall-gate"
    debian = gzip.decompress((documents / "changelog.Debian.gz").read_bytes()).decode()
    assert debian.startswith(f"rollcall-gate ({MANIFEST['package']['version']}-1) ")
    assert gzip.decompress((documents / "changelog.gz").read_bytes()) == (ROOT / "CHANGELOG.md").read_bytes()


def test_the_program_is_stripped(unpacked):
    headers = subprocess.check_output(["readelf", "--section-headers", "--wide", unpacked / "usr/bin/rollcall"], text=True)
    assert ".text" in headers and ".debug_info" not in headers
