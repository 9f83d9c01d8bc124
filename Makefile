# A bare Python 3.11 or newer with venv, and make, are enough: every target makes what it needs.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
# keras-tcn 3.5.7 declares a package that exists for macOS only, so it is installed without its dependencies.
KERAS_TCN := keras-tcn==3.5.7
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 8 --dist worksteal
# Packages below the layers import no tensor library; a test that imports one is skipped.
PACKAGES_WITHOUT_KERAS := plots planning space formats tasks
TESTS_WITHOUT_KERAS := $(foreach package,$(PACKAGES_WITHOUT_KERAS),tests/$(package) tcn_search/$(package)) \
  $(filter-out tests/test_without_keras.py,$(wildcard tests/test_*.py))

BROWSER_TESTS := tests/report/test_page_in_browser.py tests/cli/test_dashboard_copy.py
CLUSTER_TESTS := $(addprefix tests/storage/test_,lease.py servers.py postgresql.py \
  postgresql_runs.py) $(addprefix tests/workers/test_,executors.py ray_executor.py \
  ray_cluster.py) tests/test_deploy.py

STUDY ?= studies/osuleaf.toml
NAME ?= $(basename $(notdir $(STUDY)))
STUDY_OPTIONS ?=
SEEDS ?=

.PHONY: help study test test-fast test-all test-browser test-wheel test-cluster lint docs notebooks \
  bench clean

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 14

study: $(VENV)/installed  ## search on UCR OSULeaf: study, winner over seeds, report in runs/osuleaf
	$(BIN)/tcn-search run $(STUDY) $(STUDY_OPTIONS)
	$(BIN)/tcn-search best $(NAME) $(if $(SEEDS),--seeds $(SEEDS))
	$(BIN)/tcn-search report $(NAME)

test: $(VENV)/installed-for-tests  ## the default tests; layers and trainers on TensorFlow and on JAX
	KERAS_BACKEND=tensorflow $(PYTEST)
	KERAS_BACKEND=jax $(PYTEST) tests/layers tests/trainers

test-fast: $(VENV)/installed-for-tests  ## the tests that need no Keras, in under 30 seconds
	$(PYTEST) -p tests.without_keras $(TESTS_WITHOUT_KERAS)

test-browser: $(VENV)/installed-for-tests  ## report and dashboard in a headless Chromium, where one is installed
	$(INSTALL) --editable '.[browser]'
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -rs -m "slow or not slow" $(BROWSER_TESTS)

test-wheel: $(VENV)/installed-for-tests  ## a wheel in an empty environment runs a study in another folder
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -m "slow or not slow" tests/test_packaging.py

test-cluster: $(VENV)/installed-for-tests  ## studies on a PostgreSQL server, and on a Ray cluster of two machines in this one
	$(INSTALL) --editable '.[postgresql,ray]'
	KERAS_BACKEND=tensorflow $(BIN)/python -m pytest -rs -m "slow or not slow" $(CLUSTER_TESTS)

test-all: $(VENV)/installed-for-tests  ## slow tests too, and layers and trainers on torch
	$(INSTALL) torch
	$(INSTALL) --editable '.[browser,postgresql,ray]'
	KERAS_BACKEND=tensorflow $(PYTEST) -m "slow or not slow"
	KERAS_BACKEND=jax $(PYTEST) -m "slow or not slow" tests/layers tests/trainers
	KERAS_BACKEND=torch $(PYTEST) -m "slow or not slow" tests/layers tests/trainers

lint: $(VENV)/installed-for-tests  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

docs: $(VENV)/installed-for-tests  ## the site, in site/; fails for a link or name that leads nowhere
	$(INSTALL) --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; name one with PYTHON=")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) --editable '.[ucr]'
	touch $@

$(VENV)/installed-for-tests: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(INSTALL) --editable '.[test,dev]'
	$(INSTALL) --no-deps $(KERAS_TCN)
	touch $@ $(VENV)/installed

bench: $(VENV)/installed-for-tests  ## every benchmark, written to docs/benchmarks.md; wants an idle machine
	$(INSTALL) torch
	$(BIN)/python benchmarks/layer.py --write docs/benchmarks.md
	$(BIN)/python benchmarks/planning.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/cost_model.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/norms.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/batch_norm.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/batch_norm.py --learning runs/batch_norm.jsonl --append docs/benchmarks.md
	$(BIN)/python benchmarks/trial_start.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/cost_model.py --seed 1 --append docs/benchmarks.md
	$(BIN)/python benchmarks/samplers.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/workers.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/engine.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/many_trials.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/simulate_workers.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/search.py --append docs/benchmarks.md
	$(BIN)/python benchmarks/search.py --task seq_mnist --append docs/benchmarks.md

notebooks: $(VENV)/installed-for-tests  ## execute the notebooks and store their outputs; takes several minutes
	$(BIN)/python notebooks/execute.py

clean:  ## remove the virtual environment, caches and the site; results in runs/ stay
	rm -rf $(VENV) build site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
