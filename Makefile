# Everything runs inside .venv, which `make` builds from requirements.lock the first time.
SHELL := /bin/bash
.DEFAULT_GOAL := help

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
COHORTMART_HOME ?= data
export COHORTMART_HOME
# Great Expectations and dbt start several times faster from compiled bytecode.
export UV_COMPILE_BYTECODE := 1
unexport PYTHONDONTWRITEBYTECODE
unexport VIRTUAL_ENV

READY := $(VENV)/.ready
BENCH_LOCK := tests/benchmarks/requirements.lock
BENCH_READY := $(VENV)/.bench-ready
# Registry addresses stay out of the locks.
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --python-version 3.11 \
	--custom-compile-command "make lock"

.PHONY: help setup run test test-unit lint format ui bench clean lock

help:  ## show the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY)  ## build the virtual environment

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info; sys.exit(0 if v >= (3, 11) else "cohortmart needs Python 3.11 or newer, and $(PYTHON) is %d.%d: name another, as in make run PYTHON=python3.12" % v[:2])'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check "$$(grep -oE '^uv==[0-9.]+' requirements.lock)"
	@# Some networks are only trusted through the system's certificates, some systems have none.
	UV_SYSTEM_CERTS=true $(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock \
		|| $(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .
	@touch $@

run: $(READY)  ## build the shipped studies into a release
	$(BIN)/cohortmart build

test: $(READY)  ## run every test
	$(BIN)/pytest -n 2 --dist loadgroup

test-unit: $(READY)  ## run the tests that take seconds
	$(BIN)/pytest tests/unit

lint: $(READY)  ## check style, types and SQL
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/sqlfluff lint transforms

format: $(READY)  ## rewrite Python and SQL in the project's style
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/sqlfluff fix --quiet transforms

ui: $(READY)  ## open Dagster on http://localhost:3000
	$(BIN)/cohortmart ui

bench: $(BENCH_READY)  ## time survival at any size beside other libraries, and whole builds (ARGS=--write-readme)
	$(BIN)/python -m tests.benchmarks survival $(ARGS)
	$(BIN)/python -m tests.benchmarks build $(ARGS)
	$(BIN)/python -m tests.benchmarks assays $(ARGS)

$(BENCH_READY): $(READY) $(BENCH_LOCK)
	UV_SYSTEM_CERTS=true $(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python --requirement $(BENCH_LOCK) \
		|| $(BIN)/uv pip install --quiet --require-hashes --python $(BIN)/python --requirement $(BENCH_LOCK)
	@touch $@

lock: ## renew both locks from pyproject.toml
	$(COMPILE) --extra dev --extra ui --output-file requirements.lock pyproject.toml
	$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["bench"], sep="\n")' \
		| $(COMPILE) --constraints requirements.lock --output-file $(BENCH_LOCK) -

clean:  ## remove the virtual environment and caches; keeps data/
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache .hypothesis transforms/target transforms/logs
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
