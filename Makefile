# `make demo` and `make test` set up all they need: a virtual environment with
# pinned packages, kept in $(VENV). Another interpreter: make test PYTHON=python3.13

PYTHON ?= python3
VENV ?= .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check --quiet install --constraint constraints.txt
OUT ?= demo-out
# More arguments for pytest: make unit PYTEST="-k suppressor"
PYTEST ?=

.DEFAULT_GOAL := help
.PHONY: help demo test unit lint format types contracts samples diagram bench wheel lock clean

help:  ## This list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | sort | expand -t 12

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed, $(PYTHON) is older; try make PYTHON=python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The engine is compiled at its first use, which takes half a minute: better here.
COMPILE = @echo "compiling the engine"; $(PY) -c 'import dtmf_engine; dtmf_engine.LegBank(1)'

$(VENV)/.ready-demo: pyproject.toml constraints.txt | $(PY)
	$(PIP) --editable '.[plot]'
	$(COMPILE)
	@touch $@

$(VENV)/.ready-test: pyproject.toml constraints.txt | $(PY)
	$(PIP) --editable '.[plot,test,lint]'
	$(COMPILE)
	@touch $@ $(VENV)/.ready-demo

demo: $(VENV)/.ready-demo  ## One whole payment call on a recorded WAV, through real sockets
	$(VENV)/bin/dtmf-engine demo --out $(OUT)

test: contracts unit  ## Import contracts and all tests

unit: $(VENV)/.ready-test  ## Tests only
	$(PY) -m pytest -q $(PYTEST)

contracts: $(VENV)/.ready-test  ## The rooms and the direction of imports
	$(VENV)/bin/lint-imports --no-cache

lint: $(VENV)/.ready-test  ## Style
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

format: $(VENV)/.ready-test  ## Style, mended
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

types: $(VENV)/.ready-test  ## mypy, strict
	$(VENV)/bin/mypy

samples: $(VENV)/.ready-test  ## Make samples/ again, byte for byte
	$(PY) samples/make_samples.py

diagram: $(VENV)/.ready-test  ## The state diagram in bridge/pay/README.md, from the table
	$(PY) -m tests.support.diagram

$(VENV)/.ready-bench: pyproject.toml constraints.txt | $(PY)
	$(PIP) --editable '.[plot,test,lint,bench]'
	@touch $@ $(VENV)/.ready-test $(VENV)/.ready-demo

bench: $(VENV)/.ready-bench  ## Detection, masking and speed beside others, into benchmarks/ (8 minutes)
	$(PY) -m benchmarks.quality --json benchmarks/results.json
	$(PY) -m benchmarks.leaks --json benchmarks/results.json
	$(PY) -m benchmarks.speech --json benchmarks/results.json
	$(PY) -m pytest -q benchmarks/bench_speed.py benchmarks/bench_latency.py \
		--benchmark-max-time=0.3 --benchmark-min-rounds=3 --benchmark-columns=median,iqr,rounds
	$(PY) -m benchmarks.report

wheel: $(VENV)/.ready-test  ## Build the wheel into dist/
	$(PY) -m pip --quiet wheel --no-deps --wheel-dir dist .

lock: $(VENV)/.ready-test  ## Write constraints.txt from what is installed
	@$(PY) -m pip freeze --exclude-editable | grep -v '^dtmf-engine' > constraints.txt.new
	@echo "audioop-lts==0.2.2; python_version >= '3.13'" >> constraints.txt.new
	@LC_ALL=C sort -f -o constraints.txt constraints.txt.new && rm constraints.txt.new

clean:  ## Remove what make made
	rm -rf $(VENV) .venv-* dist build *.egg-info .mypy_cache .ruff_cache .pytest_cache demo-out \
		dtmf_engine/__pycache__
