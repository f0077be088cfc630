# Targets: build demo test check bench fuzz cover peers interop
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
RACE     := $(shell command -v $${CC:-cc} >/dev/null 2>&1 && echo -race)
FUZZTIME ?= 1m

build:
	go build -o bin/dnseal ./cmd/dnseal

demo:
	@go run ./cmd/dnseal demo

test:
	@./.ci/peers-missing
	go test $(RACE) -shuffle=on ./...

check:
	$(GOLANGCI) run ./...
	go vet ./...
	GOARCH=386 CGO_ENABLED=0 go vet ./...
	go mod tidy -diff

bench:
	go test -run '^$$' -bench . -benchmem ./...

fuzz:
	./.ci/fuzz $(FUZZTIME)

cover:
	go test -cover ./...

peers:
	./.ci/peers

interop:
	go test -count=1 -run '^TestInterop' -v ./smime -bouncycastle

.PHONY: build demo test check bench fuzz cover peers interop
