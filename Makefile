# One command for a person, a hook and CI. `make help` lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help install demo serve test compliance clients mutants bench bench-full bench-peers lint types check format clean

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

$(VENV)/.product: pyproject.toml gateway/__init__.py
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[tables]'
	touch $@

$(VENV)/.development: $(VENV)/.product
	$(BIN)/python -m pip install --quiet --editable '.[test,lint]'
	touch $@

install: $(VENV)/.product ## create .venv and install the product

demo: install ## run the main job on synthetic data, from nothing
	$(BIN)/gateway demo

serve: install ## serve what the demo made (http://127.0.0.1:8000)
	$(BIN)/gateway demo --serve-only

test: export PYTHONDONTWRITEBYTECODE := # compiled once, not by each of the hundred processes that tests start
test: $(VENV)/.development ## run all tests, on SQLite and on a real PostgreSQL
	$(BIN)/python -m pytest

compliance: $(VENV)/.development ## run the official suites; one line each: NAME passed/total
	$(BIN)/python -m tests.compliance

clients: $(VENV)/.development ## install real FHIR clients, which the end-to-end tests use where they are
	$(BIN)/python -m tests.e2e.clients

mutants: $(VENV)/.development ## change consent, tokens, access in small ways: a test must tell each; goes on where it was ended
	$(BIN)/python -m tests.mutants

bench: $(VENV)/.development ## measure, each figure beside its reference in the same run
	$(BIN)/python -m benchmarks

bench-full: $(VENV)/.development ## the growth of searches up to 1,000,000 Observations, on both databases; makes the data first
	GATEWAY_BENCHMARK_SIZES=10000,1000000 GATEWAY_BENCHMARK_DATABASES=sqlite,postgresql $(BIN)/python -m benchmarks search-growth

bench-peers: $(VENV)/.development ## measure beside another Python server, installed into .venv-peers
	$(BIN)/python -m benchmarks peers

lint: $(VENV)/.development ## ruff, import contracts, Dockerfile
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-timing 2>/dev/null || $(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

types: $(VENV)/.development ## mypy, strict
	$(BIN)/mypy

check: lint types test ## everything that CI checks

format: $(VENV)/.development ## rewrite the code in the house style
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

clean: ## remove what the targets above made
	rm -rf $(VENV) var build dist .mutants .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
