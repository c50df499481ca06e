# Open Model Gateway. Needs Python >= 3.11 and make; everything else is installed into .venv on the first use.
#
#   make                    this list
#   make up ARGS="…"        arguments for `omg up`
#   make test ARGS="…"      arguments for pytest, e.g. ARGS="tests/unit -k money"
#   make bench ONLY=chat    one of the benchmarks

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
ARGS ?=
ONLY ?=
PYTEST_WORKERS ?= 2
PORTAL_SOURCES := $(shell find portal -type f -not -path '*/node_modules/*' -not -path 'portal/dist/*')
PYTHON_FOLDERS := libs services tests tools

export PYTHON

# pip, uv and npm keep caches in the home folder. Where there is none to write to, as for the user of a container, they keep them
# in the checkout.
ifneq ($(shell cache="$${XDG_CACHE_HOME:-$$HOME/.cache}"; mkdir -p "$$cache" 2>/dev/null && test -w "$$cache" && echo writable),writable)
export XDG_CACHE_HOME := $(CURDIR)/.cache
export npm_config_cache := $(CURDIR)/.cache/npm
endif

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# At once when nothing changed; it decides by the content of the lock files, not by time.
.PHONY: install
install:
	@scripts/install

.PHONY: up
up: install ## Start the whole gateway on this machine, with a demo model, and print how to call it
	@$(BIN)/omg up $(ARGS)

.PHONY: reset
reset: install ## Delete the data and secrets of `make up`
	@$(BIN)/omg reset $(ARGS)

.PHONY: demo-data
demo-data: install ## Fill the dashboard of the running gateway with made-up calls
	@$(BIN)/omg demo-data $(ARGS)

.PHONY: portal
portal: install ## Build the portal
	@$(BIN)/omg portal $(ARGS)

# The browser's tests are served the built portal.
portal/dist/index.html: $(PORTAL_SOURCES) | install
	@$(BIN)/omg portal

.PHONY: test
test: install portal/dist/index.html ## Run all tests (as root on Debian, installs Chromium for the portal's)
	@scripts/install-test-programs
	@$(BIN)/python -m pytest --numprocesses $(PYTEST_WORKERS) --dist loadscope $(ARGS)

CHECKS := check-lint check-format check-types check-imports check-sizes check-addresses

.PHONY: check
check: install ## Lint, types, import rules, file sizes, lock files: no tests, no servers
	@$(MAKE) --keep-going $(CHECKS)

.PHONY: $(CHECKS)
check-lint:
	@$(BIN)/ruff check $(PYTHON_FOLDERS)
check-format:
	@$(BIN)/ruff format --check $(PYTHON_FOLDERS)
check-types:
	@$(BIN)/mypy $(PYTHON_FOLDERS)
check-imports:
	@$(BIN)/lint-imports --no-logo
check-sizes:
	@$(BIN)/python tools/check_file_sizes.py
check-addresses:
	@$(BIN)/python tools/check_addresses.py

.PHONY: bench
bench: install ## Measure the data plane beside nginx (ONLY=name for one benchmark); needs wrk and nginx
	@$(BIN)/python -m tests.load $(ONLY) $(ARGS)

.PHONY: lock
lock: install ## Regenerate every lock file after a change of dependencies
	@scripts/lock $(ARGS)
