#!/bin/sh
# make test: everything that must hold, one timed line a step. A step that fails
# shows what it said; the others still run, but nothing does without a build.
set -eu
cd "$(dirname "$0")/.."
mkdir -p build/log
started=$(date +%s)
tags='-tags gles'
core='./accounts/... ./dance/... ./vault/... ./ipc/... ./cmd/... ./internal/...'
units="$core ./ui/... ."

step() { # name, command...
	name=$1
	shift
	from=$(date +%s)
	printf '%-42s ' "$name"
	log=build/log/$(printf %s "$name" | tr -c 'A-Za-z0-9' -).txt
	if "$@" >"$log" 2>&1; then
		printf 'ok %5d s\n' $(($(date +%s) - from))
		[ ! -s "$log" ] || case $name in Coverage*|Tour) sed 's/^/    /' "$log" ;; esac
	else
		printf 'FAILED after %d s\n' $(($(date +%s) - from))
		cat "$log"
		failed="$failed$name; "
		[ "$name" != Build ] || exit 1
	fi
}
failed=

formatted() {
	bad=$(gofmt -l $(git ls-files '*.go'))
	[ -z "$bad" ] || { echo "gofmt these: $bad"; return 1; }
}
foreign() {
	for os in darwin windows; do
		CGO_ENABLED=0 GOOS=$os go vet $core || return 1
	done
}
pure() {
	CGO_ENABLED=0 go build $core && CGO_ENABLED=0 go test $core
}
units() {
	go test $tags -race -covermode=atomic -coverprofile=build/cover.out $units
}

step 'System packages' test/install.sh build tour test
step 'Format' formatted
step 'Modules' go mod download
step 'Build' make -s build build/tour-guide
step 'Vet' go vet $tags ./...
step 'Staticcheck' go tool staticcheck $tags ./...
step 'Vet for macOS and Windows' foreign
step 'Core without C' pure
step 'Unit tests with the race detector' units
step 'Coverage floors' test/coverage.sh build/cover.out
step 'Fuzz targets, 10 s each' test/fuzz.sh $core
step 'A provider that none of us wrote' test/node.sh
step 'End to end' go test $tags -count=1 -timeout 20m ./test/...
step 'Tour' build/tour-guide
printf 'All in %d s.\n' $(($(date +%s) - started))
[ -z "$failed" ] || { echo "FAILED: $failed"; exit 1; }
