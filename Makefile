# Everything a contributor or a user of a fresh clone needs; continuous integration calls these same targets.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
JOBS   ?= 2

.PHONY: demo test lint types check bench bench-smoke campaign fuzz regression docs release clean
.DEFAULT_GOAL := check
# Small matrices: threads that wait for each other only slow the tests down.
export OPENBLAS_NUM_THREADS := 1

# The stamps make an install happen once, and again when pyproject.toml changes.
$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit("saddlescope needs Python 3.11 or newer, but $(PYTHON) is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	@touch $@
$(VENV)/.runtime: $(VENV)/.created pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@
$(VENV)/.dev: $(VENV)/.runtime pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@
$(VENV)/.docs: $(VENV)/.runtime pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	@touch $@
$(VENV)/.bench: $(VENV)/.runtime pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@

demo: $(VENV)/.runtime      ## the main job on the shipped spec: table of stages and a picture
	$(BIN)/saddlescope run canonical --out demo

test: $(VENV)/.dev          ## all tests, docstring examples included; a file of tests stays with one worker
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist loadfile

lint: $(VENV)/.dev          ## style, imports, dead code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-cache
	$(BIN)/vulture

types: $(VENV)/.dev         ## type checker
	$(BIN)/pyright

check: lint types test      ## what continuous integration runs

bench: $(VENV)/.bench       ## speed against other solvers, answers checked (about half an hour)
	$(BIN)/python -m pytest benchmarks --benchmark-enable -p no:cacheprovider

bench-smoke: $(VENV)/.dev   ## steps, evaluations, compiled programs of small runs, held to benchmarks/smoke.json; WRITE=1 records
	$(BIN)/python -m benchmarks.smoke $(if $(WRITE),--write)

N ?= 100
FIRST ?= 0
FUZZ ?= 1000
SEED ?= $(shell date +%Y%m%d)
campaign: $(VENV)/.dev      ## N random problems of seed SEED against their references, from number FIRST: make campaign N=2000 SEED=1
	$(BIN)/python -m campaigns --problems $(N) --seed $(SEED) --first $(FIRST) --jobs $(JOBS) $(if $(REPORT),--report)
fuzz: $(VENV)/.dev          ## broken specs, files and calls, signals, full disks: each must end in a sentence
	$(BIN)/python -m campaigns --fuzz --problems $(FUZZ) --seed 0 --jobs $(JOBS) $(if $(REPORT),--report)
regression: $(VENV)/.dev    ## the fixed problems of campaigns: what was wrong once must not be so again
	$(BIN)/python -m campaigns --replay campaigns/regression.jsonl --jobs $(JOBS)

docs: $(VENV)/.docs         ## the site into docs/_build/html: pages and changed examples run, warnings are errors, links checked
	$(BIN)/python -m sphinx -W --keep-going -q -b html -d docs/_build/doctrees docs docs/_build/html
	$(BIN)/python docs/_ext/site_check.py docs/_build/html
	$(BIN)/python docs/_ext/pages.py README.md docs/*.md docs/howto/*.md docs/theory/*.md

release:                    ## a release without its last step: builds, installs the wheel where nothing else is, runs it
	PYTHON=$(PYTHON) .ci/release

clean:
	rm -rf $(VENV) demo dist docs/_build docs/api docs/auto_gallery docs/gallery/*/*.pdf docs/gallery/*/*.csv .pytest_cache .ruff_cache .hypothesis
