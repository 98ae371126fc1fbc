# Everything that a newcomer needs: `make demo`, `make test`; and what CI runs: `make check`.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help install demo test chaos check lint types imports contract contract-full fuzz format bench lock clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: .venv/installed ## Make .venv and install everything, exactly as constraints.txt says

.venv/installed: constraints.txt pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed") if sys.version_info < (3, 11) else None'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

demo: install ## Audit a sample estate on an emulated AWS and serve what was found (ARGS=--once to exit)
	$(BIN)/cloudsealed demo $(ARGS)

test: install ## Run the whole test suite
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

chaos: install ## Break things for long and count what grows, before a release (ARGS picks some)
	$(BIN)/python -m pytest -n 0 --timeout 7200 $(or $(ARGS),tests/chaos)

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
	for file in benchmarks/[a-z]*.py; do $(BIN)/python $$file || exit 1; done

lock: ## Write constraints.txt anew from pyproject.toml
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --extra dev --quiet --output-file constraints.txt pyproject.toml

clean: ## Remove what was made here
	rm -rf .venv cloudsealed-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis
