# The workshop: people, pre-commit and CI run the same targets. Every target sets up what it needs, once: the stamp files
# in .venv/stamps remember what is done, and a second run rebuilds nothing that did not change.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help
.PHONY: help setup demo test ci lint type format bench docs peers wheel smoke clean cargo

BIN := .venv/bin
PYTHON := $(BIN)/python
STAMPS := .venv/stamps
# The plugins whose tests need nothing large.
PLUGINS := $(dir $(wildcard plugins/burnish-template/pyproject.toml plugins/burnish-optuna/pyproject.toml))
RUST := Cargo.toml Cargo.lock $(shell find rust -name '*.rs' -o -name Cargo.toml 2>/dev/null)
# The bindings hold no logic to test, and as an extension module they link only inside a Python.
CARGO_TEST := cargo test --locked --quiet --workspace --exclude burnish-bindings

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMPS)/core $(STAMPS)/dev $(if $(PLUGINS),$(STAMPS)/plugins) ## everything to work on Burnish, in .venv
	@echo "Ready: $(BIN)/python, $(BIN)/burnish, $(BIN)/pytest"

demo: $(STAMPS)/core ## tune a small program from start to finish, offline
	$(BIN)/burnish demo

test: setup ## every test that needs no key and no network
	$(CARGO_TEST)
	for plugin in $(PLUGINS); do $(PYTHON) -m pytest "$$plugin"; done
	$(PYTHON) -m pytest -n 3 --dist worksteal

ci: lint type test ## what CI runs: lint, type, test

lint: $(STAMPS)/dev ## ruff, rustfmt and clippy, changing nothing
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	cargo fmt --all --check
	PYO3_PYTHON="$(CURDIR)/$(PYTHON)" cargo clippy --locked --quiet --workspace --all-targets -- -D warnings

type: $(STAMPS)/core $(STAMPS)/dev ## mypy on the package, and the stub of the core against the core
	$(BIN)/mypy
	$(PYTHON) -m mypy.stubtest burnish._core --mypy-config-file pyproject.toml

format: $(STAMPS)/dev ## let ruff and rustfmt rewrite the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format
	cargo fmt --all

bench: setup ## the benches, Rust then Python (`make peers` first to measure others beside Burnish)
	cargo bench --locked --workspace --exclude burnish-bindings
	for bench in benches/python/*.py; do $(PYTHON) "$$bench"; done

docs: $(STAMPS)/core ## the user's guide, into site/
	$(PYTHON) -m pip install --quiet --group docs
	$(BIN)/mkdocs build --strict

peers: $(STAMPS)/core ## the other frameworks that the benches measure
	$(PYTHON) -m pip install --quiet --group peers

# The wheel is built from the sdist, so that a file which the sdist lacks is missed here.
wheel: $(STAMPS)/build | cargo ## an sdist and an abi3 wheel built from it, into dist/
	rm -rf dist
	$(PYTHON) .ci/licenses.py
	env -u CONDA_PREFIX VIRTUAL_ENV="$(CURDIR)/.venv" CARGO_TARGET_DIR="$(CURDIR)/target" \
	  $(BIN)/maturin build --release --locked --quiet --sdist --out dist
	@ls -l dist

smoke: wheel ## install the wheel without Rust and the sdist with it, each in a clean environment, and run them
	$(PYTHON) -m pip install --quiet --group release
	$(BIN)/twine check --strict dist/*
	$(PYTHON) .ci/smoke.py dist

clean: ## remove everything that was built or installed here
	rm -rf .venv target dist site .mypy_cache .ruff_cache .pytest_cache .hypothesis
	rm -f python/burnish/_core*.so python/burnish/_core*.pyd
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# Dependency groups need pip 25.1, which is newer than the pip that many a Python brings along: .venv gets a new one first.
$(STAMPS)/build: pyproject.toml
	@python=$$(for name in python3.13 python3.12 python3.11 python3 python; do \
	  "$$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && echo "$$name" && break; \
	done || true); \
	if [ -z "$$python" ]; then \
	  echo "Burnish needs Python 3.11 or newer with its venv module, and found none" \
	    "(tried python3.13, python3.12, python3.11, python3, python)." \
	    "Install one (on Debian and Ubuntu: apt install python3 python3-venv), then run make again." >&2; exit 1; fi; \
	if ! [ -x $(PYTHON) ]; then echo "Making .venv with $$("$$python" --version)"; "$$python" -m venv .venv; fi
	$(PYTHON) -m pip install --quiet --upgrade 'pip>=25.1'
	$(PYTHON) -m pip install --quiet --group build
	@mkdir -p $(STAMPS) && touch $@

# An editable install: Python edits count at once, and only a change in Rust or in pyproject.toml comes back here.
# Naming a group keeps maturin from installing `dev`, which a demo does not need.
$(STAMPS)/core: $(STAMPS)/build $(RUST) | cargo
	@touch $@.started  # an edit that lands while the build runs is newer than the stamp
	@echo "Building the Rust core and installing what Burnish needs: some minutes the first time."
	@fresh=--skip-install; [ $(STAMPS)/installed -nt $(STAMPS)/build ] || fresh='--group build'; \
	env -u CONDA_PREFIX VIRTUAL_ENV="$(CURDIR)/.venv" PIP_QUIET=1 \
	  $(BIN)/maturin develop --release --locked --quiet $$fresh
	@touch $(STAMPS)/installed
	@mv $@.started $@

cargo:
	@command -v cargo >/dev/null || { \
	  echo "Burnish builds its core with Rust, and found no cargo on the PATH." \
	    "Install the stable Rust from https://rustup.rs, open a new shell, then run make again." >&2; exit 1; }

$(STAMPS)/dev: $(STAMPS)/build
	$(PYTHON) -m pip install --quiet --group dev
	@touch $@

# They are installed the way that a stranger's plugin is, so that their entry points are found like theirs; `dev` has what they need.
$(STAMPS)/plugins: $(STAMPS)/core $(PLUGINS:%=%pyproject.toml)
	$(PYTHON) -m pip install --quiet --no-deps $(PLUGINS:%=--editable %)
	@touch $@
