# Keyward's commands. `make` alone lists them; README.md explains the two that matter first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

CARGO ?= cargo
# Tools that the project fetches for itself live beside its build output, so one cache holds both.
TOOLS := $(CURDIR)/target/tools
export PATH := $(TOOLS)/bin:$(PATH)

DEMO_ARGS ?=
BENCH_ARGS ?=
# POPCNT speeds one of the peers up by half; without it the comparison would flatter Keyward.
BENCH_CPU ?= CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS='-C target-cpu=x86-64-v2'
FUZZ_SECONDS ?= 300
FUZZ_TARGETS ?=

.PHONY: help run test unit e2e corpus check fmt lint doc deny audit bench fuzz

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9_-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## build Keyward and run the demo (DEMO_ARGS='…' passes options on)
	@scripts/setup.sh compiler
	$(CARGO) run --locked --profile quick -p keyward --bin keyward -- demo $(DEMO_ARGS)

test: ## install what the tests need, then run all of them
	@scripts/setup.sh compiler nextest gateways applications clients
	@scripts/test.sh unit doc e2e

unit: ## only the workspace's tests, without gateways
	@scripts/setup.sh compiler nextest
	@scripts/test.sh unit doc

e2e: ## only the end-to-end tests: real gateways and applications, from the guides
	@scripts/setup.sh compiler nextest gateways applications clients
	@scripts/test.sh e2e

corpus: ## only the corpus of cases (KEYWARD_CORPUS=DIR runs another folder's files)
	@scripts/setup.sh compiler nextest
	@scripts/corpus.sh

check: fmt lint doc deny ## formatting, lints, documentation, licences and bans

fmt: ## is everything formatted?
	$(CARGO) fmt --all --check

lint: ## clippy, warnings are errors
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

doc: ## the API documentation, private items too, warnings are errors
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps --document-private-items

deny: ## licences, banned crates and sources of the dependencies
	@scripts/setup.sh compiler deny
	$(CARGO) deny --log-level error check --hide-inclusion-graph bans licenses sources

audit: ## known vulnerabilities (fetches the advisory database)
	@scripts/setup.sh deny
	$(CARGO) deny check advisories

bench: ## Keyward and its peers measured side by side (BENCH_ARGS='…')
	@scripts/setup.sh compiler gateways issuers
	$(BENCH_CPU) $(CARGO) run --locked --release -p keyward-bench -- $(BENCH_ARGS)

fuzz: ## each fuzz target for FUZZ_SECONDS (300; FUZZ_TARGETS='a b' picks some)
	@FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_TARGETS='$(FUZZ_TARGETS)' scripts/fuzz.sh
