#!/bin/sh
# Runs every fuzz target of the named packages for 10 s (FUZZTIME says otherwise).
set -eu
found=0
for package in $(go list "$@"); do
	for target in $(go test -list '^Fuzz' "$package" | grep '^Fuzz' || :); do
		echo "$package $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-10s}" -parallel 2 "$package"
		found=$((found + 1))
	done
done
echo "$found fuzz targets"
[ "$found" -ge 5 ] || { echo "five are expected: callback query, token answer, vault frames, provider files, API requests"; exit 1; }
