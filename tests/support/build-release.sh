#!/usr/bin/env bash
# build-release.sh TAG: builds a tagged release into .tools/releases/TAG/rollcall, unless it is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

binary=.tools/releases/$1/rollcall
[[ ! -x $binary ]] || exit 0
mkdir -p "${binary%/*}"
source=$(mktemp -d)
trap 'rm -rf "$source"' EXIT
git archive "$1" | tar -x -C "$source"
# In a directory of its own, so that it does not throw away what was built of this one.
CARGO_TARGET_DIR=.tools/releases/target cargo build --locked --manifest-path "$source/Cargo.toml"
cp .tools/releases/target/debug/rollcall "$binary"
