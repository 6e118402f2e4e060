#!/usr/bin/env bash
# Installs the Debian packages that `make bench` needs and this machine lacks.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tests/support/packages.sh

# OpenSSL, libpq and SQLite are compiled from source.
need cc gcc libc6-dev
need make make
perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null || packages+=(perl)
need pgrep procps
need python3 python3
need wrk wrk
# pgbench belongs to the server's package.
tests/support/postgres.sh bindir >/dev/null 2>&1 || packages+=(postgresql)
install_packages
