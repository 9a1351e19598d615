# Every target sets up what it needs: a virtual environment in .venv with the locked requirements.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
BENCH_INSTALLED := $(VENV)/.installed-bench

.DEFAULT_GOAL := help
.PHONY: help install browser demo test soak check format bench lock clean

help: ## Show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

install: $(INSTALLED) ## Install the locked requirements and the project into .venv

demo: $(INSTALLED) ## Run the main job against a real MongoDB, started for the occasion
	@$(BIN)/python -m examples.demo

# The page of a recording is looked at in a real browser. Where none can be installed those tests say so and are skipped.
browser: ## Install Debian's Chromium for the tests, where it is missing and may be installed
	@command -v chromium chromium-browser google-chrome >/dev/null || test -n "$$CHROMIUM" \
		|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null && echo "installing chromium" \
			&& apt-get update -qq >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
			--no-install-recommends chromium >/dev/null; } \
		|| echo "no chromium: the tests that look at a page in a browser will be skipped"

test: $(INSTALLED) browser ## Run every test against a real MongoDB, with branch coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest --numprocesses 3 --dist loadfile
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report

soak: $(INSTALLED) ## Kill primaries and consumers again and again under load, and tell the figures
	@$(BIN)/python -m pytest tests/failover tests/survival --soak

check: $(INSTALLED) ## Format, lint, types, import contracts
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/pyright
	@PATH="$(CURDIR)/$(BIN):$$PATH" pyright --ignoreexternal --verifytypes llm_devops_mongodb
	@$(BIN)/lint-imports

format: $(INSTALLED) ## Put the code in shape
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(BENCH_INSTALLED) ## Time this library beside PyMongo and its peers
	@$(BIN)/python -m benchmarks

lock: ## Choose new versions for requirements/*.lock
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
		--all-extras --group dev pyproject.toml -o requirements/dev.lock --quiet
	@$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade \
		--group bench -c requirements/dev.lock -o requirements/bench.lock --quiet pyproject.toml

clean: ## Remove the virtual environment and everything made
	@rm -rf $(VENV) build dist .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(VENV)/.made:
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# The project is installed last, editable and without its requirements: those are the locked ones.
$(INSTALLED): requirements/dev.lock pyproject.toml | $(VENV)/.made
	@echo "installing the locked requirements into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(BENCH_INSTALLED): requirements/bench.lock $(INSTALLED)
	@echo "installing the peers of the benchmarks into $(VENV)"
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/bench.lock
	@touch $@
