# shellcheck shell=bash
# To be sourced: installs the missing tools of a test suite. Everything but Debian packages goes to .tools.

packages=()

say() {
  echo "${0#"$PWD"/}: $*"
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# need COMMAND PACKAGE...: if the command is missing, these Debian packages will be installed.
need() {
  command -v "$1" >/dev/null || packages+=("${@:2}")
}

# Installs the packages that 'need' has found missing.
install_packages() {
  ((${#packages[@]})) || return 0
  say "installing Debian packages: ${packages[*]}"
  # Without this setting PostgreSQL's package would create and start a cluster. The setting is in a separate file that is
  # deleted after this installation, so that it does not affect later ones on this machine.
  local setting=/etc/postgresql-common/createcluster.d/rollcall-tests.conf failed=0
  as_root mkdir -p "${setting%/*}"
  as_root tee "$setting" <<<'create_main_cluster = false' >/dev/null
  as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}" || failed=$?
  as_root rm -f "$setting"
  packages=()
  return "$failed"
}

# python_tools NAME REQUIREMENTS: creates the Python environment .tools/NAME with the pinned packages of that file.
python_tools() {
  cmp -s "$2" ".tools/$1/requirements.txt" && return
  say "installing the Python packages of $2"
  # An older or an incomplete environment.
  rm -rf ".tools/$1"
  python3 -m venv ".tools/$1"
  ".tools/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
  cp "$2" ".tools/$1/requirements.txt"
}

# cargo_tool NAME VERSION: builds this version of a cargo command in .tools/bin.
cargo_tool() {
  [[ $(".tools/bin/$1" --version 2>/dev/null) != *"$2" ]] || return 0
  say "building $1 $2"
  # Without optimisation it builds in a third of the time, and runs about a second longer.
  CARGO_PROFILE_DEV_DEBUG=0 cargo install --quiet --locked --debug --root .tools "$1@$2"
}
