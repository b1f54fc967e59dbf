# Every target does its own set-up: a bare clone, Python 3.11 or newer and make are enough.
PORT ?= 8000
HOST ?= 127.0.0.1
DATA ?= var
PYTHON ?= python3

PY := .venv/bin/python
# uv takes a fifth of pip's time; where only pip knows the way to a registry, pip goes.
INSTALL = $(PY) -m uv pip install --quiet --python $(PY) -r $(1) 2>/dev/null || $(PY) -m pip install --quiet -r $(1)
export FYNIX_DATA := $(abspath $(DATA))
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Compiled once: every job is a process, and one that compiles what it imports starts seconds later.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help run test check bench shots lock clean

help: ## what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-7s %s\n", $$1, $$2 }' Makefile

run: .venv/runtime .static/stamp ## start the product at http://HOST:PORT with its data in DATA
	@exec $(PY) manage.py pilot --host $(HOST) --port $(PORT)

test: .venv/development .static/stamp node_modules/.stamp ## run every test
	@exec $(PY) -m tests.run

check: .venv/development ## formatting, lint, types, architecture, templates, migrations
	@exec $(PY) -m tests.checks

bench: .venv/development .static/stamp ## measure against named peers and rewrite docs/benchmarks.md
	@exec $(PY) -m benchmarks

shots: .venv/development ## photograph the product anew for the landing page
	@exec $(PY) -m tests.shots

lock: .venv/development ## resolve requirements*.txt anew from pyproject.toml
	.venv/bin/uv pip compile -q --no-annotate --universal --python-version 3.11 --custom-compile-command "make lock" \
	    --upgrade pyproject.toml -o requirements.txt
	.venv/bin/uv pip compile -q --no-annotate --universal --python-version 3.11 --custom-compile-command "make lock" \
	    --upgrade -c requirements.txt pyproject.toml --extra traces -o requirements-traces.txt
	.venv/bin/uv pip compile -q --no-annotate --universal --python-version 3.11 --custom-compile-command "make lock" \
	    --upgrade -c requirements.txt pyproject.toml --extra cluster -o requirements-cluster.txt
	.venv/bin/uv pip compile -q --no-annotate --universal --python-version 3.11 --custom-compile-command "make lock" \
	    --upgrade -c requirements-traces.txt -c requirements-cluster.txt pyproject.toml --extra traces --extra cluster --group dev -o requirements-dev.txt

clean: ## remove what was installed and collected; DATA stays
	rm -rf .venv .static node_modules

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    echo "Python 3.11 or newer is needed; \`$(PYTHON)\` is not. Try: make run PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || { rm -rf .venv; \
	    echo "Python cannot make a virtual environment here; on Debian: apt install python3-venv" >&2; exit 1; }
	@$(PY) -m pip install --quiet uv || true

# Each stamp is newer than the list that it was installed from.
.venv/runtime: requirements.txt | .venv/bin/python
	@echo "Installing what the product needs…"
	@$(call INSTALL,requirements.txt)
	@touch $@

.venv/development: requirements-dev.txt .venv/runtime
	@echo "Installing what the tests need…"
	@$(call INSTALL,requirements-dev.txt)
	@touch $@

# Programs that look at pages. Without npm the lanes that need them say what to install.
node_modules/.stamp: package-lock.json
	@if command -v npm >/dev/null; then echo "Installing what looks at the pages…"; npm ci --silent && touch $@ || true; fi

.static/stamp: $(shell find static -type f) fynix/sheets.py .venv/runtime
	@$(PY) manage.py collectstatic --noinput --clear --verbosity 0
	@touch $@
