#!/usr/bin/env bash
# Installs what the pipeline tests need: Groovy as a Debian package, and in .tools its linter and Python packages. helm
# and kubectl come with the chart's tests.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

# The package groovy does not depend on Java.
need groovy groovy default-jre-headless
need java default-jre-headless
need npm npm
need buildah buildah
need curl curl
need jq jq
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages
tests/chart/install.sh

# The newest version that runs on Debian's Node.js, with the dependencies of the lock file.
if ! cmp -s tests/pipeline/package-lock.json .tools/groovy-lint/installed.json; then
  say "installing the npm packages of tests/pipeline/package.json"
  rm -rf .tools/groovy-lint
  mkdir -p .tools/groovy-lint
  cp tests/pipeline/package.json tests/pipeline/package-lock.json .tools/groovy-lint
  npm ci --prefix .tools/groovy-lint --ignore-scripts --no-audit --no-fund --silent
  cp tests/pipeline/package-lock.json .tools/groovy-lint/installed.json
fi

python_tools pipeline tests/pipeline/requirements.txt
python_tools shell tests/support/requirements.txt
