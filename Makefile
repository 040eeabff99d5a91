# On a fresh machine with only Python and make: `make demo`, `make test`. `make help` lists the rest.

PYTHON ?= python3
VENV ?= .venv
DEMO_VENV ?= .venv-demo
LOWEST_VENV ?= .venv-lowest
NEWEST_VENV ?= .venv-newest
# -x: the first failing test ends the run. `make test PYTEST_ARGS=` shows them all.
PYTEST_ARGS ?= -x

# Tests side by side, one thread each.
WORKERS ?= 2

# Experiments side by side, one thread each.
JOBS ?= 1

PY = $(VENV)/bin/python
STAGE = @$(PY) tools/stage.py

# Named here, DeepXDE neither asks which backend to use nor writes a choice into the home folder.
# Tests that need another backend start a process that sets its own.
export DDE_BACKEND := pytorch
# Frameworks greet on stderr; errors still show.
export TF_CPP_MIN_LOG_LEVEL := 3
export GLOG_minloglevel := 2
export MPLBACKEND := Agg
export PYTHONUNBUFFERED := 1

.NOTPARALLEL:
.PHONY: help demo test lowest newest peers env lint layout docs format paper wheel dist constraints clean distclean

help:
	@echo "make demo         FNN against RepFNN on Helmholtz: a table and a picture ($(DEMO_VENV))"
	@echo "make test         lint, docs and every test on all five backends ($(VENV))"
	@echo "make lowest       every test with the lowest versions allowed; make newest: with the newest"
	@echo "make peers        environments of the libraries to compare with (.venv-peers)"
	@echo "make lint         ruff and mypy"
	@echo "make docs         the documentation, into docs/_build/html"
	@echo "make format       let ruff rewrite what it can"
	@echo "make wheel        wheel and source archive, into dist/"
	@echo "make constraints  write constraints.txt from $(VENV)"
	@echo "make paper        every experiment, table and figure of docs/experiments.rst; hours, resumable (JOBS=$(JOBS))"
	@echo "make clean        remove what was built; make distclean: the environments too"
	@echo "Settings: PYTHON=$(PYTHON) VENV=$(VENV) DEMO_VENV=$(DEMO_VENV) WORKERS=$(WORKERS) PYTEST_ARGS='$(PYTEST_ARGS)'"

demo:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: no '$(PYTHON)' here. Install Python 3.10 or newer, or name yours: make demo PYTHON=..." >&2; \
	  exit 1; }
	@$(PYTHON) tools/make_env.py demo $(DEMO_VENV)
	@$(DEMO_VENV)/bin/python examples/demo.py

env:
	@command -v $(PYTHON) >/dev/null || { \
	  echo "make: no '$(PYTHON)' here. Install Python 3.11 to 3.13, or name yours: make test PYTHON=..." >&2; \
	  exit 1; }
	@$(PYTHON) tools/make_env.py test $(VENV)

# Only for benchmarks/libraries/run.py: no test needs them.
peers: env
	@$(PY) benchmarks/libraries/environments.py

# pytest comes last, so that its closing line is the last one.
test: env lint layout docs
	@$(PY) -m pytest --no-header -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS) || { \
	  echo "make: a test failed; what it expected stands above. One test by itself:" >&2; \
	  echo "make: DDE_BACKEND=$(DDE_BACKEND) $(PY) -m pytest FILE::NAME" >&2; \
	  exit 1; }

# Not in CI, for which it is too long: before a release, and when a dependency has had one.
lowest: IN = $(LOWEST_VENV)
newest: IN = $(NEWEST_VENV)
lowest newest:
	@$(PYTHON) tools/make_env.py $@ $(IN)
	@$(IN)/bin/python -m pytest --no-header -W default -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

lint: env
	$(STAGE) "ruff check" $(VENV)/logs/ruff-check.log "'make format' mends what can be mended; the rest is yours." $(PY) -m ruff check .
	$(STAGE) "ruff format" $(VENV)/logs/ruff-format.log "run 'make format'." $(PY) -m ruff format --check .
	$(STAGE) "mypy" $(VENV)/logs/mypy.log "mend the types named above." $(PY) -m mypy

layout: env
	$(STAGE) "direction of imports" $(VENV)/logs/layout.log "move the code, or the import, as CONTRIBUTING.md says; the rules are in tests/test_layout.py." $(PY) -m pytest -q tests/test_layout.py

docs: env
	$(STAGE) "docs" $(VENV)/logs/docs.log "mend what the lines above name; warnings are errors here." $(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html

format: env
	@$(PY) -m ruff check --fix-only -q . && $(PY) -m ruff format -q .

paper: env peers
	@$(PY) -m benchmarks.suite --jobs $(JOBS)
	@$(PY) -m benchmarks.suite --steps
	@$(PY) benchmarks/step_cost.py
	@$(PY) benchmarks/solve.py
	@$(PY) -m benchmarks.libraries.run

wheel dist: env
	$(STAGE) "wheel and source archive" $(VENV)/logs/wheel.log "mend what the lines above name." $(PY) -m build --no-isolation --outdir dist
	@ls -1 dist

constraints: env
	@$(PYTHON) tools/make_env.py freeze $(VENV)

clean:
	@rm -rf build dist *.egg-info docs/_build .pytest_cache .mypy_cache .ruff_cache
	@find deepxde_repnet docs examples benchmarks tests tools -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

distclean: clean
	@rm -rf $(VENV) $(DEMO_VENV) .venv-peers $(LOWEST_VENV) $(NEWEST_VENV)
