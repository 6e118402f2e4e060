# shellcheck shell=bash
# To be sourced: ROLLCALL_TEST_BINARY, the service that a suite tests, is built if it is not set.

if [[ -z ${ROLLCALL_TEST_BINARY:-} ]]; then
  # With the Rust tests, because `cargo build` would compile the dependencies again, with other features.
  cargo test --quiet --locked --no-run
  ROLLCALL_TEST_BINARY=${CARGO_TARGET_DIR:-target}/debug/rollcall
fi
ROLLCALL_TEST_BINARY=$(realpath "$ROLLCALL_TEST_BINARY")
export ROLLCALL_TEST_BINARY
