# `make demo` and `make test` need Python 3.11 or newer and make; they set up the rest in .venv.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# tests at a time; a file's tests stay together, so that they share what they set up
TESTS_AT_ONCE ?= 2
# of `make tiny`: folders of photographs, a JSON list of those to take, where its state is kept, and a factor of its time
PHOTOGRAPHS ?= photographs
LISTING ?=
STATE ?= tiny-state
SCALE ?= 1
# the markers of long tests: setup.cfg says what they are
LONG := kills or training or frameworks or network or browser or docs
PYTEST := $(BIN)/python -m pytest -n $(TESTS_AT_ONCE) --dist loadfile

.PHONY: demo test check docs bench tiny constraints lowest clean

$(INSTALLED): setup.cfg constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(INSTALLED)  ## builds a small dataset into ./diffseg30k and shows it
	$(BIN)/diffseg30k demo

test: $(INSTALLED)  ## all tests but the long ones
	$(PYTEST) -m "not ($(LONG))"

check: $(INSTALLED)  ## lint, types and the long tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(PYTEST) -m "$(LONG)"

docs: $(INSTALLED)  ## the website of the documentation and the API, into ./site; a broken link is an error
	$(BIN)/mkdocs build --strict

bench: $(INSTALLED)  ## the benchmarks: ratios of two things measured in turn
	$(BIN)/python -m performance

tiny: $(INSTALLED)  ## trains the tiny checkpoints from PHOTOGRAPHS (folders), and publishes them into the package
	nice -n 19 $(BIN)/python -m generation.generators.tiny.training $(PHOTOGRAPHS) --state $(STATE) --scale $(SCALE) \
	  $(if $(LISTING),--listing $(LISTING))
	$(BIN)/python -m generation.generators.tiny.training.publish --state $(STATE)

constraints:  ## writes constraints.txt anew: the newest versions, as pip resolves them in an empty environment
	rm -rf $(VENV)-constraints
	$(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip install --quiet --upgrade pip
	$(VENV)-constraints/bin/python -m pip install --quiet '.[dev]'
	{ echo "# The versions that were run together, with Python 3.11 on Linux: make constraints"; \
	  $(VENV)-constraints/bin/python -m pip freeze --exclude diffseg30k | grep -v ' @ ' | LC_ALL=C sort -f; } > constraints.txt
	rm -rf $(VENV)-constraints

lowest:  ## the tests but the long ones, with the lowest versions that setup.cfg allows
	rm -rf $(VENV)-lowest
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet uv
	$(VENV)-lowest/bin/uv pip install --quiet --python $(VENV)-lowest/bin/python --resolution lowest-direct \
	  --editable '.[dev]'
	$(VENV)-lowest/bin/python -m pytest -n $(TESTS_AT_ONCE) --dist loadfile -m "not ($(LONG))"

clean:
	rm -rf $(VENV) diffseg30k diffseg30k-run diffseg30k-gallery site
