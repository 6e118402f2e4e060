# shellcheck shell=bash
# To be sourced: installs what a suite needs and this machine lacks. Everything but Debian packages goes to .tools.

packages=()

say() {
  echo "${0#"$PWD"/}: $*"
}

as_root() {
  if ((EUID == 0)); then "$@"; else sudo "$@"; fi
}

# need COMMAND PACKAGE...: notes the Debian packages that bring a command, if it is missing.
need() {
  command -v "$1" >/dev/null || packages+=("${@:2}")
}

# Installs the Debian packages that were noted.
install_packages() {
  ((${#packages[@]})) || return 0
  say "installing Debian packages: ${packages[*]}"
  # PostgreSQL's package would make and start a cluster, which nobody asked for; this is the setting against it. In a
  # file of its own, for this installation only: the machine's later ones are its administrator's matter.
  local setting=/etc/postgresql-common/createcluster.d/rollcall-tests.conf failed=0
  as_root mkdir -p "${setting%/*}"
  as_root tee "$setting" <<<'create_main_cluster = false' >/dev/null
  as_root apt-get update -q &&
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${packages[@]}" || failed=$?
  as_root rm -f "$setting"
  packages=()
  return "$failed"
}

# python_tools NAME REQUIREMENTS: an environment .tools/NAME with the pinned packages that the file lists.
python_tools() {
  cmp -s "$2" ".tools/$1/requirements.txt" && return
  say "installing the Python packages of $2"
  # Left over from an older list, or half-made.
  rm -rf ".tools/$1"
  python3 -m venv ".tools/$1"
  ".tools/$1/bin/pip" install --quiet --disable-pip-version-check --requirement "$2"
  cp "$2" ".tools/$1/requirements.txt"
}
