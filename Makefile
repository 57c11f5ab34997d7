# Every command of the project. `make` alone lists them.
# Needs only Python >= 3.11 and make; all else is installed in .venv or run from there.

PYTHON ?= python3
BIN := .venv/bin
# BROWSER=no leaves the browser tests out; PYTEST_ARGS goes to pytest as it is. As many tests run
# side by side as there are cores, up to four, each process with a PostgreSQL of its own: JOBS=0
# runs them in one.
BROWSER ?= yes
JOBS ?= auto
PYTEST_ARGS ?=
PIP_INSTALL = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
# For every platform and Python from 3.11 on; the files name no host.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

.DEFAULT_GOAL := help
.PHONY: help run test faults fuzz mutants audit bench pictures check fmt lint types arch lock browser clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

run: $(BIN)/.base ## start everything on http://127.0.0.1:8000 (PLAYHEAD_PORT), Ctrl-C stops it
	@exec $(BIN)/python manage.py serve

test: $(BIN)/.dev $(if $(filter yes,$(BROWSER)),browser) ## all tests, the browser's too
	$(BIN)/pytest -n $(JOBS) --maxprocesses 4 --dist loadfile \
		$(if $(filter yes,$(BROWSER)),,--ignore=tests/browser) $(PYTEST_ARGS)

faults: $(BIN)/.dev ## the long tests: a million events, and workers and brokers killed
	$(BIN)/pytest tests/faults $(PYTEST_ARGS)

fuzz: $(BIN)/.dev browser ## all odd input at every door, all scripts in every field, 1,000 odd requests a call
	PLAYHEAD_FUZZ=1000 $(BIN)/pytest tests/web/test_corpus.py tests/browser/test_scripts.py \
		tests/web/test_schemathesis.py $(PYTEST_ARGS)

audit: $(BIN)/.dev ## ask the open database of vulnerabilities about every pin; needs the network
	$(BIN)/python requirements/audit.py

mutants: $(BIN)/.dev ## take each fix of docs/hazards.md away and see that its tests notice
	$(BIN)/python -m tests.mutants

bench: $(BIN)/.base ## what appends, commands, reads and imports cost beside the physical limit
	$(BIN)/python -m benchmarks.run
	$(BIN)/python -m benchmarks.rules
	$(BIN)/python -m benchmarks.backtest
	$(BIN)/python -m benchmarks.pages
	$(BIN)/python -m benchmarks.drag

pictures: $(BIN)/.dev browser ## take the pictures of docs/screenshots again
	$(BIN)/pytest tests/browser/pictures.py

check: lint types arch test ## everything that must hold before a commit

fmt: $(BIN)/.dev ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --select I .

lint: $(BIN)/.dev ## format and lint, changing nothing
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(BIN)/.dev ## mypy, strict
	$(BIN)/mypy

arch: $(BIN)/.dev ## who may import whom
	$(BIN)/lint-imports

lock: $(BIN)/.dev ## pin requirements/*.in again, with hashes
	$(COMPILE) requirements/base.in --output-file requirements/base.txt
	$(COMPILE) requirements/dev.in --output-file requirements/dev.txt

clean: ## remove the virtual environment and the caches; the data folder stays
	rm -rf .venv .pytest_cache .ruff_cache .mypy_cache .hypothesis .import_linter_cache

# Chromium is the system's own, so that no browser is downloaded past the package manager.
browser:
	@if command -v chromium chromium-browser google-chrome >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
		echo "make: installing chromium"; \
		apt-get update -qq && \
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
			chromium fonts-dejavu-core >/dev/null; \
	else \
		echo "make: the browser tests need chromium: install it (Debian: sudo apt install chromium)," \
			"or leave them out with 'make test BROWSER=no'" >&2; exit 1; \
	fi

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "make: Python 3.11 or newer is needed; say which with 'make PYTHON=python3.12 ...'" >&2; \
		exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
		echo "make: $(PYTHON) cannot make a virtual environment (Debian: apt install python3-venv)" >&2; \
		exit 1; }

# An interrupted installation leaves no stamp, so the next make goes on with it.
$(BIN)/.base: requirements/base.txt | $(BIN)/python
	@echo "make: installing the requirements in .venv"
	@$(PIP_INSTALL) -r requirements/base.txt
	@touch $@

$(BIN)/.dev: requirements/dev.txt | $(BIN)/python
	@echo "make: installing the requirements of the tests in .venv"
	@$(PIP_INSTALL) -r requirements/dev.txt
	@touch $@ $(BIN)/.base
