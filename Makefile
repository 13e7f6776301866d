# make quickstart : environment, smoke suite, table, page
# make test       : environment, lint, types, tests
# make reference  : the smoke suite from scratch, its committed runs and tables
# make accuracy   : the leaderboard
# make scale      : deep linear networks up to 100 million parameters
# make peers      : other packages at the same budget
# make exact      : agreement of exact samplers with the truth
# make gradients  : error against gradients, with other packages beside
# make sensitivity: windows of good step sizes
# make heuristics : training heuristics against the coefficient
# make tutorials  : the tutorials on networks, their pictures and what they print; ten minutes
# make site       : the report of all committed results, in build/report
# make figures    : the figures of the papers from committed results, with their claims
# make benchmark  : speed, as ratios to a control measured in the same run
# make volume     : exact values against volumes of sublevel sets
# make self-tuning: the self-tuning estimate against exact values and on digits; two hours, resumable
# make trust      : attacks and rates, an hour and more, resumable
# make guards     : the guards against exact values, half an hour, resumable
# make refined    : checkpoints x heads x kinds of text of a small transformer, ten minutes, resumable
# make mutants    : small changes of meaning against the tests that should notice; half an hour
# make platforms  : the tests with other interpreters (PYTHONS) and the oldest and newest libraries
# make cas        : exact values against Singular (set LLCBENCH_SINGULAR to the program)

PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
STORE  ?= build/store
REPORT ?= build/report

# Two processes or two threads, never four: the numbers of a run do not depend on it, but its speed does.
export OMP_NUM_THREADS ?= 1

.PHONY: quickstart test lint types compiled unit reference accuracy scale peers exact gradients sensitivity heuristics tutorials site figures benchmark volume trust guards refined mutants platforms cas clean

# Python compiles what it imports, once; compiling all of torch and jax beforehand takes a minute.
unexport PYTHONDONTWRITEBYTECODE
INSTALL = $(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check --constraint constraints.txt

# What a user needs; what checks the code; what its tests need beyond it: peers, schedulers.
$(VENV)/.installed: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable .
	touch $@

$(VENV)/.checked: pyproject.toml constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(INSTALL) --editable '.[dev]'
	touch $(VENV)/.installed $@

$(VENV)/.developed: $(VENV)/.checked
	$(INSTALL) --editable '.[dev,peers,nuts,dist,slurm,data,hf]'
	touch $@

quickstart: $(VENV)/.installed
	$(BIN)/llcbench run smoke --store $(STORE) --executor processes --workers 2
	$(BIN)/llcbench report --store $(STORE) --out $(REPORT)

# Types are checked while the rest is installed and compiled: each takes one core.
test: lint
	$(MAKE) --no-print-directory -j 2 types compiled
	$(MAKE) --no-print-directory unit

lint: $(VENV)/.checked
	$(BIN)/ruff check .

types: $(VENV)/.checked
	$(BIN)/mypy

# Collecting the tests compiles what they import; three processes would each do it again. The list
# is not shown, errors are.
compiled: $(VENV)/.developed
	$(BIN)/python -m pytest --collect-only -qq > $(VENV)/tests.txt || { cat $(VENV)/tests.txt; exit 1; }

unit: $(VENV)/.developed
	$(BIN)/python -m pytest -n 3 --dist worksteal

# The option --readme renews the tables of the README and of the pages results/*.md beside it.

# The smoke suite from scratch.
reference: $(VENV)/.installed
	rm -rf build/reference
	$(BIN)/llcbench run smoke --store build/reference --executor processes --workers 2
	$(BIN)/llcbench export --store build/reference --out results/reference/v1/smoke.jsonl --readme README.md
	mkdir -p results/environments && cp build/reference/environments/*.json results/environments/

# The leaderboard: all samplers, default and tuned, ten replicates; about an hour on two cores, resumable.
accuracy: $(VENV)/.installed
	$(BIN)/llcbench run accuracy --store build/accuracy --executor processes --workers 2 --run-limit 10m
	$(BIN)/llcbench export --store build/accuracy --out results/reference/v1/accuracy.jsonl.gz
	$(BIN)/llcbench leaderboard --store results/reference/v1/accuracy.jsonl.gz --ladder results/reference/v1/sensitivity.jsonl.gz --readme README.md

# Deep linear networks from a thousand to 100 million parameters: an hour and more, resumable.
scale: $(VENV)/.installed
	$(BIN)/llcbench run dln-scale --store build/scale --executor processes --workers 2
	$(BIN)/llcbench export --store build/scale --out results/reference/v1/dln-scale.jsonl.gz
	$(BIN)/llcbench scaling --store results/reference/v1/dln-scale.jsonl.gz --classes --readme README.md --out build/scale-report

# Samplers of other packages at the same budget, and their speed on identical work.
peers: $(VENV)/.developed
	$(BIN)/llcbench run peers --store build/peers --executor processes --workers 2 --run-limit 10m
	$(BIN)/llcbench export --store build/peers --out results/reference/v1/peers.jsonl.gz
	$(BIN)/llcbench peers claim --ours results/reference/v1/accuracy.jsonl.gz --peers results/reference/v1/peers.jsonl.gz --readme README.md
	$(BIN)/llcbench peers bench --rounds 4 --out results/reference/v1/peers_speed.csv --readme README.md

# Samplers with an exact stationary distribution at five times the budget of the leaderboard.
exact: $(VENV)/.installed
	$(BIN)/llcbench run exact --store build/exact --executor processes --workers 2 --run-limit 10m
	$(BIN)/llcbench export --store build/exact --out results/reference/v1/exact.jsonl.gz
	$(BIN)/llcbench leaderboard --store results/reference/v1/exact.jsonl.gz --agreement --readme README.md

# Error against gradients: published, corrected and self-tuning estimates, and other packages.
gradients: $(VENV)/.developed
	$(BIN)/llcbench run gradients --store build/gradients --executor processes --workers 2 --run-limit 10m
	$(BIN)/llcbench export --store build/gradients --out results/reference/v1/gradients.jsonl.gz
	$(BIN)/llcbench figures n07 --out build/figures

# Windows of good step sizes, one ladder for all problems.
sensitivity: $(VENV)/.installed
	$(BIN)/llcbench run sensitivity --store build/sensitivity --executor processes --workers 2 --run-limit 10m
	$(BIN)/llcbench export --store build/sensitivity --out results/reference/v1/sensitivity.jsonl.gz
	$(BIN)/llcbench leaderboard --store results/reference/v1/accuracy.jsonl.gz --ladder results/reference/v1/sensitivity.jsonl.gz --readme README.md

# Networks under changed training heuristics: hours on two cores, resumable.
HEURISTICS := gc image text

heuristics: $(VENV)/.developed
	for suite in $(HEURISTICS); do \
	  $(BIN)/llcbench heuristics run $$suite --store build/heuristics-$$suite --executor processes --workers 2 --run-limit 30m && \
	  $(BIN)/llcbench heuristics export --store build/heuristics-$$suite --out results/reference/v1/heuristics-$$suite.jsonl.gz || exit 1; \
	done
	$(BIN)/llcbench heuristics effects --claims $(HEURISTICS:%=--store results/reference/v1/heuristics-%.jsonl.gz) --readme README.md

# The tutorials on networks at full size: pictures in tutorials/pictures, docs/tutorials.md.
tutorials: $(VENV)/.developed
	$(BIN)/python docs/make_tutorials.py

# The report of all committed results; half a minute, no runs are made.
RESULTS := results/reference/v1
SUITES  := accuracy.jsonl.gz peers.jsonl.gz exact.jsonl.gz sensitivity.jsonl.gz dln-scale.jsonl.gz smoke.jsonl

site: $(VENV)/.installed
	$(BIN)/llcbench report $(SUITES:%=--store $(RESULTS)/%) --figures results/figures/v1 --out $(REPORT)

# The figures of the papers again: SVG, PDF, CSV and the list of claims; a minute on one core.
figures: $(VENV)/.installed
	$(BIN)/llcbench figures --out results/figures/v1 --readme README.md

benchmark: export LLCBENCH_SPEED_CSV = results/reference/v1/steps.csv
benchmark: $(VENV)/.developed
	$(BIN)/python -m pytest tests/benchmarks --benchmark-only

GERMS := tests/theory/solver/germs.toml

volume: $(VENV)/.installed
	$(BIN)/python -m theory.volume $(GERMS) results/theory/v1/volume.csv

cas: $(VENV)/.developed
	$(BIN)/python tests/theory/solver/singular.py $(GERMS) results/theory/v1/cas.csv

# The self-tuning estimate on problems that fixed its constants and on others.
self-tuning: $(VENV)/.developed
	$(BIN)/python tests/accuracy/equilibration.py
	$(BIN)/python tests/accuracy/digits.py
	$(BIN)/python tests/accuracy/self_tuning.py

# Attacks, and how often error bars cover and gates ring; pieces are kept in build/trust.
trust: $(VENV)/.developed
	$(BIN)/python tests/faults/trust.py

# How often guards pass wrong estimates and warn of right ones; runs are kept in build/guards.
guards: $(VENV)/.installed
	$(BIN)/python tests/accuracy/guard_calibration.py

# A study of a small transformer; finished cells are kept in build/refined.
refined: $(VENV)/.installed
	$(BIN)/llcbench refine tutorials/refined.py --out build/refined -s "sgld[step_size=4e-4]" \
	  --set gamma=200 --set num_burnin=150 --set num_draws=600 --set batch_size=32
	mkdir -p results/refined/v1
	cp build/refined/table.csv build/refined/picture.svg results/refined/v1

# Other interpreters, and the oldest and newest libraries that are allowed.
PYTHONS ?= $(PYTHON)

platforms: $(VENV)/.installed
	$(BIN)/python tests/faults/platforms.py $(foreach python,$(PYTHONS),$(shell which $(python)))

# What stands in MUTANTS: ids or areas, --minutes M, --part K/N; all by default, resumable.
mutants: $(VENV)/.developed
	$(BIN)/python tests/faults/mutants/mutate.py $(MUTANTS)

clean:
	rm -rf build .mypy_cache .ruff_cache .pytest_cache
