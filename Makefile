# demo · run · build · bench · validate · deploy · destroy · test · lint · format · simulate · lock
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PATHS := layers/snapshot_tuner:functions:.
SOURCES := functions layers/snapshot_tuner devkit tests

.PHONY: help demo run run-vefaas build build-vefaas bench validate deploy destroy check test lint format docs licences simulate simulate-day lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

# One environment, from pinned and hashed requirements; made anew when these change.
$(STAMP): requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.x")'
	@echo "Installing the pinned requirements into $(VENV) (once) ..."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r requirements-dev.txt
	@touch $@

demo: $(STAMP) ## show the real handlers at work against a stand-in for the RTC API, as a live table
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.demo

run: $(STAMP) ## run the whole application on this machine, under AWS's Lambda runtime emulator; IAM=1: its ledger as ElastiCache; POLICY=FILE: a policy of yours
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.local_runtime $(if $(IAM),--iam) $(if $(POLICY),--policy $(POLICY))

run-vefaas: $(STAMP) ## run both functions of veFaaS on this machine, with the platform's side emulated
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.vefaas

build: $(STAMP) ## build what is deployed, into .build/deploy; say its sizes
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.build

build-vefaas: $(STAMP) ## build what is deployed on Volcengine's veFaaS, as a zip; say its sizes
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.build.vefaas

bench: $(STAMP) ## benchmark an event against a usual handler and an empty one: a table
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.benchmarks $(if $(RUNS),--runs $(RUNS))

validate: $(STAMP) ## lint template.yaml as SAM translates it; nothing is asked of AWS
	@$(BIN)/python -m devkit.template

deploy: validate build ## deploy what `make build` made, with the SAM CLI; asks for what is missing; STAGE=dev or STAGE=prod
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.deployment deploy $(STAGE)

destroy: $(STAMP) ## delete the stack (keeps the ledger; LEDGER=delete deletes it too); STAGE=dev or STAGE=prod
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.deployment destroy $(STAGE) $(if $(filter delete,$(LEDGER)),--delete-ledger)

check: $(STAMP) ## run lint, types and the quick tests of what has changed, in half a minute
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.check

test: lint ## run lint, types and the whole test suite; as root on Debian fetch what some tests need; EFFORT=10: more cases
	@sh tests/machine.sh
	$(BIN)/python -m pytest -n 3 --no-loadscope-reorder $(if $(EFFORT),--timeout $$((120 * $(EFFORT))))

lint: $(STAMP) ## run ruff and mypy strict
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy

format: $(STAMP) ## format the code and fix what ruff can
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

docs: $(STAMP) ## make a static site of the pages in .build/site; a link that leads nowhere fails it
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.site

licences: $(STAMP) ## list whose code is deployed or kept here, under which licence; fails on one that is not allowed
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.licences

LOCK := $(abspath $(BIN))/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11

lock: $(STAMP) ## regenerate the requirements files from their .in files
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	$(LOCK) --constraint requirements-dev.txt layers/dependencies/requirements.in -o layers/dependencies/requirements.txt
	$(LOCK) --constraint requirements-dev.txt functions/vefaas/requirements.in -o functions/vefaas/requirements.txt
	$(LOCK) --no-deps devkit/local_runtime/rie-requirements.in -o devkit/local_runtime/rie-requirements.txt
	$(LOCK) devkit/local_runtime/ric-requirements.in -o devkit/local_runtime/ric-requirements.txt
	$(LOCK) --constraint requirements-dev.txt devkit/benchmarks/peer-requirements.in -o devkit/benchmarks/peer-requirements.txt

simulate: $(STAMP) ## simulate runs with every fault: SEEDS=1000 STORE=valkey, or SEED=7 to replay one
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.simulation --store $(or $(STORE),sqlite) $(if $(SEED),--seed $(SEED) --fault $(or $(FAULT),everything),--seeds $(or $(SEEDS),100))

simulate-day: $(STAMP) ## simulate a day with 10,000 tasks and adjustments that end; some minutes
	@PYTHONPATH=$(PATHS) $(BIN)/python -m devkit.simulation.day

clean: ## remove what the other targets made
	rm -rf $(VENV) .build .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis
