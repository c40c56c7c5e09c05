# The same commands for people and CI: make format, make check, make test, make bench. make quick while you work,
# make demo to look.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
RUN_STAMP := $(VENV)/.installed-run
# Python's own pip installs into .venv where it knows how to (from 22.3 on): copying pip into .venv takes a third as long as
# installing all the rest. An older .venv has its own.
PIP = $$([ -e $(BIN)/pip ] && echo $(BIN)/python -m pip || echo $(PYTHON) -m pip --python $(BIN)/python) \
	--quiet --disable-pip-version-check
# Limits are in seconds; after them every process prints where it stands and ends (tests/limited.py).
LIMITED := $(BIN)/python -m tests.limited
PYTEST := $(BIN)/python -m pytest
# Ten processes run the tests and many more are started by them: what one has compiled the others take, wherever the
# environment says otherwise.
unexport PYTHONDONTWRITEBYTECODE
# trio, which comes along with others, has Hypothesis load it in every process that runs tests; none uses it.
export HYPOTHESIS_NO_PLUGINS = 1
# What opens no socket and starts no process, and what mostly waits for a clock.
QUICK := tests/test_architecture.py tests/test_readme.py tests/test_config.py \
	$(addprefix tests/,market positioning settings detectors engine commands replay render)
WAITING := tests/chaos tests/e2e tests/cli tests/ops tests/tracker/test_tracker_day.py tests/test_run_limits.py

.PHONY: demo demo-replay format check quick compiled test explore test-browser test-scale chaos-scale bench-scale test-ship dist mcpb chaos bench clean

demo: $(RUN_STAMP)
	@$(BIN)/python -m altmonitor demo

# A simulated archive, thresholds for twenty alerts a day, a replay, and its report (demo-replay.html).
demo-replay: $(RUN_STAMP)
	@$(BIN)/python -m altmonitor demo --replay

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "altmonitor needs Python 3.11 or newer; this is %d.%d" % sys.version_info[:2])'
	@if $(PYTHON) -c 'import pip, sys; sys.exit(tuple(map(int, pip.__version__.split(".")[:2])) < (22, 3))' 2>/dev/null; \
	then $(PYTHON) -m venv --without-pip $(VENV); else $(PYTHON) -m venv $(VENV); fi

# What running needs and no more; here and below Python compiles only what it loads.
$(RUN_STAMP): requirements.lock | $(BIN)/python
	@echo "installing into $(VENV) …"
	@$(PIP) install --no-compile --require-hashes -r requirements.lock
	@touch $(RUN_STAMP)

$(STAMP): requirements-dev.lock pyproject.toml | $(BIN)/python
	@echo "installing into $(VENV) …"
	@$(PIP) install --no-compile --require-hashes -r requirements-dev.lock
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $(STAMP) $(RUN_STAMP)

format: $(STAMP)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

check: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

quick: $(STAMP)
	$(LIMITED) 600 $(PYTEST) -q -n 2 --dist worksteal --hypothesis-profile=ci $(QUICK)

# Every test module once, so that of those who start together none compiles it again; shown only if it fails.
compiled: $(STAMP)
	@said=$$($(PYTEST) -qq --collect-only) || { echo "$$said"; exit 1; }

# What waits, and beside it what keeps a processor busy; what failed once more, alone.
test: $(STAMP)
	@$(MAKE) --no-print-directory -j 2 check compiled
	$(LIMITED) 2400 $(BIN)/python -m tests.suite \
		-- -n 6 --dist worksteal --timeout=300 --hypothesis-profile=ci $(WAITING) \
		-- -n 2 --dist worksteal --hypothesis-profile=ci $(addprefix --ignore=,$(WAITING))

# Every property with new examples, all of them; the seed is printed. make explore SEED=7 for the same ones again.
explore: SEED ?= $(shell date +%s)
explore: $(STAMP)
	@echo "seed $(SEED)"
	$(LIMITED) 7200 $(PYTEST) -q -n 2 --dist worksteal --timeout=1200 -m hypothesis --hypothesis-seed=$(SEED) tests

# The dashboard in Debian's Chromium, over a monitor that runs; skipped with one line where there is none.
test-browser: export ALTMONITOR_BROWSER = 1
test-browser: $(STAMP)
	@$(BIN)/python -m tests.e2e.browser.install
	$(LIMITED) 1800 $(BIN)/python -m tests.suite -- -q -rs --timeout=400 tests/e2e/browser

# Real PostgreSQL 15 and nats-server, started by the tests in folders of their own; skipped with one line where they
# cannot be had.
OVER_POSTGRESQL := tests/storage/postgres $(addprefix tests/storage/,test_leases.py test_score_store.py test_change_log.py \
	test_store_contract.py test_store_contract_sent.py)
FAULT_MATRIX := tests/scale/test_faults.py
# Feeds that wait for minutes until one has had the market steadily.
STEADY := $(addprefix tests/scale/,test_given_over.py test_table_takeover.py test_sampled_takeover.py)

test-scale: export ALTMONITOR_SCALE = 1
test-scale: $(STAMP)
	@$(BIN)/python -m tests.scale.install
	$(LIMITED) 1800 $(BIN)/python -m tests.suite -- -q -rs -s $(FAULT_MATRIX) \
		-- -q -rs --timeout=300 $(STEADY) \
		-- -q -rs --timeout=300 --hypothesis-profile=ci $(addprefix --ignore=,$(FAULT_MATRIX) $(STEADY)) tests/scale \
		-- -q -rs --timeout=300 --hypothesis-profile=ci $(OVER_POSTGRESQL)

# What ten thousand chats cost, and how it grows from a hundred: docs/scale.md.
bench-scale: $(STAMP)
	@$(BIN)/python -m tests.scale.install
	$(BIN)/python -m benchmarks.scale

# The fault matrix of a cluster with fifty seeds; ALTMONITOR_SCALE_SEEDS=7-7 for one of them.
chaos-scale: export ALTMONITOR_SCALE = 1
chaos-scale: export ALTMONITOR_SCALE_SEEDS ?= 1-50
chaos-scale: $(STAMP)
	@$(BIN)/python -m tests.scale.install
	$(LIMITED) 20000 $(PYTEST) -s $(FAULT_MATRIX)

# 24 hours in minutes with everything going wrong by schedule, a day of tracking, and 20 kills; make chaos
# ALTMONITOR_CHAOS_SEEDS=1-20 for other days.
chaos: export ALTMONITOR_CHAOS_HOURS ?= 24
chaos: export ALTMONITOR_CHAOS_SPEED ?= 200
chaos: export ALTMONITOR_CHAOS_SEEDS ?= 19
chaos: export ALTMONITOR_TRACKER_HOURS ?= 24
chaos: export ALTMONITOR_KILLS ?= 20
chaos: export ALTMONITOR_MCP_CALLS ?= 10000
chaos: $(STAMP)
	$(LIMITED) 36000 $(PYTEST) -s tests/chaos/test_day.py tests/tracker/test_tracker_day.py tests/e2e/test_kill.py \
		tests/cli/test_track.py tests/mcp/test_mcp_transports.py

# Image, server, service and packages for real; what this machine cannot do is skipped and says why. See docs/ship.md.
test-ship: export ALTMONITOR_SHIP = 1
test-ship: $(STAMP)
	$(LIMITED) 7200 $(PYTEST) -rs tests/ship

# Wheel and sdist, as the release workflow builds them.
dist: $(STAMP)
	rm -rf dist
	$(BIN)/python -m hatchling build -d dist

# One file that AI clients open to install the server: dist/altmonitor-<version>.mcpb.
mcpb: $(STAMP)
	$(BIN)/python bundle/build.py

bench: $(STAMP)
	$(BIN)/python -m benchmarks

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis dist build
