#!/bin/sh
# capabilities.sh ROOT USER CAPS: ask what there is, and run, as USER with CAPS only.
set -eu
here=$(dirname "$0")
root=$1 user=$2
bound=-all ambient=-all
for cap in $(echo "$3" | tr , ' '); do
	bound=$bound,+$cap ambient=$ambient,+$cap
done
# shellcheck source=test/package/testdata/streams.sh
. "$here/streams.sh"
dumps "$root" apart

PAUSETEST_STATE_DIR=$(mktemp -d)
export PAUSETEST_STATE_DIR
chown "$user" "$PAUSETEST_STATE_DIR"
cd "$PAUSETEST_STATE_DIR"
# Root would get its capabilities back at the next exec, but for the bounding set.
tool() {
	setpriv --reuid="$user" --regid="$user" --clear-groups \
		--bounding-set="$bound" --inh-caps="$ambient" --ambient-caps="$ambient" \
		"$root/usr/bin/pausetest" "$@" --rules rules.yaml
}
cp "$here/rules.yaml" .
result=0
tool streams 2>&1
tool run --dry-run 2>&1 || result=$?
[ $result != 0 ] || tool run --blocks 2 --levels ends --out run --quiet 2>&1 || result=$?
rm -rf "$PAUSETEST_STATE_DIR"
exit $result
