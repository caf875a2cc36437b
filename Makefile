.POSIX:
.PHONY: help run install client test test-stations check docs prove bench packages
# With it, each process of the tests would compile the project again.
unexport PYTHONDONTWRITEBYTECODE
BIN = .venv/bin
# Whatever ends a run, none of its processes and temporary files are left.
RUN = $(BIN)/python scripts/contain.py $(BIN)/python
BIOME = node_modules/@biomejs/cli-*/biome

help: ## This list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-20s %s\n", $$1, $$2 }'

run: .venv/run.stamp ## Start the station; Ctrl-C stops it
	@exec $(BIN)/skycam up

install: .venv/run.stamp

client: .venv/dev.stamp ## The wheel of the Python client, in dist/
	@cd client && ../$(BIN)/python -m hatchling build --target wheel --directory ../dist

test: .venv/dev.stamp packages ## All quick tests, and a whole station for each promise
	@$(RUN) -m tests.harness.runs first

test-stations: .venv/dev.stamp packages ## All other tests: whole stations, and what takes longer
	@$(RUN) -m tests.harness.runs stations

check: .venv/dev.stamp node_modules/installed.stamp ## Format, lint, types and import contracts, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djangofmt --check templates
	$(BIN)/djangofmt check templates
	$(BIOME) check --error-on-warnings
	@sh scripts/check-line-lengths
	$(BIN)/python scripts/check_waits.py
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m tests.harness.documents.reference --check

docs: .venv/dev.stamp ## The parts of documents that the code writes: commands, routes, resources, keys, diagrams
	$(BIN)/python -m tests.harness.documents.reference

prove: .venv/dev.stamp packages ## The long runs: kills, soak, databases; ends with a summary
	@$(RUN) -m pytest --tier prove -v -rA

bench: .venv/dev.stamp ## Speed, as a table with versions and cores
	-@sh scripts/system-packages bench
	@$(RUN) -m bench

packages: ## What the tests need beyond Python's wheels
	@sh scripts/system-packages

.venv/run.stamp: requirements/run.lock pyproject.toml scripts/install
	@sh scripts/install run

.venv/dev.stamp: requirements/dev.lock pyproject.toml scripts/install
	@sh scripts/install dev

node_modules/installed.stamp: package.json package-lock.json
	@command -v npm >/dev/null || { echo "make check and the tests need npm: apt install npm" >&2; exit 1; }
	@echo "Installing the packages of package-lock.json into node_modules." >&2
	npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
