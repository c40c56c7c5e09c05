# Four commands, the same for people and CI: make format, make check, make test, make bench. And make demo to look.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN_STAMP := $(VENV)/.installed-run
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: demo format check test test-ship dist chaos bench clean

demo: $(RUN_STAMP)
	@$(BIN)/python -m altmonitor demo

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "altmonitor needs Python 3.11 or newer; this is %d.%d" % sys.version_info[:2])'
	@$(PYTHON) -m venv $(VENV)

# What running needs and no more; Python compiles of it only what it loads.
$(RUN_STAMP): requirements.lock | $(BIN)/python
	@echo "installing into $(VENV) …"
	@$(PIP) install --no-compile --require-hashes -r requirements.lock
	@touch $(RUN_STAMP)

$(STAMP): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) …"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(STAMP) $(RUN_STAMP)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

# First what keeps a processor busy, then what mostly waits for a clock.
test: check
	$(BIN)/python -m pytest -n 2 --ignore=tests/e2e --ignore=tests/chaos --ignore=tests/tracker/test_tracker_day.py
	$(BIN)/python -m pytest -n 3 tests/e2e tests/chaos

# 24 hours in minutes with everything going wrong by schedule, and a day of tracking; make chaos
# ALTMONITOR_CHAOS_SEEDS=1-20 for other days.
chaos: export ALTMONITOR_CHAOS_HOURS ?= 24
chaos: export ALTMONITOR_CHAOS_SPEED ?= 200
chaos: $(STAMP)
	$(BIN)/python -m pytest -s tests/chaos/test_day.py tests/tracker/test_tracker_day.py

# Image, server, service and packages for real; what this machine cannot do is skipped and says why. See docs/ship.md.
test-ship: export ALTMONITOR_SHIP = 1
test-ship: $(STAMP)
	$(BIN)/python -m pytest -rs tests/ship

# Wheel and sdist, as the release workflow builds them.
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist

bench: $(STAMP)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
