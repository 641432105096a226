#!/bin/sh
# fuzz.sh TIME: run every fuzz target for so long. go test takes one at a time.
set -eu
each=${1:?usage: fuzz.sh TIME, for instance 10s}
cd "$(dirname "$0")/.."
grep -rHo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]*' . | sed 's/:func /	/' | sort -u |
	while IFS='	' read -r file target; do
		echo "fuzz $target in $(dirname "$file")"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$each" -fuzzminimizetime 5s "$(dirname "$file")" </dev/null
	done
