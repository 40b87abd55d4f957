# Everything here sets up what it needs by itself: Python 3.11 or newer and make are enough.
PYTHON ?= python3
BIN := .venv/bin
INSTALL := $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes

# The studio of this folder; its own, so that trying it out touches nothing else.
export STUDIO_HOME ?= $(CURDIR)/.studio

.PHONY: demo up test trials lint docs matrix proof coverage-billing mutation bench format lock clean

demo: .venv/.runtime  ## make a dozen pictures offline, paid from a ledger, on a real Prefect server
	@$(BIN)/studio demo

up: .venv/.runtime  ## start Prefect, the deployments and the file pages; Ctrl-C stops them
	@$(BIN)/studio up

test: .venv/.dev  ## prove that it works
# Files stay whole, for what their tests share; in their order, for the slow ones come first. Three
# at once also on two cores: a third of the time tests wait, for servers to start and clocks to tick.
	@$(BIN)/python -m pytest -n 3 --dist loadfile \
		--no-loadscope-reorder

trials: .venv/.dev  ## what takes minutes each: every form in a browser, the tutorial typed, the API killed
	@$(BIN)/python -m pytest -m trial
# `make test` draws the same examples each time. Here they are others, and more of them.
	@$(BIN)/python -m pytest --hypothesis-profile=trials \
		$$(grep -rl --include='test_*.py' 'from hypothesis' tests)

lint: .venv/.dev  ## style, types, floors
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: .venv/.dev  ## the pages of docs/ as a site in docs/site; a link that leads nowhere fails it
	@$(BIN)/python -m scripts.write_docs
	@$(BIN)/python -m sphinx -q -W --keep-going docs docs/site
	@echo "docs/site/index.html"

matrix: .venv/.dev  ## every operation with every provider: done, or refused with the reason
	@$(BIN)/python -m tests.contract.matrix

proof: .venv/.dev  ## the books under fire: 1,000 random runs on each database, and one crowd
	@$(BIN)/python -m benchmarks.proof --crowd

BILLING := tests/unit/billing tests/integration/billing

coverage-billing: .venv/.dev  ## which lines and branches of billing/ its own tests reach
	@$(BIN)/python -m coverage run --branch --source=billing -m pytest -q $(BILLING)
	@$(BIN)/python -m coverage report --show-missing --skip-covered --fail-under=100

mutation: .venv/.dev  ## break the ledger and the gate on purpose, one place at a time
	@$(BIN)/python -m scripts.mutate_billing

bench: .venv/.dev  ## measure, each figure beside a peer or a limit
	@$(BIN)/python -m benchmarks

format: .venv/.dev  ## put the style right
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# Extras are kept in the locks: pip, when it checks hashes, does not find pinned packages without.
COMPILE := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-strip-extras --no-header --no-emit-index-url --quiet

lock:  ## renew the locks from pyproject.toml (needs uv)
	$(COMPILE) --output-file requirements.lock
	$(COMPILE) --group dev --constraints requirements.lock --output-file requirements-dev.lock
	$(COMPILE) --extra postgres --extra s3 --extra scale --constraints requirements.lock \
		--output-file requirements-scale.lock

clean:  ## throw away the environment and the studio of this folder
	rm -rf .venv .studio

.venv/bin/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Image Studio needs Python 3.11 or newer: make PYTHON=python3.12 ..."; exit 1; }
	@echo "setting up .venv (once; a minute or two)"
	@$(PYTHON) -m venv .venv
# Older ones do not find a package that is pinned by hash when another asks for its extras.
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --upgrade "pip>=25.3"

.venv/.runtime: requirements.lock pyproject.toml | .venv/bin/pip
	@$(INSTALL) -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

.venv/.dev: requirements-dev.lock .venv/.runtime
	@echo "setting up what the tests need (once)"
	@$(INSTALL) -r requirements-dev.lock
	@touch $@
