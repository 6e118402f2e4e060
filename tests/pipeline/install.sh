#!/usr/bin/env bash
# Installs what the tests of the pipelines need: Groovy, and in .tools its linter and Python packages. The chart's tests
# bring helm and kubectl.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

# Groovy starts on a machine without Java, and then stops.
need groovy groovy default-jre-headless
need java default-jre-headless
need npm npm
need buildah buildah
need curl curl
need jq jq
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages
tests/chart/install.sh

# The newest that runs on Debian's Node.js, with all it depends on as the lock file has it.
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
