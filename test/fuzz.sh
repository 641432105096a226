#!/bin/bash
# fuzz.sh TIME: run every fuzz target for so long. go test takes one at a time.
#
# Note: up to Go 1.26 the fuzzer's coordinator sometimes takes the end of -fuzztime
# for a failure (golang.org/issue/75804, mended in 1.27). Such a run says nothing but
# "context deadline exceeded", where a finding names the input it wrote; it is
# repeated, so that every target passes a whole run. A third one in a row fails.
set -euo pipefail
each=${1:?usage: fuzz.sh TIME, for instance 10s}
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

fuzz() {
	go test -run '^$' -fuzz "^$2\$" -fuzztime "$each" -fuzzminimizetime 5s "$(dirname "$1")" </dev/null 2>&1 | tee "$log"
}

# What follows "--- FAIL" in the log is the deadline alone.
only_the_deadline() {
	! grep -qE 'Failing input|panic|hung or terminated' "$log" &&
		[ "$(sed -n '/^--- FAIL/,/^FAIL/p' "$log" | sed 1d | grep -vcE '^FAIL|^ +context deadline exceeded$')" = 0 ] &&
		grep -q '^ *context deadline exceeded$' "$log"
}

grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /	/' | sort -u |
	while IFS='	' read -r file target; do
		for attempt in 1 2 3; do
			echo "fuzz $target in $(dirname "$file")"
			if fuzz "$file" "$target"; then
				continue 2
			fi
			if ! only_the_deadline; then
				exit 1
			fi
			echo "fuzz $target: the fuzzer met its own deadline (attempt $attempt)"
		done
		exit 1
	done
