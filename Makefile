# `make help` lists the targets.
CONFIG ?= config/tidegate.toml
CARGO  ?= cargo

# The plugins of this repository, and their libraries.
PLUGINS   := $(notdir $(patsubst %/Cargo.toml,%,$(wildcard plugins/*/Cargo.toml)))
LIBRARIES := $(foreach plugin,$(PLUGINS),target/debug/libtidegate_$(subst -,_,$(plugin)).so)

# Counts instructions.
COUNTS    := $(abspath $(or $(CARGO_TARGET_DIR),target))/debug/counts

.PHONY: help run test lint docs bench bench-compare counts counts-accept count-stops load claims changes fuzz

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

run: ## build the gateway and its plugins, and start it (CONFIG=config/….toml)
	$(CARGO) build --release -p tidegate -p tidegate-agents -p tidegate-coordination -p tidegate-db-listener -p tidegate-echo -p tidegate-parrot -p tidegate-projects -p tidegate-qa-chat
	./target/release/tidegate serve --config $(CONFIG)

test: ## run every test
	./scripts/test-tools
	$(CARGO) build --workspace
	$(CARGO) test --workspace --no-fail-fast

lint: ## format, lints, documents
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps

docs: ## write plugins/README.md from what the plugins declare
	$(CARGO) build -p tidegate $(PLUGINS:%=-p tidegate-%)
	./target/debug/tidegate plugin document $(LIBRARIES) --into plugins/README.md

bench: ## measure each stop of the hot path (BENCH=walk: only those with that name)
	$(CARGO) bench -p tidegate-benches -- $(BENCH)

counts: count-stops ## hold the instructions of each stop against the last landed ones (5 % more fails)
	$(COUNTS)

counts-accept: count-stops ## land the instructions of now: say why in the commit
	$(COUNTS) accept

# With the dependencies of the development build, and as it is built anywhere: not incrementally.
count-stops:
	CARGO_INCREMENTAL=0 $(CARGO) --config benches/counts/cargo.toml build --workspace --bin counts

load: ## try `tidegate load` for some seconds on a gateway of its own (LOAD="-n 5000 -d 30s --fail-if 'p99>5ms'")
	$(CARGO) build --release -p tidegate
	./scripts/with-gateway sh -c 'exec ./target/release/tidegate load "$$URL" -d 5s "$$@"' load $(LOAD)

claims: ## show by `tidegate load` what the systems claim that the gateway replaces
	$(CARGO) build --release -p tidegate
	./benches/claims

changes: ## measure how fast changes of a PostgreSQL come into the hub, and to clients
	$(CARGO) build --release -p tidegate -p tidegate-db-listener
	$(CARGO) run --workspace --bin changes ./target/release/tidegate

bench-compare: ## measure the gateway beside other servers (BENCH_ARGS=--quick, BENCH_ARGS="bar 3")
	$(CARGO) build --release -p tidegate -p tidegate-compare
	./benches/rivals/prepare
	./target/release/compare $(if $(filter run bar tell help,$(firstword $(BENCH_ARGS))),,run) $(BENCH_ARGS)

fuzz: ## fuzz each decoder for a minute (needs a nightly toolchain and cargo-fuzz)
	cd fuzz && for target in $$(cargo +nightly fuzz list); do cargo +nightly fuzz run $$target -- -max_total_time=60 || exit 1; done
