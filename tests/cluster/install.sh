#!/usr/bin/env bash
# Installs what `up` needs: Debian packages, and in .tools helm and the chart tests' Python packages. Builds in
# .tools/cluster the programs of the cluster, and the images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

need containerd containerd
need runc runc
need buildah buildah
need debootstrap debootstrap
need iptables iptables
need ip iproute2
need findmnt mount
need openssl openssl
[[ -x /usr/lib/cni/bridge ]] || packages+=(containernetworking-plugins)
install_packages
tests/chart/install.sh
tests/cluster/programs/build
definitions=.tools/cluster/definitions.yaml
if [[ ! $definitions -nt tests/cluster/definitions ]]; then
  tests/cluster/definitions >"$definitions.new"
  mv "$definitions.new" "$definitions"
fi
tests/cluster/images
