# What a newcomer types. Everything is made below this folder (.venv, .tools, .demo), and `make clean` takes it away.

PYTHON ?= python3
BIN := .venv/bin
# The tests start processes of their own: two at a time leave room for them on a small machine.
TEST_PROCESSES ?= 2

.DEFAULT_GOAL := help
.PHONY: help demo test test-long bench check screenshots clean install-demo install-test install-bench install-pictures prometheus

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: install-demo ## a simulated fleet and all that watches and steers it, until Ctrl-C
	@$(BIN)/python -m tools demo

test: install-test prometheus check ## the checks and the tests
	@$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist loadfile

test-long: install-test prometheus ## the tests that take longer: fuzzing, kill -9 by the hundred, 10,000 miners
	@$(BIN)/python -m pytest -m "long or hypothesis" --hypothesis-profile exploring --timeout 3600

bench: install-bench ## measure, and print the tables of docs/bench.md
	@$(BIN)/python tests/bench/run.py

check: install-test ## the fast gate: format, lint, types, import rules
	@$(BIN)/ruff format --check --quiet . || { echo "Not formatted: run $(BIN)/ruff format ."; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/python -m mypy
	@$(BIN)/lint-imports --no-logo

screenshots: install-pictures ## the pictures of the README, from the demo in a browser
	@$(BIN)/python -m tools.screenshots

clean: ## remove what was installed, got and recorded here, the history of demos too
	rm -rf .venv .tools .demo build *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

EXTRAS_install-demo := demo
EXTRAS_install-test := dashboards demo pictures test
EXTRAS_install-bench := test bench
EXTRAS_install-pictures := demo pictures

install-demo install-test install-bench install-pictures:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(PYTHON) is not Python 3.11 or later: install it (Debian: python3), or name another, as in make PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -m tools.environment $(EXTRAS_$@)

prometheus: install-test
	@$(PYTHON) -m tools.packages || echo "Tests that need it cannot run."
