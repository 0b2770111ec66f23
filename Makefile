# Everything a fresh checkout needs is set up on the first call: only Python >= 3.10 and git have to be there.
VENV := .venv
BIN := $(VENV)/bin
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore $(BIN)/python -m pip install -qq -c constraints.txt
PYTHON ?=

.DEFAULT_GOAL := help
.PHONY: help demo test lint format bench clean

help: ## show this list
	@echo "make TARGET [PYTHON=python3.12]"
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  %-8s %s\n", $$1, $$2 }'

demo: $(VENV)/.dev ## learn, evaluate and show a small run, in runs/demo
	$(BIN)/quickstudy demo --out runs/demo

test: lint ## every check: lint, types, tests, README, docstrings
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(VENV)/.dev ## ruff, the rules of the house, and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/python tools/house.py
	$(BIN)/mypy

format: $(VENV)/.dev ## put imports and layout in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.bench ## measure the engine
	$(BIN)/python -m benchmarks.engine

clean: ## remove the environment and all caches; runs/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist
	find src tests benchmarks examples -name __pycache__ -prune -exec rm -rf {} +

# A stamp is written last, so an installation that failed is tried again.
$(VENV)/.dev: pyproject.toml constraints.txt
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || { \
	  for python in $(or $(PYTHON),python3.13 python3.12 python3.11 python3.10 python3 python); do \
	    "$$python" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))' >/dev/null 2>&1 \
	      && echo "creating $(VENV) with $$python" && exec "$$python" -m venv --clear $(VENV); \
	  done; \
	  echo "quickstudy needs Python 3.10 or newer with its venv module (Debian: apt install python3-venv);" >&2; \
	  echo "found none as $(or $(PYTHON),python3.13 ... python3.10 or python3). Name one: make $(or $(MAKECMDGOALS),test) PYTHON=/path/to/python3" >&2; \
	  exit 1; }
	@echo "installing into $(VENV) (once; torch is large)"
	@$(PIP) torch
	@$(PIP) -e ".[dev]"
	@touch $@

$(VENV)/.bench: $(VENV)/.dev
	@$(PIP) -e ".[bench]"
	@touch $@
