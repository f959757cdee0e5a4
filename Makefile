# The same words here, in the README and in CI.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DONE := $(VENV)/.done

.PHONY: help setup demo chatbot check fix test lowest wheel bench docs clean

help:
	@echo "make setup   a virtual environment in $(VENV) with everything"
	@echo "make demo    compress three months of memory for three questions; writes out/demo.html"
	@echo "make chatbot a personal assistant that remembers, in your browser; PORT=8600 if you like"
	@echo "make check   format, lint, types, import rules"
	@echo "make fix     format and lint, repaired where a machine can"
	@echo "make test    the tests, offline"
	@echo "make lowest  the tests of the adapters, with the oldest versions of their frameworks; the demo with the oldest transformers"
	@echo "make wheel   sdist and wheel, installed into a fresh environment for each extra; EXTRAS='mini app' if you like"
	@echo "make docs    the documentation site, in site/"
	@echo "make bench   time and memory beside bare and eager forwards and the rivals; evidence recall (DATA=folder, EVIDENCE=options)"

setup: $(DONE)

$(DONE): pyproject.toml constraints.txt
	@echo "Installing everything into $(VENV): this takes a few minutes, and pip is quiet"
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-compile --constraint constraints.txt --editable '.[dev]'
	@# pip would compile on one core; some packages bring files that are written for another Python
	@$(BIN)/python -W ignore -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $(DONE)

demo: setup
	$(BIN)/attngs demo --out out/demo.html

chatbot: setup
	$(BIN)/attngs chat $(if $(PORT),--port $(PORT))

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache

fix: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# a process for each core, each with one thread: torch would otherwise start a thread for each core in every one of them. Each begins with
# one half of the tests, so that most servers and models are started once, and takes over from the other when it has done its own
PYTEST := -m pytest --numprocesses auto --dist worksteal

test: setup
	OMP_NUM_THREADS=1 $(BIN)/python $(PYTEST)

# an environment that sees all of the other one, and has its own frameworks in front of it
lowest: setup
	$(PYTHON) -m venv $(VENV)-lowest
	$(BIN)/python -c "import site; print(f'import site; site.addsitedir({site.getsitepackages()[0]!r})')" > "$$($(VENV)-lowest/bin/python -c 'import site; print(site.getsitepackages()[0])')/base.pth"
	$(VENV)-lowest/bin/python -m pip install --quiet --requirement constraints-lowest.txt
	OMP_NUM_THREADS=1 $(VENV)-lowest/bin/python $(PYTEST) tests/langchain tests/llama_index
	$(VENV)-lowest/bin/python -m pip install --quiet transformers==4.56.0 'huggingface-hub<1' 'tokenizers<0.23'
	$(VENV)-lowest/bin/python -W error -m attngs demo --out out/demo-lowest.html

wheel:
	$(PYTHON) .ci/wheel $(EXTRAS)

DATA ?= ../shared/data
bench: setup
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev,bench]'
	$(BIN)/python -m benchmarks.speed
	$(BIN)/python -m benchmarks.sentences
	$(BIN)/python -m benchmarks.evidence "$(DATA)" $(EVIDENCE)

docs: setup
	$(BIN)/zensical build --clean

clean:
	rm -rf $(VENV) $(VENV)-lowest out build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
