# The same words here, in the README and in CI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done

.PHONY: help setup demo check fix test bench docs clean

help:
	@echo "make setup   a virtual environment in $(VENV) with everything"
	@echo "make demo    compress three months of memory for three questions; writes out/demo.html"
	@echo "make check   format, lint, types, import rules"
	@echo "make fix     format and lint, repaired where a machine can"
	@echo "make test    the tests, offline"
	@echo "make docs    the documentation site, in site/"
	@echo "make bench   time and memory beside bare and eager forwards and the rivals; evidence recall (DATA=folder, EVIDENCE=options)"

setup: $(DONE)

$(DONE): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $(DONE)

demo: setup
	$(BIN)/python examples/demo.py

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test: setup
	$(BIN)/python -m pytest

DATA ?= ../shared/data
bench: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.sentences
	$(BIN)/python -m benchmarks.evidence "$(DATA)" $(EVIDENCE)

docs: setup
	$(BIN)/zensical build --clean

clean:
	rm -rf $(VENV) out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
