# `make run` starts a local network of four validators with the example modules on it; `make test` runs
# every test. Both install what is missing first (scripts/bootstrap says what and why).

SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help bootstrap page build run test lint bench sim

ENVIRONMENT := . scripts/environment

help: ## Show the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

bootstrap: ## Install what is missing: a C++ compiler, libclang, a Rust that compiles to WebAssembly
	@scripts/bootstrap

page: ## Build the page that every node serves, where Node.js is there; the program is built without it, too
	@if command -v npm >/dev/null; then scripts/build-page; else echo "no Node.js: the program is built without its page"; fi

build: bootstrap page ## Build the pollen program into ./pollen
	@$(ENVIRONMENT) && cargo build --locked --workspace --bin pollen \
	    && ln -sfn "$${CARGO_TARGET_DIR:-target}/debug/pollen" pollen

# POLLEN_HOME=folder keeps the network elsewhere; RUN_ARGS="--fresh" and the like go to `pollen dev`.
run: build ## Start four validators, deploy the example modules, say what to try next
	@$(ENVIRONMENT) && exec ./pollen --home "$${POLLEN_HOME:-.pollen}" dev --examples contracts $(RUN_ARGS)

test: bootstrap ## Run every test
	@$(ENVIRONMENT) && scripts/test

lint: ## Format, lints, documentation, dependencies
	@$(ENVIRONMENT) && cargo fmt --all --check && cargo clippy --locked --workspace --exclude pollen-ledger-simulated --all-targets -- -D warnings \
	    && RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps --quiet && scripts/deny

bench: build ## Measure a local network (docs/benchmarks.md)
	@scripts/bench

# make sim SEED=7 repeats one seed; make sim SEEDS=200 FROM=1 runs many. SIM_ARGS goes to pollen-sim.
sim: bootstrap ## Simulate networks: SEED=n, or SEEDS=n (docs/simulation.md)
	@$(ENVIRONMENT) && cargo build --locked --workspace --bin pollen-sim \
	    && exec "$${CARGO_TARGET_DIR:-target}/debug/pollen-sim" \
	    $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),200) --from $(or $(FROM),1)) $(SIM_ARGS)
