# Targets: build demo install uninstall deb rpm tarball sbom reproducible container packages-test test check cross bench
# fuzz archives rewritings cover interop rollover fleet-bench peers
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
RACE     := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
FUZZTIME ?= 1m
BENCH    ?= .
# Optional parts of the program: make build TAGS=pkcs11, make bench TAGS=pkcs11.
TAGS     ?=

build:
	go build -tags '$(TAGS)' -ldflags "-X dnseal/cmd/internal/cli.release=$$(./.ci/version) -X dnseal/cmd/internal/cli.commit=$$(./.ci/version commit)" -o bin/dnseal ./cmd/dnseal

# make install PREFIX=/usr DESTDIR=/tmp/root; make deb ARCH=arm64: for another architecture, by Go's name of it.
PREFIX  ?= /usr/local
DESTDIR ?=
ARCH    ?= $(shell go env GOHOSTARCH)
export TAGS

install:
	./.ci/stage bin/stage-$(ARCH) $(ARCH)
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh bin/stage-$(ARCH)/install.sh

uninstall:
	test -f bin/stage-$(ARCH)/install.sh || ./.ci/stage bin/stage-$(ARCH) $(ARCH)
	DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh bin/stage-$(ARCH)/install.sh uninstall

# Packages for one architecture, in bin/packages. The same commit has the same bytes, in whatever folder.
deb rpm tarball sbom:
	./.ci/package bin/packages $(ARCH) $@

# Builds all of them in two clones of the commit, and compares.
reproducible:
	./.ci/reproducible $(ARCH)

# A container image: the static program, certificates of CAs, no shell, no root. Needs buildah.
container:
	./.ci/container $(ARCH)

demo:
	@go run ./cmd/dnseal demo

test:
	@./.ci/peers-missing
	go test $(RACE) -shuffle=on -timeout 20m ./...
	# RACE stands for cgo here, which PKCS #11 needs.
	test -z '$(RACE)' || go test $(RACE) -shuffle=on -timeout 20m -tags pkcs11 ./sender/identity/pkcs11
	test -z '$(RACE)' || go test $(RACE) -timeout 20m -tags pkcs11 -run '^TestTokens$$' ./sender/identity/provision ./cmd/internal/service
	test -z '$(RACE)' || go test -tags pkcs11 -run '^TestScript$$/^(identity|fleet)-pkcs11$$' ./cmd/dnseal

check:
	$(GOLANGCI) run ./...
	test -z '$(RACE)' || $(GOLANGCI) run --build-tags pkcs11 ./sender/identity/... ./cmd/internal/service/...
	./.ci/house
	# The tests of the milter need its library, which does not build for 32 bits.
	GOARCH=386 CGO_ENABLED=0 go vet ./lookup/... ./receiver/... ./sender/... ./smime/...
	GOOS=linux GOARCH=arm CGO_ENABLED=0 go build -o /dev/null ./...
	./.ci/cross
	GOOS=windows GOARCH=amd64 go build ./...
	go mod tidy -diff
	go mod verify

# Builds for other systems with their sizes; all of them, also of the whole program.
cross:
	./.ci/cross all

bench:
	go test -tags '$(TAGS)' -run '^$$' -bench '$(BENCH)' -benchmem -timeout 2h -p 1 ./...

fuzz:
	./.ci/fuzz $(FUZZTIME)

# A verdict for each of 100,000 messages in an archive of every form, and by evidence of as many.
archives:
	go test ./cmd/dnseal -run '^TestArchives$$' -archive 100000 -timeout 2h -v
	go test ./receiver/evidence -run '^TestManyMessages$$' -messages 100000 -timeout 2h -v

# 100,000 generated messages, signed, pass every rewriting of mail systems; make test takes 100 of them.
rewritings:
	go test -count=1 -timeout 2h -run '^TestRewritings$$' -v ./smime -rewritings 100000

# 1,000 identities get new keys at each name server while mail of all of them is signed and verified; make test
# takes 20 of them. SERVERS=bind: at one of them.
SERVERS ?= knot bind powerdns sandbox
rollover:
	set -e; for server in $(SERVERS); do \
		go test -count=1 -timeout 1h -run '^TestRolloverUnderLoad$$' -v ./cmd/internal/lifetest -identities 1000 -pace 0 -server $$server; \
	done

# Zones with 300,000 names: updates, a tree of zones, churn, PostgreSQL; a million devices. Takes an hour; NAMES=30000: minutes.
NAMES ?= 300000
fleet-bench:
	go test -run '^$$' -bench '^Benchmark(Bulk|Tree|Churn)$$' -benchtime 1x -timeout 3h -v ./lookup/publish -names $(NAMES)
	go test -run '^$$' -bench '^BenchmarkPostgres$$' -benchtime 1x -timeout 3h -v ./lookup/publish/powerdns -names $(NAMES)
	go test -run '^$$' -bench '^BenchmarkZoneSize$$' -timeout 1h -v ./cmd/internal/lifetest -names $(NAMES)
	go test -count=1 -timeout 1h -run '^TestMany$$' -v ./sender/fleet -fleet 1000000

cover:
	go test -cover ./...

interop:
	root=$$(./.ci/interop-root) && go test -count=1 -timeout 30m -run '^TestInterop' -v ./smime -bouncycastle -debian13="$$root"

# Debian 12 and 13, made once below the user's cache folder: the package is installed there, upgraded over
# a changed configuration, removed, purged, and used as README says.
packages-test:
	./.ci/packages-test

peers:
	./.ci/peers

.PHONY: build demo install uninstall deb rpm tarball sbom reproducible container packages-test test check cross bench \
	fuzz archives rewritings cover interop rollover fleet-bench peers
