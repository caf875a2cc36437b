.POSIX:
.PHONY: help run install test check prove bench packages
# With it, each process of the tests would compile the project again.
unexport PYTHONDONTWRITEBYTECODE
BIN = .venv/bin
BIOME = node_modules/@biomejs/cli-*/biome

help: ## This list
	@sed -n 's/^\([a-z][a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-15s %s\n", $$1, $$2 }'

run: .venv/run.stamp ## Start the station; Ctrl-C stops it
	@exec $(BIN)/skycam up

install: .venv/run.stamp

test: .venv/dev.stamp packages ## The whole test suite
	$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: .venv/dev.stamp node_modules/installed.stamp ## Format, lint, types and import contracts, in seconds
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/djangofmt --check templates
	$(BIN)/djangofmt check templates
	$(BIOME) check --error-on-warnings
	@sh scripts/check-line-lengths
	$(BIN)/mypy
	$(BIN)/lint-imports

prove: .venv/dev.stamp packages ## The long runs: kills, soak, databases; ends with a summary
	$(BIN)/python -m pytest -m prove -v -rA

bench: .venv/dev.stamp ## Speed, as a table with versions and cores
	-@sh scripts/system-packages bench
	$(BIN)/python -m bench

packages: ## What the tests need beyond Python's wheels
	@sh scripts/system-packages

.venv/run.stamp: requirements/run.lock pyproject.toml scripts/install
	@sh scripts/install run

.venv/dev.stamp: requirements/dev.lock pyproject.toml scripts/install
	@sh scripts/install dev

node_modules/installed.stamp: package.json package-lock.json
	@command -v npm >/dev/null || { echo "make check and the tests need npm: apt install npm" >&2; exit 1; }
	npm ci --silent --ignore-scripts --no-audit --no-fund
	@touch $@
