#!/usr/bin/env bash
# build-release.sh              prints the git revision of the release before this one
# build-release.sh --first      prints that of the first release
# build-release.sh REVISION     builds that release's binary, .tools/releases/REVISION/rollcall, unless it is there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# Release 0.1.0 has no tag.
first_release=7898b51674578220ea0917cd085809226cf89848

if (($# == 0)); then
  git describe --tags --abbrev=0 --match 'v[0-9]*' 'HEAD^' 2>/dev/null || echo "$first_release"
  exit
fi

if [[ $1 == --first ]]; then
  echo "$first_release"
  exit
fi

revision=$1
binary=.tools/releases/$revision/rollcall
[[ ! -x $binary ]] || exit 0
if ! git cat-file -e "$revision^{commit}" 2>/dev/null; then
  cat >&2 <<END
The rolling-update test needs the previous release, and this directory does not have its commit:
  $revision
In a shallow clone, fetch the whole history: git fetch --unshallow --tags
Without git history, set ROLLCALL_TEST_PREVIOUS_BINARY to a binary of the previous release.
END
  exit 1
fi

target=.tools/releases/target
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git archive "$revision" | tar -x -C "$source"
# Most dependencies are the same as in this checkout and need not be compiled again. The build gets a copy of them: in a
# shared target directory, the two versions of this package would replace each other's files.
current=${CARGO_TARGET_DIR:-target}/debug
if [[ ! -d $target && -d $current ]]; then
  mkdir -p "$target/debug"
  (cd "$current" && tar -c --exclude '*rollcall*' .fingerprint build deps/lib*) | tar -x -C "$target/debug"
fi
# With this checkout's profile, so that the copies of the dependencies fit.
CARGO_TARGET_DIR=$target cargo build --locked --manifest-path "$source/Cargo.toml" \
  --config 'profile.dev.debug="line-tables-only"' --config 'profile.dev.package."*".debug=false'
mkdir -p "${binary%/*}"
# Renamed last, so that an interrupted copy is not taken for the binary.
cp "$target/debug/rollcall" "$binary.new"
mv "$binary.new" "$binary"
rm -rf "$target"
