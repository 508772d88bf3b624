# Everything a checkout needs. `make` alone lists the commands.
# Works with GNU make 3.81 (macOS) and needs nothing but Python 3.11 or later.

VENV := .venv
PY := $(VENV)/bin/python
SENDYARD := $(VENV)/bin/sendyard
PIP := $(PY) -m pip --disable-pip-version-check --quiet install
PYTEST := $(PY) -m pytest
WORKERS ?= 2
ARGS ?=

# In CI the same run of the tests also measures coverage, and falls short of 95 % only by failing. Thousands of tests
# hold real sockets and clocks on two shared cores, so a test that fails is tried once more, a handful in a run; the
# report names it as RERUN and shows why, and it is to be mended. One that fails twice fails.
ifdef CI
COVERAGE := --cov
AGAIN := --reruns 1 --reruns-delay 2 --max-suite-reruns 5 --rerun-show-tracebacks
endif

.DEFAULT_GOAL := help
.PHONY: help setup setup-test demo serve test coverage lint format docs pages bench chaos postgres browser lock clean

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/make \1	\2/p' Makefile | expand -t 18

setup: $(VENV)/.runtime ## .venv with the locked dependencies

setup-test: $(VENV)/.test ## the same with what tests need, PostgreSQL included

demo: setup ## send a 1,000-recipient campaign through emulated carriers, before your eyes
	$(SENDYARD) demo $(ARGS)

serve: setup ## API, dispatcher and pollers on your own data
	$(SENDYARD) serve $(ARGS)

test: setup-test lint ## lint, then every test
	$(PYTEST) -n $(WORKERS) --dist loadfile $(COVERAGE) $(AGAIN) $(ARGS)

coverage: setup-test ## every test, and the branches of the send path that none of them takes
	$(PYTEST) -n $(WORKERS) --dist loadfile --cov $(ARGS)

lint: setup-test ## style, types, and who may import whom
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy
	$(VENV)/bin/lint-imports --no-logo

format: setup-test ## put the code into the house's form
	$(PY) -m ruff check --fix
	$(PY) -m ruff format

docs: setup-test ## build/docs: the documentation as pages, every link checked
	$(PY) tools/build_docs.py build/docs

pages: setup-test ## docs/providers and docs/rules.md from what the code says
	$(PY) -m tools.provider_pages docs/providers
	$(PY) tools/rules_page.py docs/rules.md

bench: setup ## measure dispatch, accept and callbacks on this machine
	$(SENDYARD) bench dispatch $(ARGS)
	$(SENDYARD) bench dispatch --provider bizgo $(ARGS)
	$(SENDYARD) bench accept $(ARGS)
	$(SENDYARD) bench callbacks $(ARGS)

chaos: setup-test ## kill processes at random moments, at full size
	SENDYARD_TEST_SIZE=full $(PYTEST) -m chaos --timeout 3600 $(ARGS)

postgres: setup-test ## a throw-away PostgreSQL server until Ctrl-C; prints its URL
	$(PY) -m tests.throwaway_postgres $(ARGS)

browser: ## Chromium through the system's package manager
	sh tools/install-browser.sh

lock: ## requirements/*.txt anew from pyproject.toml
	sh tools/lock.sh

clean: ## remove what these commands made, but no data
	rm -rf $(VENV) build .coverage .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(PY):
	@sh tools/make-venv.sh $(VENV) $(PYTHON)

# Installing Sendyard itself asks no index for anything: its build tool is among the locked packages.
$(VENV)/.runtime: requirements/runtime.txt pyproject.toml | $(PY)
	@echo "Installing what Sendyard needs into $(VENV); about a minute the first time."
	@$(PIP) --require-hashes --only-binary :all: --requirement requirements/runtime.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.test: requirements/test.txt pyproject.toml | $(PY)
	@echo "Installing what Sendyard and its tests need into $(VENV); about a minute the first time."
	@$(PIP) --require-hashes --only-binary :all: --requirement requirements/test.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/.runtime
