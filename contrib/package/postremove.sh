#!/bin/sh
# dpkg --purge takes away what pausetest itself wrote: the run folders of its
# service. Rules that somebody wrote stay, and so does what they stand in.
set -e
[ "${1-}" = purge ] || exit 0
rm -rf /var/lib/pausetest/pausetest-runs
rmdir --ignore-fail-on-non-empty /var/lib/pausetest /etc/pausetest/rules.d /etc/pausetest 2>/dev/null || :
