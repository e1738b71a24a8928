# Every target begins with `setup`, which takes a tenth of a second when nothing has changed.
PYTHON  ?= python3
PY      := .venv/bin/python
AIRFLOW ?= 3.3.2
ARGS    ?=
EXAMPLES ?= 2000
SETUP   := $(PYTHON) bot/sandbox/provision.py

export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint bench fuzz

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-7s %s\n", $$1, $$2}' Makefile

setup: ## .venv/ from the hash-pinned locks in requirements/
	@$(SETUP) dev

demo: setup ## a real Airflow, a local Slack and PagerDuty, the bot: DAGs fail, alerts appear (AIRFLOW=2.11.2, ARGS="--headless --json")
	@exec $(PY) -m bot demo --airflow $(AIRFLOW) $(ARGS)

test: ## everything: lint, unit, integration, scenarios, end to end with both Airflows
	@$(SETUP) dev airflow-3.3.2
	@$(SETUP) --where-possible airflow-2.11.2
	@$(PY) -m tests.everything

check: lint ## the fast part: lint, and the tests without Airflow, browser or a whole bot
	@$(PY) -m pytest -q -n 4 --dist worksteal -m "not airflow" --ignore=tests/scenarios --ignore=tests/sandbox

lint: setup ## ruff, mypy, import contracts
	@$(PY) -m tests.everything --lint

fuzz: setup ## every door and reader with two thousand odd inputs each, the counts at the end (EXAMPLES=20000 for longer)
	@HYPOTHESIS_PROFILE=long EXAMPLES=$(EXAMPLES) $(PY) -m pytest -q tests/fuzz --timeout 900 --hypothesis-show-statistics -k "any or line" $(ARGS) \
	  | awk '/^tests\/.*:$$|passing,|^FAILED|^E  |passed|failed/ {print substr($$0, 1, 200)} / failed|error/ {bad = 1} END {exit bad}'

bench: setup ## the benchmarks (docs/BENCHMARKS.md says what each means)
	@$(PY) -m tests.bench $(ARGS)
