# One command each: `make demo`, `make test`. `make install` does the environment alone.

PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# One worker more than there are cores: many tests wait for servers.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
INSTALLED := $(VENV)/.installed

.PHONY: install demo test test-fast check openapi constraints clean

install: $(INSTALLED)

$(INSTALLED): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Caseledger needs Python 3.11 or newer; say PYTHON=/path/to/python3" >&2; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || \
		{ echo "Python cannot make a virtual environment; on Debian or Ubuntu:" \
		"apt-get install python3-venv" >&2; exit 1; }
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: install
	@exec $(BIN)/caseledger demo --port $(PORT)

test: install
	$(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal

# The tests that take less than a second each and start nothing: an answer in about a minute.
test-fast: install
	$(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal -m 'not slow'

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

# Writes down what the API is, for the test that compares it.
openapi: install
	$(BIN)/python -m tests.support.api_examples
	$(BIN)/python -m tests.support.openapi_snapshot

# Takes the newest versions that pyproject.toml allows.
constraints:
	$(PYTHON) -m venv --clear .venv-constraints
	.venv-constraints/bin/pip install --quiet --editable '.[dev]'
	.venv-constraints/bin/pip freeze --exclude-editable > constraints.txt
	rm -rf .venv-constraints

clean:
	rm -rf $(VENV) .venv-constraints .mypy_cache .pytest_cache .ruff_cache
