# Everything a newcomer, a developer and CI type. Needs Debian's python3 (3.11 or newer), make and git; nothing else.

UV_VERSION := 0.13.9
PYTHON ?= python3
UV := .uv/bin/uv
RUN := .venv/bin
PROCESSES ?= 3
NATIVE := streams/sampling/_native.so
NATIVE_SOURCES := $(wildcard streams/sampling/*.zig) hatch_build.py
export UV_PYTHON_DOWNLOADS := never
export UV_SYSTEM_CERTS := true
export UV_LINK_MODE ?= copy

.PHONY: help setup demo up test check lint types imports unit faults fuzz docs dashboards bench bench-scaling bench-memory bench-sink bench-latency bench-detect bench-draw bench-panels frame-verify desk-load clean

help: ## what can be made
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 24

setup: .venv/.developer ## install everything into .venv (done by the others when it is needed)

$(UV):
	@echo "Installing uv $(UV_VERSION) into .uv"
	@$(PYTHON) -m venv .uv
	@.uv/bin/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)

.venv/.product: $(UV) pyproject.toml uv.lock $(NATIVE_SOURCES)
	@echo "Installing Tafol and what it needs into .venv (once)"
	@$(UV) sync --locked --inexact --no-default-groups --python $(PYTHON)
	@$(ensure_native)
	@touch $@

.venv/.developer: $(UV) pyproject.toml uv.lock $(NATIVE_SOURCES)
	@echo "Installing Tafol, what it needs and the developers' tools into .venv (once)"
	@$(UV) sync --locked --inexact --python $(PYTHON)
	@$(ensure_native)
	@touch $@ .venv/.product

# uv keeps what it built of this folder before, but not the library that the build put beside its source
ensure_native = test -e $(NATIVE) -a -z "$$(find $(NATIVE_SOURCES) -newer $(NATIVE))" || $(UV) sync --locked --inexact --no-default-groups --reinstall-package tafol --python $(PYTHON)

demo: .venv/.product ## four simulated weeks through the whole pipeline, in about a minute
	@$(RUN)/tafol demo

up: .venv/.product ## everything on this machine, until Ctrl-C
	@$(RUN)/tafol up

test: .venv/.developer check ## all checks and all tests
	@# Much of it waits, so there are more processes than cores, each with servers of its own; what takes long comes first.
	$(RUN)/pytest -q -n $(PROCESSES) --dist loadfile --no-loadscope-reorder tests/fault tests/e2e tests/integration tests/contract

check: .venv/.developer lint types imports unit ## ruff, mypy, import rules, docs, unit and property tests: no server needed

lint: .venv/.developer
	$(RUN)/ruff check .
	$(RUN)/ruff format --check .

types: .venv/.developer
	$(RUN)/mypy

imports: .venv/.developer
	$(RUN)/lint-imports

unit: .venv/.developer
	$(RUN)/pytest -q -n auto tests/unit

faults: .venv/.developer ## break everything in mid-stream, again and again; a table of what was lost (nothing)
	@$(RUN)/python -m tests.fault $(ARGS)

fuzz: .venv/.developer ## a million malformed records: each rejected with a reason, none crashes anything
	@$(RUN)/python -m tests.fuzz $(ARGS)

docs: .venv/.developer ## write the generated pages: settings, metrics, commands, schemas
	$(RUN)/tafol docs
	$(RUN)/tafol schema export

dashboards: .venv/.developer ## write Grafana's dashboards (ARGS="--desk https://desk.example.org --to FOLDER")
	@$(RUN)/python -m deploy.dashboards $(ARGS)

.venv/.bench: .venv/.developer
	@echo "Installing what only the benches need into .venv (once)"
	@$(UV) sync --locked --inexact --group bench --python $(PYTHON)
	@touch $@

bench: .venv/.bench ## the main path beside Faust, confluent-kafka, Quix and Kafka Streams (ARGS=--quick for a try)
	@$(RUN)/python -m bench.main_path $(ARGS)

bench-scaling: .venv/.bench ## throughput with 1, 2 and 4 partitions and workers
	@$(RUN)/python -m bench.scaling $(ARGS)

bench-memory: .venv/.bench ## peak memory of a worker after 1, 5 and 10 million events
	@$(RUN)/python -m bench.memory $(ARGS)

bench-sink: .venv/.bench ## rows per second into ClickHouse, beside ClickHouse reading the same lines itself
	@$(RUN)/python -m bench.sink $(ARGS)

bench-latency: .venv/.bench ## from a transaction produced to its review task readable
	@$(RUN)/python -m bench.latency $(ARGS)

bench-detect: .venv/.developer ## how long detection runs without a drop and how soon it finds one, beside EWMA, CUSUM and others
	$(RUN)/python -m bench.detect

bench-draw: .venv/.developer ## memory of the draw stage with a weekly quota of every colleague
	@$(RUN)/python -m bench.draw_state $(ARGS)

bench-panels: .venv/.developer ## seconds of every Grafana panel with 10 and 100 million transactions
	@$(RUN)/python -m bench.panels $(ARGS)

desk-load: .venv/.developer ## 200 reviewers on one desk that is killed 20 times: nothing held twice, nothing lost; claim p95
	@$(RUN)/python -m bench.desk_load $(ARGS)

frame-verify: .venv/.developer ## a simulated fortnight through the real pipeline, then every decision of it made again
	@$(RUN)/python -m bench.frame_verify $(ARGS)

clean: ## remove what was installed here; data and caches of the user stay
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
