# Dancecard. Needs Go 1.26, make and git; the rest is installed by name (test/packages.txt).
#   make run    opens Dancecard on a throw-away home with a demo provider
#   make tour   does the same job unattended and shows what it saw
#   make test   everything that must hold

export GOFLAGS := -buildvcs=false -trimpath
TAGS := -tags gles
BIN := build/dancecard build/dancectl build/demo-provider

.PHONY: run tour test pictures build vet deps clean deps-build deps-tour build/tour-guide $(BIN)

run:
	@test/run.sh

tour: deps-tour build build/tour-guide
	@build/tour-guide

test:
	@test/check.sh

pictures: tour
	@cp build/tour/accounts.png docs/accounts.png

build: deps-build $(BIN)

build/dancecard:
	@echo "building $@ (the first time takes a minute)"
	@go build $(TAGS) -o $@ .
build/dancectl:
	@CGO_ENABLED=0 go build -o $@ ./cmd/dancectl
build/demo-provider:
	@CGO_ENABLED=0 go build -o $@ ./cmd/demo-provider
build/tour-guide:
	@CGO_ENABLED=0 go build -o $@ ./test/tour

vet: deps-build
	go vet $(TAGS) ./...

deps:
	@test/install.sh build run tour test
deps-build:
	@test/install.sh build
deps-tour:
	@test/install.sh build tour

clean:
	rm -rf build
