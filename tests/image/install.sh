#!/usr/bin/env bash
# Installs the tools for checking the Dockerfile and compose.yaml: compose, and in .tools Python packages.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

need docker-compose docker-compose
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages

python_tools image tests/image/requirements.txt
