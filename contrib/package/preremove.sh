#!/bin/sh
# Before the program goes: dpkg says "remove", rpm 0. An upgrade changes nothing;
# a check that runs goes on with the version it was started from.
set -e
case ${1-} in
remove | 0) ;;
*) exit 0 ;;
esac
if [ -d /run/systemd/system ]; then
	# The package doesn't enable them, but somebody may have.
	systemctl --quiet disable --now pausetest-check.timer || :
	systemctl stop pausetest-check.service || : # resumes what it has paused
fi
# What a run left paused that died together with its guard, nobody else would know
# how to find.
pausetest resume >/dev/null || :
