#!/usr/bin/env bash
# Installs the Python packages of the API documents' tests in .tools.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

tests/support/postgres.sh bindir >/dev/null 2>&1 || packages+=(postgresql)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages
python_tools openapi tests/openapi/requirements.txt
