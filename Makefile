# One shared environment; every target makes what it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Numbers must not depend on how many threads BLAS feels like using.
export OPENBLAS_NUM_THREADS ?= 2

# WorldClim stations, not shipped: the scan takes them if they are there, else a shipped table.
STATIONS ?= ../shared/data/worldclim14_stations.csv.gz

# The one quick run of the experiments that tests, ledger, docs and notebooks read.
EXPERIMENTS := build/experiments/.complete
# The longest first, two at a time: threads within one experiment leave a core idle.
NAMES := hysteresis threshold scan annealing residual-cascade superfluous
CODE := $(wildcard theory/*.py numerics/*.py verify/*.py verify/experiments/*.py)

.PHONY: verify test test-full test-lowest results claims docs lint formulas clean

verify: $(STAMP)
	$(BIN)/landau-vae verify --out build/verify

test: $(STAMP) $(EXPERIMENTS)
	$(BIN)/python -m pytest -n 2 -m "not slow"
	$(MAKE) docs

# The full runs first: tests read what they keep.
test-full: $(STAMP) $(EXPERIMENTS) test-lowest results
	$(BIN)/python -m pytest -n 2

$(EXPERIMENTS): $(STAMP) $(CODE)
	printf '%s\n' $(NAMES) | xargs -P 2 -I NAME \
	  $(BIN)/landau-vae experiment NAME --quick --quiet --threads 1 --out build/experiments
	touch $@

# CLAIMS.md, from the quick run; a test checks that the committed page is current.
claims: $(EXPERIMENTS)
	$(BIN)/landau-vae claims --results build/experiments --markdown >build/CLAIMS.md
	mv build/CLAIMS.md CLAIMS.md

# The verdicts on the shipped tables and the experiments in full, kept with their figures under docs/results.
results: $(STAMP)
	for table in breast-cancer wine digits; do \
	  $(BIN)/landau-vae verify $$table --quiet --out docs/results/verify-$$table || exit 1; done
	$(BIN)/landau-vae verify breast-cancer --sampled --quiet --out docs/results/verify-breast-cancer-sampled
	$(BIN)/landau-vae phase breast-cancer --quiet --out docs/results/phase-breast-cancer
	for plane in curve flexible; do \
	  $(BIN)/landau-vae phase-diagram $$plane --quiet --out docs/results/phase-diagram-$$plane || exit 1; done
	printf '%s\n' 'scan $(if $(wildcard $(STATIONS)),--data $(STATIONS))' $(filter-out scan,$(NAMES)) | xargs -P 2 -L 1 \
	  $(BIN)/landau-vae experiment --quiet --threads 1 --out docs/results/experiments

# The documentation, into build/docs: warnings are errors, every link resolves, nothing is loaded from elsewhere.
docs: $(STAMP) | build/notebooks
	$(BIN)/python -m sphinx -b html -n -W --keep-going -q -j auto docs build/docs
	$(BIN)/python docs/_ext/check_html.py build/docs

# The tutorials, executed by their tests.
build/notebooks: | $(STAMP) $(EXPERIMENTS)
	$(BIN)/python -m pytest -n 2 tests/test_notebooks.py

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m theory.emit --check
	$(BIN)/python -m theory.emit_matrix --check
	$(BIN)/python -m theory.emit_javascript --check

# Write numerics/_formulas.py, numerics/_matrix_formulas.py and landau_vae/explorer/formulas.js from the derivations.
formulas: $(STAMP)
	$(BIN)/python -m theory.emit --write
	$(BIN)/python -m theory.emit_matrix --write
	$(BIN)/python -m theory.emit_javascript --write

# Every declared Python resolves, and the lowest versions that setup.cfg declares pass the tests.
test-lowest: $(STAMP)
	mkdir -p build
	$(BIN)/python -c "import configparser as c; f = c.ConfigParser(); f.read('setup.cfg'); \
	  print(f['options']['install_requires'], f['options.extras_require']['test'])" >build/requirements.in
	for version in 3.11 3.12 3.13 3.14; do $(BIN)/uv pip compile --quiet --no-header \
	  --python-version $$version build/requirements.in -o build/resolved-$$version.txt || exit 1; done
	$(BIN)/uv venv --quiet --python $(PYTHON) --clear build/lowest
	$(BIN)/uv pip install --quiet --python build/lowest/bin/python --resolution lowest-direct -e ".[test]"
	build/lowest/bin/python -m pytest -n 2 -m "not slow" -o filterwarnings=default

$(STAMP): setup.cfg pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "landau-vae needs Python >= 3.11; call make with PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[test,lint,docs]"
	touch $(STAMP)

clean:
	rm -rf build dist *.egg-info $(VENV)
