#!/usr/bin/env bash
# Installs what the Rust tests need and this machine lacks: Debian packages, and in .tools cargo-deny and shellcheck.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source tests/support/packages.sh

# OpenSSL, libpq and SQLite are compiled from source.
need cc gcc libc6-dev
need make make
# Debian's perl-base has the command, but not the modules that OpenSSL's Configure wants.
perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null || packages+=(perl)
need curl curl
need openssl openssl
need python3 python3
need pgrep procps
need ip iproute2
ls /usr/lib/*/faketime/libfaketime.so.1 >/dev/null 2>&1 || packages+=(libfaketime)
tests/support/postgres.sh bindir >/dev/null 2>&1 || packages+=(postgresql)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
install_packages

cargo_tool cargo-deny 0.20.2
python_tools shell tests/support/requirements.txt || say "without shellcheck, the shell scripts are not checked"
