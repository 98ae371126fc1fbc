# Everything that a newcomer needs: `make demo`, `make test`; and what CI runs: `make check`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
WORKERS ?= 4

.DEFAULT_GOAL := help
.PHONY: help install demo wheel test chaos cluster pages pythons check lint types imports contract contract-full fuzz format bench lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed: make PYTHON=…") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)

$(VENV)/demo: constraints.txt pyproject.toml | $(BIN)/python
	@$(BIN)/python tools/install.py demo
	@touch $@

$(VENV)/installed: $(VENV)/demo
	@$(BIN)/python tools/install.py all
	@touch $@

install: $(VENV)/installed ## Install everything that development needs, as constraints.txt says

demo: $(VENV)/demo ## Audit a sample estate on an emulated AWS and serve what was found (ARGS=--once to exit)
	$(BIN)/cloudsealed demo $(ARGS)

wheel: $(VENV)/demo ## Make the wheel that pip, pipx and uvx install, in dist
	@$(BIN)/python -m hatchling build --target wheel

test: install ## Run the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

chaos: install ## Break things for long and count what grows, before a release (ARGS picks some)
	$(BIN)/python -m pytest -n 0 --timeout 7200 $(or $(ARGS),tests/chaos)

cluster: install ## Test the contract on PostgreSQL, Valkey and S3 with three servers and three workers
	$(BIN)/python -m pytest -n 0 --cluster tests/contract

pages: install ## Judge every page in light and dark, at every width, in every language, before a release
	$(BIN)/python -m pytest -n 0 --timeout 7200 tests/browser/long

pythons: ## Run the demo with the other Pythons of this machine, before a release (ARGS=test: the suite)
	.ci/pythons $(ARGS)

check: lint types imports test ## Everything that CI runs

lint: install ## Style, and the project's own rules
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/python tools/lint/run.py

types: install ## Types, strictly
	$(BIN)/mypy

imports: install ## The order of the house
	$(BIN)/lint-imports

contract: install ## Judge the OpenAPI document and the server's answers by tools that others wrote
	$(BIN)/python tools/contract/run.py

contract-full: install ## The same with many more generated requests; run before a release
	$(BIN)/python tools/contract/run.py --full

EVALUATIONS ?= 1000000
fuzz: install ## Compare the policy language with Google's, for long (EVALUATIONS=1000000)
	$(BIN)/python -m tests.engine.oracle $(EVALUATIONS)

format: install ## Put the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: install ## Measure (see benchmarks/README.md)
	missed=; for file in benchmarks/[a-z]*.py; do PYTHONPATH=. $(BIN)/python $$file || missed="$$missed $$file"; done; \
	test -z "$$missed" || { echo "missed a bar:$$missed"; exit 1; }

lock: ## Write constraints.txt anew from pyproject.toml (ARGS=--upgrade for newer versions)
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python tools/lock.py $(ARGS)

clean: ## Remove what was made here
	rm -rf .venv cloudsealed-demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
