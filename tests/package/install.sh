#!/usr/bin/env bash
# install.sh [cargo-deb]: installs the tools that build and check the package of a gate PC: Debian packages, and in .tools
# cargo-deb, Python packages and the Debian system that the package is installed on. With the argument only cargo-deb.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

cargo_tool cargo-deb 3.8.0
[[ ${1:-} != cargo-deb ]] || exit 0

need curl curl
need lintian lintian
need man man-db
need mandoc mandoc
need mmdebstrap mmdebstrap
need ruby ruby
need systemd-analyze systemd
need systemd-nspawn systemd-container
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages

python_tools package tests/package/requirements.txt

# The release of this computer, whose C library the binary is linked with. Without the right to mount, as in most
# containers, the system can neither be made nor booted.
release=$(. /etc/os-release && echo "$VERSION_CODENAME")
system=.tools/system-$release
if [[ ! -d $system ]] && as_root unshare --mount true 2>/dev/null; then
  say "installing a minimal $release in $system"
  as_root rm -rf "$system.partial"
  as_root mmdebstrap --quiet --variant=apt --include=systemd-sysv,python3-apt,sudo "$release" "$system.partial"
  as_root mv "$system.partial" "$system"
fi
