.DEFAULT_GOAL := help
.PHONY: help run build test chart-test openapi api-fuzz image image-test cluster cluster-test citus-test deb package-test bench bench-scale bench-gate gate-storm scale fmt lint chart-docs manifests pictures

help: ## List the targets
	@awk -F ' *## ' '/^[a-z-]+: *##/ { sub(/:/, "", $$1); printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start the service; without DATABASE_* settings it keeps its data in rollcall.sqlite3
	cargo run --release --locked

build: ## Build the release binary, target/release/rollcall
	cargo build --release --locked

test: ## Run every check and all tests; installs what they need
	tests/run

chart-test: ## Check the chart and the plain manifests with the real helm, without a cluster
	tests/chart/install.sh
	tests/chart/run

api-fuzz: ## Let schemathesis compare the service with its API documents, as every role, on both stores
	tests/support/install.sh
	tests/openapi/install.sh
	tests/openapi/run tests/openapi/test_service.py

openapi: ## Write docs/openapi.json anew from the code
	ROLLCALL_TEST_WRITE_OPENAPI=1 cargo test --quiet --locked --test api -- openapi::the_committed_document

image: ## Build the container image with buildah, podman or docker
	tests/image/build

image-test: ## Build the image and run it: migrate, serve, the plain manifests in podman
	tests/image/build-and-run

deb: ## Build the Debian package of a gate PC
	tests/package/install.sh cargo-deb
	deploy/gate/build

package-test: ## Check the package of a gate PC and the Ansible role; installs both on a booted Debian
	tests/package/install.sh
	tests/package/run

cluster: ## Start a Kubernetes of one node, without a registry, and a shell in it
	tests/cluster/install.sh
	tests/cluster/up

cluster-test: ## Test the chart on the cluster that KUBECONFIG names, or on one that is started for it
	tests/cluster/test

citus-test: ## Test the service on Citus, in each way of deploy/citus; the local PostgreSQL needs the extension
	tests/support/install.sh
	benches/install.sh
	tests/citus/test

chart-docs: ## Regenerate the table of values in the chart's README
	tests/chart/install.sh
	.tools/chart/bin/python tests/chart/values_table.py

manifests: ## Regenerate the files in k8s/ from the chart
	tests/chart/install.sh
	k8s/render

pictures: ## Take the pictures of pages in docs/pictures anew
	tests/pages/install.sh
	tests/pages/run tests/pages/pictures.py

bench: ## Measure the release binary beside its peers; installs what that needs
	benches/install.sh
	benches/run

bench-scale: ## Measure the service while its table grows: ROWS=10000000, on PostgreSQL and embedded
	benches/install.sh
	benches/growth

bench-gate: ## Measure a gate agent: how it catches up beside live traffic, and what forwarding costs it
	benches/install.sh
	benches/gate

gate-storm: ## Break gates, networks and databases at random for SECONDS (300); a SEED repeats a storm
	tests/support/install.sh
	ROLLCALL_STORM_SECONDS=$(or $(SECONDS),300) $(if $(SEED),ROLLCALL_STORM_SEED=$(SEED)) \
	  cargo test --locked --test faults -- --nocapture gate_storm

scale: build ## Import and export a million entries on a private PostgreSQL; checks time and memory
	tests/scale/measure

fmt: ## Format the Rust sources
	cargo fmt

lint: ## Check format and lints
	cargo fmt --check
	cargo clippy --all-targets --locked -- -D warnings
