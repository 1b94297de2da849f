#!/bin/sh
# Statement coverage floors: the parts where an untested line is a hole.
#   test/coverage.sh PROFILE
set -eu
[ -s "$1" ] || { echo "there is no profile $1"; exit 1; }
awk -v module=dancecard '
BEGIN {
	n = split("dance/loopback.go vault/[^/]*.go ipc/server/(peer|proc_|sandbox_|carrier)[^/]*.go", floor, " ")
}
NR > 1 {
	split($1, at, ":")
	for (i = 1; i <= n; i++)
		if (at[1] ~ "^" module "/" floor[i] "$") {
			key = i SUBSEP $1
			if (!(key in seen)) { seen[key] = $2; total[i] += $2 }
			if ($3 > 0 && !(key in hit)) { hit[key] = 1; covered[i] += $2 }
		}
}
END {
	for (i = 1; i <= n; i++) {
		share = total[i] ? 100 * covered[i] / total[i] : 0
		printf "%-52s %5.1f %% of %d statements\n", floor[i], share, total[i]
		if (share < 90) { print "    is under 90 %"; bad = 1 }
	}
	exit bad
}' "$1"
