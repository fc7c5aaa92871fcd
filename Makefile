# `make help` lists what there is. Nothing here needs a prepared machine beyond Rust; on Debian, missing packages are installed.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Outside the clone, so that several clones share one build and none is searched by editors and `docker build`.
export CARGO_TARGET_DIR ?= $(HOME)/.cache/jackin/target

PROFILE ?= dev
PREFIX ?= $(HOME)/.local
NEXTEST_VERSION ?= 0.9.143

HOST = $(shell rustc -vV | sed -n 's/^host: //p')
# The folder of the profile `dev` is called `debug`.
BINARIES = $(CARGO_TARGET_DIR)/$(HOST)/$(if $(filter dev,$(PROFILE)),debug,$(PROFILE))
STAGE := .ci/stage

.PHONY: help
help: ## list the targets
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'\t' '{ printf "  make %-10s %s\n", $$1, $$2 }'

.PHONY: engine
engine: ## use the Docker engine that answers; on Debian as root, install and start one where none does
	@docker/engine.sh start

.PHONY: base
base: engine ## make the construct image, which role images start from
	@docker/construct/build.sh

.PHONY: dind
dind: base ## make the sidecar's image, for roles with `docker: {mode: dind}`
	@docker/dind/build.sh

.PHONY: tiny
tiny: engine ## make the tests' two-megabyte image
	@docker/tiny/build.sh

.PHONY: build
build: ## build all programs (PROFILE=dev, or release)
	@cargo build --workspace --bins --profile $(PROFILE)

.PHONY: demo
demo: engine build base ## from nothing to a running instance and a command in its session
	@if [ -x examples/quickstart/prepare.sh ]; then examples/quickstart/prepare.sh; fi
	@export PATH="$(BINARIES):$$PATH"; set -x; \
	jackin apply -f examples/quickstart --wait </dev/null; \
	jackin get instances </dev/null; \
	jackin exec quickstart-main -- sh -c 'pwd && git --no-pager log --oneline -n 5' </dev/null

.PHONY: test
test: ## format, lints and all tests, on a real engine
	@$(STAGE) packages docker/packages.sh
	@$(STAGE) engine docker/engine.sh start
	@$(STAGE) base docker/construct/build.sh
	@$(STAGE) dind docker/dind/build.sh
	@$(STAGE) tiny docker/tiny/build.sh
	@$(STAGE) format cargo fmt --all --check
	@$(STAGE) lints cargo clippy --workspace --all-targets --features jackin-daemon/simulation --locked -- -D warnings
	@$(STAGE) build cargo build --workspace --bins --locked
	@$(STAGE) nextest $(MAKE) nextest
	@$(STAGE) tests cargo nextest run --workspace --locked --no-fail-fast
	@$(STAGE) doctests cargo test --workspace --doc --locked
	@$(STAGE) soak $(MAKE) soak SEEDS=1500

# Built outside this folder, whose static linking is ours alone, and without its own updater.
.PHONY: nextest
nextest:
	@cargo nextest --version >/dev/null 2>&1 || { cd / && \
	  cargo install --locked cargo-nextest@$(NEXTEST_VERSION) --no-default-features --features default-no-update; }

.PHONY: soak
soak: ## simulate the controllers under faults (SEEDS=1000, FROM=0; SEED=7 replays one with its transcript)
	@cargo run -q --profile soak --locked -p jackin-daemon --features simulation --example soak -- \
	  $(if $(SEED),--seed $(SEED),--seeds $(or $(SEEDS),1000) --from $(or $(FROM),0))

.PHONY: fuzz
fuzz: ## play hostile frames and terminal streams (FUZZ_INPUTS=100000, FROM=0; SEED=7 replays one)
	@cargo run -q --profile soak --locked -p jackin-daemon --features simulation --example fuzz -- \
	  $(if $(SEED),1 $(SEED),$(or $(FUZZ_INPUTS),100000) $(or $(FROM),0))

.PHONY: exhaustive
exhaustive: nextest ## carry out all combinations of the planner's test on the model engine, not one in 37
	@cargo nextest run --locked -p jackin-plan --run-ignored only -E 'test(exhaustive)'

.PHONY: bench
bench: engine tiny ## measure against the bare Engine API, in a release build (BENCH="--only attach --json")
	@cargo build --release --locked -p jackin -p jackin-capsule
	@cargo bench --locked -p jackin-tests --bench bench -- $(BENCH)

.PHONY: install
install: ## build a release and put it into PREFIX/bin (default ~/.local/bin)
	@$(MAKE) build PROFILE=release
	@install -d "$(DESTDIR)$(PREFIX)/bin"
	@install -m 755 "$(CARGO_TARGET_DIR)/$(HOST)/release/jackin" "$(CARGO_TARGET_DIR)/$(HOST)/release/jackin-capsule" "$(DESTDIR)$(PREFIX)/bin/"
	@echo "installed jackin and jackin-capsule into $(DESTDIR)$(PREFIX)/bin" >&2
