# make demo    set everything up and run the main job on real data
# make test    set everything up and run the tests
# make check   format, lint, types, layers (what pre-commit runs)
# make bench   the table against other tools, measured in one run

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PUBLISHED := .venv-published/.installed

.PHONY: demo test check format bench clean

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

test: $(INSTALLED) $(PUBLISHED)
	$(BIN)/python -m pytest -q

check: $(INSTALLED)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@files=$$(git ls-files '*.cpp' '*.hpp'); \
	if [ -n "$$files" ]; then $(BIN)/clang-format --dry-run --Werror $$files; fi

format: $(INSTALLED)
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: $(INSTALLED)
	$(BIN)/python benchmarks/table.py --update-readme

$(INSTALLED): pyproject.toml CMakeLists.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo 'Python 3.11 or newer is needed: install it (Debian: apt-get install python3), or name it with PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo 'The venv module is missing: install it (Debian: apt-get install python3-venv)'; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || \
	{ echo 'A C++ compiler is missing: install one (Debian: apt-get install g++)'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

# The published tool has the same import name, so it lives in an environment of its own. The tests
# that let it read our files skip, with the reason, where it cannot be installed.
$(PUBLISHED): $(INSTALLED)
	$(PYTHON) -m venv .venv-published
	-.venv-published/bin/python -m pip install --quiet --disable-pip-version-check dicube==0.3.0
	@touch $@

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
