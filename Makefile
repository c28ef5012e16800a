# What this project can do; `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
GOLANGCI_VERSION := v2.15.0

GOLANGCI := bin/golangci-lint-$(GOLANGCI_VERSION)
NODE_MODULES = $(1)/node_modules/.package-lock.json
MODULE := github.com/signet-auth/signet
# Packages of others that calculate a lot: the race detector would watch each of their memory accesses, which takes ten times as long and finds
# no race of ours. None may use atomics: what it does not see of these, it takes for races elsewhere.
UNWATCHED := modernc.org/sqlite/lib golang.org/x/crypto/argon2
RACE := -race $(UNWATCHED:%=-gcflags=%=-race=false) -ldflags=-w

.PHONY: help
help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 13

.PHONY: run
run: ## Run the server on http://127.0.0.1:8080, with SQLite under ./signet-data
	go run ./cmd/signet serve

.PHONY: build
build: ## Build the static binary, bin/signet
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X $(MODULE)/internal/cli.version=$(VERSION)' -o bin/signet ./cmd/signet

.PHONY: release
release: ## Make tarballs, Debian packages, SBOMs and checksums of the commit under dist/
	deploy/release $(VERSION) dist amd64 arm64

.PHONY: release-check
release-check: ## Make a release of the commit in two folders, and compare; with lintian, if it is installed, look at the Debian package
	dir=$$(mktemp -d); trap 'rm -rf $$dir' EXIT; \
	git clone --quiet --shared . $$dir/one; git clone --quiet --shared . $$dir/another/longer; \
	$$dir/one/deploy/release $(VERSION) $$dir/1; $$dir/another/longer/deploy/release $(VERSION) $$dir/2; \
	cat $$dir/1/SHA256SUMS; diff $$dir/1/SHA256SUMS $$dir/2/SHA256SUMS; \
	if type lintian &>/dev/null; then lintian --fail-on error,warning --allow-root $$dir/1/*.deb; fi

.PHONY: check
check: fmt lint ## Format, vet, lint and test with what is installed: the quick round
	go test ./...

.PHONY: test
test: export CI := true
test: export TEST_BUILD_FLAGS := $(RACE) # of the servers that they start
test: tools fmt lint $(call NODE_MODULES,test/interop) $(call NODE_MODULES,examples/node) ## Everything, with the race detector and both databases; installs what it needs
	packages=$$(go list ./... | grep -v /test/); \
	go test $(RACE) -vet=off -timeout 20m ./internal/store $$packages # the longest first, beside which the others run
	CGO_ENABLED=0 go test -vet=off -timeout 20m ./test/... # which drive other programs, so that races are there

.PHONY: fmt
fmt: ## Fail if a Go file is not as gofmt would have it
	@unformatted=$$(gofmt -l .); \
	if [[ -n $$unformatted ]]; then echo "not formatted:" $$unformatted >&2; exit 1; fi

.PHONY: lint
lint: export CGO_ENABLED := 0
lint: $(GOLANGCI) ## Run go vet and other linters, which also hold the rules of who may import whom
	$(if $(CI),CGO_ENABLED=1 GOFLAGS='$(RACE)') $(GOLANGCI) run # in CI as the tests are built, so that all share what is compiled
	cd bench && ../$(GOLANGCI) run
	cd test/interop && ../../$(GOLANGCI) run
	cd examples/golang-jwt && ../../$(GOLANGCI) run

.PHONY: reference
reference: ## Write the pages of docs/reference that say what the code says
	UPDATE_REFERENCE=1 go test ./internal/... ./test/reference -run 'TestTheReferenceOf'

.PHONY: bench
bench: ## Measure issuing and introspecting beside node oidc-provider
bench: $(call NODE_MODULES,bench/oidc-provider)
	test/tools postgres wrk
	go run -C bench .

.PHONY: bench-scale
bench-scale: ## Measure that, and how Signet fares with ten million tokens; takes half an hour
bench-scale: $(call NODE_MODULES,bench/oidc-provider)
	test/tools postgres wrk
	go run -C bench . -scale

.PHONY: bench-verify
bench-verify: ## Measure verifying tokens in services, and how soon they refuse revoked ones
	test/tools postgres
	go test -C bench ./verify -run NONE -bench .
	go run -C bench . -refusals 400

.PHONY: bench-day
bench-day: ## Simulate a day of tokens, and show that nothing grows for ever; takes twenty minutes
	test/tools postgres
	go run -C bench . -day 1000
	dir=$$(mktemp -d) && go run -C bench . -day 100 -database sqlite:$$dir/signet.db && rm -r $$dir

.PHONY: failover
failover: ## Let PostgreSQL fail over ten times under full load
	test/tools postgres
	go test -v ./test/e2e -run TestAFailoverOfPostgres -timeout 20m -failovers 10

.PHONY: tools
tools: ## Install the programs that the tests drive, from Debian's packages
	test/tools compiler postgres pgbouncer chromium npm curl openssl nginx haproxy caddy promtool systemd-analyze ip man authlib pyjwt mod_auth_openidc

.PHONY: clean
clean: ## Remove what the other targets made, but never ./signet-data
	rm -rf bin dist test/interop/node_modules examples/node/node_modules bench/oidc-provider/node_modules

$(GOLANGCI):
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
	mv bin/golangci-lint $@

%/node_modules/.package-lock.json: %/package-lock.json | npm
	npm ci --prefix $*
	touch $@

.PHONY: npm
npm:
	@test/tools npm
