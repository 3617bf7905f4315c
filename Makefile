# Two commands do everything on a machine with Python >= 3.11: `make demo` and `make test`.
# Each makes its own virtual environment in .venv first; nothing else is touched.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
# One process per core of the smallest machine in use; torch's threads would fight over them.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/pytest -q -n 2 --dist worksteal

.DEFAULT_GOAL := help
.PHONY: help demo test check lint types layers nojit bounds bench golden docs wheel fuzz clean

help:  ## list the targets
	@sed -nE 's/^([a-z]+):.*  ## (.*)/  make \1|\2/p' Makefile | column -t -s '|'

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hwsim needs Python >= 3.11; set PYTHON=/path/to/python"; exit 1; }
	$(PYTHON) -m venv .venv
	# First, and by its version: an open range would bring gigabytes of CUDA.
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,oracle]'
	@$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cachesim]' \
		|| echo "no C compiler: what compares with pycachesim will be skipped"
	touch $(READY)

demo: $(READY)  ## train a digits network, compress it, compare it on six devices
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh

test: $(READY)  ## run the tests, kernels compiled
	$(PYTEST)

check: lint types layers test nojit bounds  ## every gate of a commit

lint: $(READY)  ## style
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)  ## types, strict
	$(BIN)/pyright

layers: $(READY)  ## who may import whom
	$(BIN)/lint-imports --no-cache

nojit: $(READY)  ## the tests that need no speed, kernels interpreted
	NUMBA_DISABLE_JIT=1 $(PYTEST) -m "not slow"

bounds: $(READY)  ## the same, every array index checked
	NUMBA_BOUNDSCHECK=1 $(PYTEST) -m "not slow"

bench: $(READY)  ## speed as ratios to LiteRT, ONNX Runtime, scipy and pycachesim, in one run
	$(BIN)/python tests/bench/ratios.py --json build/bench.json

golden: $(READY)  ## rewrite the golden reports and tables; read the diff
	$(BIN)/python -m tests.evidence_page
	$(BIN)/python -m tests.schema_files
	$(BIN)/python -m tests.api_page
	$(BIN)/python -m tests.device_pages
	$(BIN)/pytest -q tests/laws/test_reports.py tests/laws/test_techniques.py tests/unit/reports --update-golden

docs: $(READY)  ## the Python interface as HTML, in build/docs
	$(BIN)/python -m tests.api_reference

wheel: $(READY)  ## build the wheel, install it in an empty environment, use it there
	tests/wheel.sh $(PYTHON)

fuzz: $(READY)  ## a hundred thousand hostile inputs for every reader
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[fuzz]'
	for reader in csv hwsim json npz onnx profile pt2 recipe space spec store sweep tflite; do $(BIN)/python -m tests.fuzz $$reader --runs 100000 || exit 1; done

clean:  ## forget the environment and what was built
	rm -rf .venv build
