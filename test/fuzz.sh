#!/bin/sh
# Runs every fuzz target of the named packages for 10 s (FUZZTIME says otherwise).
set -eu
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# fuzz runs one target. Go calls it a failure ("context deadline exceeded") when
# its time is up while it makes an interesting input smaller: without a failing
# input that is none, so it is run once more.
fuzz() {
	go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-10s}" -parallel 2 "$1" >"$out" 2>&1 && { cat "$out"; return 0; }
	cat "$out"
	grep -q 'context deadline exceeded' "$out" && ! grep -q 'Failing input' "$out" || return 1
	go test -run '^$' -fuzz "^$2\$" -fuzztime "${FUZZTIME:-10s}" -parallel 2 "$1"
}

found=0
for package in $(go list "$@"); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || :); do
		echo "$package $target"
		fuzz "$package" "$target" || exit 1
		found=$((found + 1))
	done
done
echo "$found fuzz targets"
[ "$found" -ge 5 ] || { echo "five are expected: callback query, token answer, vault frames, provider files, API requests"; exit 1; }
