# make demo    set everything up and run the main job on real data
# make test    set everything up and run the tests, those in C++ too
# make check   format, lint, types, layers (what pre-commit runs)
# make bench   the tables against other tools and codecs, measured in one run
# make fuzz    feed damaged codestreams and files to the native code for FUZZ_SECONDS (60) each target
# make soak    an archive of all test data many times over, killed again and again; some minutes
# make tsan    the C++ tests under ThreadSanitizer

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
PUBLISHED := .venv-published/.installed
READERS := .venv-readers/.installed
PYDICOM_SEG := .venv-pydicom-seg/.installed
PEERS := build/.peers
NATIVE := $(wildcard cpp/base/* cpp/simd/* cpp/volume/* cpp/dicom/* cpp/jph/* cpp/jph/kernels/* cpp/jxl/* cpp/jxl/kernels/* cpp/bindings/* \
	dicube/codecs/*/*.pyx)

CMAKE := $(abspath $(BIN))/cmake
CONFIGURE := $(CMAKE) -S . -G Ninja -D CMAKE_MAKE_PROGRAM=$(abspath $(BIN))/ninja \
	-D CMAKE_BUILD_TYPE=Checked -D DICUBE_WERROR=ON

# Codestreams of several encoders, if they are there.
VECTORS := $(or $(DICUBE_TEST_DATA),../shared/data)/../htj2k/vectors

FUZZ_SECONDS ?= 60
FUZZ_SEEDS ?= $(VECTORS)
FUZZ_CXX := $(or $(shell command -v clang++),c++)
FUZZ_BUILD := build/fuzz-$(notdir $(FUZZ_CXX))

.PHONY: demo test soak cpp-tests tsan fuzz check format bench clean

demo: $(INSTALLED)
	$(BIN)/python examples/demo.py

test: $(INSTALLED) $(PUBLISHED) $(READERS) $(PYDICOM_SEG) $(PEERS) cpp-tests
	$(BIN)/python -m pytest -q -n auto --dist loadfile

soak: $(INSTALLED)
	$(BIN)/python -m tests.archive.soak

cpp-tests: $(INSTALLED)
	$(CONFIGURE) -B build/cpp-tests -D DICUBE_BUILD_TESTS=ON
	$(CMAKE) --build build/cpp-tests
	@echo 'build/cpp-tests/dicube_tests with the codestreams of $(VECTORS), if there are any'
	@build/cpp-tests/dicube_tests $(wildcard $(VECTORS)/*.j2c)

tsan: $(INSTALLED)
	$(CONFIGURE) -B build/tsan -D DICUBE_BUILD_TESTS=ON -D DICUBE_SANITIZE=thread
	$(CMAKE) --build build/tsan
	build/tsan/dicube_tests

fuzz: $(INSTALLED)
	$(CONFIGURE) -B $(FUZZ_BUILD) -D CMAKE_CXX_COMPILER=$(FUZZ_CXX) -D DICUBE_BUILD_FUZZERS=ON \
		-D DICUBE_SANITIZE=address,undefined
	$(CMAKE) --build $(FUZZ_BUILD)
	$(BIN)/python cpp/fuzz/make_seeds.py $(FUZZ_BUILD)/seeds $(FUZZ_BUILD)/jxl_seeds \
		$(FUZZ_BUILD)/dicom_seeds
	cpp/fuzz/run.sh $(FUZZ_BUILD) $(FUZZ_SECONDS) '$(FUZZ_SEEDS)' tests/fuzz_findings

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
	$(BIN)/clang-format -i $$(git ls-files '*.cpp' '*.hpp')

bench: $(INSTALLED)
	$(BIN)/python benchmarks/codec_table.py --update-readme
	$(BIN)/python benchmarks/jxl_table.py --update-readme
	$(BIN)/python benchmarks/roi_table.py --update-readme
	$(BIN)/python benchmarks/seg_table.py --update-readme
	$(BIN)/python benchmarks/zarr_table.py --update-readme
	$(BIN)/python benchmarks/pacs_table.py --update-readme
	$(BIN)/python benchmarks/scan_table.py --update-readme
	$(BIN)/python benchmarks/grouping_table.py --update-readme
	$(BIN)/python benchmarks/archive_table.py --update-readme
	$(BIN)/python benchmarks/archive_table.py --growth --rounds 1 --update-readme
	$(BIN)/python benchmarks/ledger_rows.py --update-readme
	$(BIN)/python benchmarks/table.py --update-readme

$(INSTALLED): pyproject.toml CMakeLists.txt $(NATIVE)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	{ echo 'Python 3.11 or newer is needed: install it (Debian: apt-get install python3), or name it with PYTHON=...'; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
	{ echo 'The venv module is missing: install it (Debian: apt-get install python3-venv)'; exit 1; }
	@command -v c++ >/dev/null || command -v g++ >/dev/null || command -v clang++ >/dev/null || \
	{ echo 'A C++ compiler is missing: install one (Debian: apt-get install g++)'; exit 1; }
	@$(PYTHON) -c 'import os, sysconfig as s, sys; sys.exit(not os.path.exists(s.get_path("include") + "/Python.h"))' || \
	{ echo 'The headers of Python are missing: install them (Debian: apt-get install python3-dev)'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]' \
		--config-settings=cmake.define.DICUBE_WERROR=ON
	@touch $@

# The published tool has the same import name, so it lives in an environment of its own. The tests
# that let it read our files skip, with the reason, where it cannot be installed.
$(PUBLISHED): $(INSTALLED)
	$(PYTHON) -m venv .venv-published
	-.venv-published/bin/python -m pip install --quiet --disable-pip-version-check dicube==0.3.0
	@touch $@

# Readers of others, which have to understand the DICOM that is written. The tests that ask them skip,
# with the reason, where they cannot be installed.
$(READERS): $(INSTALLED)
	$(PYTHON) -m venv .venv-readers
	-.venv-readers/bin/python -m pip install --quiet --disable-pip-version-check dcm2niix dcmqi nibabel SimpleITK \
		ome-zarr-models tensorstore
	@touch $@

# It needs a pydicom before 3, which nothing else here does.
$(PYDICOM_SEG): $(INSTALLED)
	$(PYTHON) -m venv .venv-pydicom-seg
	-.venv-pydicom-seg/bin/python -m pip install --quiet --disable-pip-version-check pydicom-seg 'pydicom<3'
	@touch $@

# Servers, a browser and checkers that the tests start. The tests that need one skip, with the reason,
# where it is not installed: without root, or on another system than Debian. At RUNLEVEL 1 a server that
# is installed is not started.
PEER_PACKAGES := chromium dcmtk dicom3tools gcc libc6-dev orthanc orthanc-dicomweb
$(PEERS):
	@mkdir -p $(@D)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1; \
		install='apt-get install -qq -y --no-install-recommends $(PEER_PACKAGES)'; \
		$$install >/dev/null 2>&1 || { apt-get -qq update && $$install >/dev/null; } || true; \
	else \
		echo 'For the tests with servers and a browser (Debian): apt-get install $(PEER_PACKAGES)'; \
	fi
	@touch $@

clean:
	rm -rf build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache
