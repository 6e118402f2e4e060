.DEFAULT_GOAL := help
.PHONY: help run build test bench fmt lint

help: ## List the targets
	@awk -F ' *## ' '/^[a-z]+: *##/ { sub(/:/, "", $$1); printf "make %-6s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the service; without DATABASE_* settings it keeps its data in rollcall.sqlite3
	cargo run --release --locked

build: ## Build the release binary, target/release/rollcall
	cargo build --release --locked

test: ## Run every check and all tests; installs what they need
	tests/run

bench: ## Measure the release binary
	benches/run

fmt: ## Format the Rust sources
	cargo fmt

lint: ## Check format and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
