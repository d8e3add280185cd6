# Two commands do all the set-up: make demo, make test. Needs Python 3.11 or newer and make; works with GNU make 3.81.

.DEFAULT_GOAL := help
PYTHON ?= python3
UV := $(shell command -v uv 2>/dev/null || echo .uv/bin/uv)
RUN := .venv/bin
ready := .venv/.ready
catalogs := $(patsubst %.po,%.mo,$(wildcard src/closeout/locale/*/LC_MESSAGES/*.po))

# Tests start many short processes; without compiled files each of them compiles everything again.
unexport PYTHONDONTWRITEBYTECODE

# Many tests wait for a server, a browser or a rate limit: one process more than there are cores.
WORKERS ?= $(shell n=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1); [ $$n -ge 3 ] && echo 4 || echo $$((n + 1)))

.PHONY: help demo serve test test-web lighthouse check ready browser style types layers sql-style tests format clean lake test-spark screen-agreement test-hostile bench-screen bench-records tax-agreement crash-clearing crash-closing crash-machines crash-mutants demo-exit bench-engine bench-okx bench-clearing bench-live bench-portal soak storms

help: ## show this
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /	/' | sort | awk -F '	' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: ready ## the main job from blocked to closed; the proof lies in demo-output
	$(RUN)/closeout demo $(ARGS)

serve: ready ## the site with seeded people on http://127.0.0.1:8000
	$(RUN)/closeout serve $(ARGS)

test: ready browser ## every test, linter, type check and house rule
	@$(MAKE) --no-print-directory --jobs 2 style layers types sql-style
	$(RUN)/pytest --numprocesses $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

test-web: ready browser ## the portal's gate in a real Chromium, and its texts; two minutes on two cores
	$(RUN)/pytest tests/web --numprocesses $(WORKERS) --dist loadgroup $(ARGS)

lighthouse: ready browser ## Lighthouse (accessibility, best practices and SEO must be 100) and html-validate over the pages; needs node
	@command -v npx >/dev/null || { echo "closeout: make lighthouse needs node 20 or newer with npx: https://nodejs.org"; exit 1; }
	$(RUN)/pytest tests/web/lighthouse.py --quiet $(ARGS)

check: ready style layers ## the fast subset: style, layers, house rules, core
	$(RUN)/pytest tests/house tests/core $(ARGS)

ready: $(ready) $(catalogs)

.uv/bin/uv:
	@echo "closeout: uv is not installed; putting it into .uv with pip"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "closeout needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Set PYTHON=…")'
	@$(PYTHON) -m pip install --quiet --disable-pip-version-check --target .uv 'uv>=0.9' \
	  || { rm -rf .uv; $(PYTHON) -m venv .uv && .uv/bin/python -m pip install --quiet 'uv>=0.9'; } \
	  || { rm -rf .uv; echo "closeout: uv could not be installed; install it by hand: https://docs.astral.sh/uv"; exit 1; }

$(ready): pyproject.toml uv.lock $(filter .uv/bin/uv,$(UV))
	$(UV) sync --frozen
	@touch $@

%.mo: %.po $(ready)
	$(RUN)/pybabel --quiet compile --input-file $< --output-file $@

browser: ready
	@$(RUN)/python -m tests.web.browser

style: ready
	$(RUN)/ruff check --quiet
	$(RUN)/ruff format --check --quiet

types: ready
	$(RUN)/mypy

crash-clearing: ready ## kill a clearing at every commit point, start again, compare with the undisturbed run
	CRASH_EVERY=1 $(RUN)/pytest tests/clearing/test_crash.py --quiet $(ARGS)

crash-closing: ready ## kill a closing at every commit point, from application to erased, and its server too
	$(RUN)/python -m tests.crash.closing --light $(ARGS)

crash-machines: ready ## kill workers at random, fail over to a standby, fill the disk (needs root), take over from the dead
	$(RUN)/python -m tests.crash.machines $(ARGS)

crash-mutants: ready ## plant bugs in the closing; each must be found within 200 schedules
	$(RUN)/python -m tests.crash.mutants $(ARGS)

demo-exit: ready ## a market exit of 100,000 generated accounts by an injected clock; takes about half an hour
	$(RUN)/python -m benchmarks.exit $(ARGS)

bench-engine: ready ## a million cooling-offs that end, against bare SQL and job queues; growth. Takes half an hour
	$(UV) sync --frozen --group peers
	$(RUN)/python -m benchmarks.engine $(ARGS)

storms: ready ## 10,000 storms of guesses and 10,000 double uses of codes; make test runs 25 of each. Takes a quarter of an hour
	STORMS=10000 $(RUN)/pytest tests/cases/test_storms.py --capture=no $(ARGS)

bench-clearing: ready ## what a clearing costs: round trips, and commands against the bare SQL that writes the same
	$(RUN)/python -m benchmarks.clearing $(ARGS)

bench-portal: ready ## the self-check with 20 holders at once, as a ratio to a page of one trivial question
	$(RUN)/python -m benchmarks.portal $(ARGS)

bench-live: ready ## 300 open streams of events: memory, and every event counted over dropped connections
	$(RUN)/python -m benchmarks.live $(ARGS)

soak: ready ## let anything happen to clearings and to the ledger for longer than make test does
	SOAK_EXAMPLES=300 SOAK_STEPS=50 $(RUN)/pytest tests/clearing/test_machine.py tests/venues/sandbox/test_machine.py --quiet $(ARGS)

layers: ready
	$(RUN)/lint-imports --no-logo

sql-style: .venv/.sql-style

.venv/.sql-style: $(shell find src -name '*.sql') pyproject.toml $(ready)
	$(RUN)/sqlfluff lint --disable-progress-bar src
	@touch $@

format: ready ## let ruff arrange the code
	$(RUN)/ruff check --fix
	$(RUN)/ruff format

clean: ## remove what can be made again
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache demo-output $(catalogs)

lake:
	UV_PROJECT_ENVIRONMENT=.venv/spark $(UV) sync --frozen --extra spark --group lake

test-spark: lake ## the conditions on a real Spark cluster, in an environment of its own
	.venv/spark/bin/python -m pytest tests/lake -p no:randomly $(ARGS)

screen-agreement: lake ## one population with DuckDB and with Spark: the same summary, the same blockers
	.venv/spark/bin/python -m benchmarks.screen_agreement $(ARGS)

test-hostile: ready lake ## 2,000 hostile worlds: oracle, PostgreSQL, DuckDB and Spark agree
	HOSTILE_EXAMPLES=2000 $(RUN)/pytest tests/conditions/test_differential.py $(ARGS)
	HOSTILE_EXAMPLES=2000 .venv/spark/bin/python -m pytest tests/lake -k hostile -p no:randomly $(ARGS)

bench-okx: ready ## a look at an OKX account against the documented limits; memory; start of the program
	$(RUN)/python benchmarks/okx.py $(ARGS)

bench-records: ready ## sealing, verifying, erasing, exporting, each against a floor of the same run
	$(RUN)/python benchmarks/records.py $(ARGS)

# rp2 and BittyTax (AGPL, only run as a program) live in environments of their own, never in ours.
alone := PYTHONPATH=$(CURDIR)/src $(UV) run --quiet --no-project --python $(CURDIR)/$(RUN)/python

tax-agreement: ready ## our tax lots and files against rp2 and BittyTax; needs the network once
	cd $$(mktemp -d) && $(alone) --with rp2==1.7.2 python $(CURDIR)/tests/agreement/rp2_lots.py
	cd $$(mktemp -d) && $(alone) --with BittyTax==0.6.0 --with pyarrow --with duckdb --with psycopg[binary] \
	  python $(CURDIR)/tests/agreement/bittytax_audit.py

bench-screen: ready lake ## screening measured against decoding, Spark, Python and rule engines
	$(UV) sync --frozen --group peers
	$(RUN)/python benchmarks/screening.py $(ARGS)
