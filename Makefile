# Everything starts here. Each target sets up what it needs, and repeats cost nothing.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= python3
PORT ?= 8000
ARGS ?=
SEEDS ?= 100000
KILLS ?= 10000
RACES ?= 10000
CALLS ?= 1000
LOT ?= 0

BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -qq
DONE := .stamps

TRANSLATIONS := $(wildcard locale/*/LC_MESSAGES/*.po)
STATIC := $(shell find static -type f 2>/dev/null)

.PHONY: help setup setup-dev demo serve test test-services lint format bench proof screenshots migrations messages clean

help: ## say what there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/' | expand -t 24

setup: $(DONE)/packages $(DONE)/translations $(DONE)/static ## install what running takes

setup-dev: setup $(DONE)/packages-dev $(DONE)/node ## install what the tests take as well

demo: setup ## a believable business to look at, on PORT (8000)
	@$(BIN)/python manage.py demo --port $(PORT) $(ARGS)

serve: setup ## serve with the settings of .env, on PORT (8000)
	@$(BIN)/python manage.py serve --port $(PORT) $(ARGS)

test: setup-dev ## run the tests on SQLite; ARGS="-k name" goes to pytest
	$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

test-services: setup-dev ## run the tests on PostgreSQL and Redis
	scripts/with-services $(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

proof: setup-dev ## for hours: SEEDS histories, KILLS, RACES and CALLS of each operation; LOT=1 others
	$(BIN)/python -m pytest -q -n 2 tests/sim/test_histories.py --seeds $(SEEDS) --lot $(LOT)
	$(BIN)/python -m pytest -q -n 2 tests/kill9/test_stripe.py tests/races/test_money_back.py tests/races/test_recurring.py --kills $(KILLS) --races $(RACES) --lot $(LOT)
	scripts/with-services $(BIN)/python -m pytest -q -n 2 tests/kill9/test_stripe.py tests/races/test_money_back.py tests/races/test_recurring.py --kills $(KILLS) --races $(RACES) --lot $(LOT)
	$(BIN)/python -m pytest -q -n 2 tests/contract --calls $(CALLS)
	scripts/with-services $(BIN)/python -m pytest -q -n 2 tests/contract --calls $(CALLS)

lint: setup-dev ## style, types, import contracts, missing migrations
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations --check --dry-run

format: setup-dev ## put the code in order
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup-dev ## measure speed, as ratios within one run
	FSYNC=on scripts/with-services $(BIN)/python -m tests.bench
	$(BIN)/python -m tests.bench.webhooks
	FSYNC=on scripts/with-services $(BIN)/python -m tests.bench.sweeps
	$(BIN)/python -m tests.bench.chain
	$(BIN)/python -m tests.bench.pdf
	$(BIN)/python -m tests.bench.audit
	FSYNC=on scripts/with-services $(BIN)/python -m tests.bench.audit

screenshots: setup-dev ## take the pictures of docs/screenshots again
	$(BIN)/python -m tests.screenshots $(ARGS)

migrations: setup-dev ## write migrations for changed models
	DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python manage.py makemigrations $(ARGS)

messages: setup-dev ## collect what payers read into the catalogues of locale/
	$(BIN)/python scripts/messages

locks: setup-dev ## write the lock files again after a change in pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --universal --generate-hashes --no-header --no-annotate --quiet -o requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --generate-hashes --no-header --no-annotate --quiet -o requirements-dev.lock

clean: ## forget what was installed and built; keeps data/
	rm -rf .venv $(DONE) staticfiles node_modules

$(DONE)/system: scripts/system-packages
	@mkdir -p $(DONE)
	@scripts/system-packages run
	@touch $@

$(DONE)/system-dev: scripts/system-packages
	@mkdir -p $(DONE)
	@scripts/system-packages dev
	@touch $@

$(BIN)/python: | $(DONE)/system
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Billhook needs Python 3.11 or newer")'
	@$(PYTHON) -m venv .venv

# A developer's packages include everyone's at the same versions, so `setup` never takes any away.
$(DONE)/packages: requirements.lock pyproject.toml $(DONE)/system | $(BIN)/python
	@echo "Installing Python packages"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(DONE)/packages-dev: requirements-dev.lock $(DONE)/packages $(DONE)/system-dev
	@echo "Installing Python packages for development"
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

$(DONE)/node: package.json .npmrc $(DONE)/system-dev
	@npm install --ignore-scripts --no-audit --no-fund --silent
	@touch $@

$(DONE)/translations: $(TRANSLATIONS) $(DONE)/packages
	@if [ -d locale ]; then $(BIN)/pybabel --quiet compile -d locale -D django; fi
	@touch $@

$(DONE)/static: $(STATIC) $(DONE)/packages
	@echo "Preparing static files"
	@ENV_FILE= DATA_DIR=$(DONE)/data $(BIN)/python manage.py collectstatic --no-input --verbosity 0
	@touch $@
