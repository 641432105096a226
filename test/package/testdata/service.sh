#!/bin/sh
# service.sh: the service of the package under a real systemd: it finds the collapse
# with the rights it has there, and leaves nothing paused when it is stopped, or
# killed, in the middle of a pause. Each "ok" is asked for by the test.
set -eu
dpkg -i /mnt/pausetest.deb
cp /mnt/testdump /usr/local/bin
ln -s testdump /usr/local/bin/testsink
cp /mnt/rules.yaml /etc/pausetest/rules.d
mkdir -p /etc/systemd/system/pausetest-check.service.d
cp /mnt/local.conf /etc/systemd/system/pausetest-check.service.d
systemctl daemon-reload
# shellcheck source=test/package/testdata/streams.sh
. /mnt/streams.sh
dumps "" together

unit=pausetest-check.service
property() { systemctl show --property="$1" --value "$unit"; }
# wait_until COMMAND...: for half a minute
wait_until() {
	tries=0
	until "$@"; do
		tries=$((tries + 1))
		[ $tries -lt 600 ] || { echo "not within half a minute: $*"; systemctl status $unit; exit 1; }
		sleep 0.05
	done
}
paused() { cat /proc/[0-9]*/stat 2>/dev/null | grep -q ' (testdump) T '; }
none_paused() { ! paused; }
ended() { [ "$(property ActiveState)" = failed ] && ! pgrep pausetest >/dev/null; }

systemctl start $unit || :
echo "exit $(property ExecMainStatus), result $(property Result)"
journalctl --no-pager --unit=$unit --output=cat
cp /var/lib/pausetest/pausetest-runs/*/result.json /mnt/result.json
none_paused && echo "ok check"

systemctl start --no-block $unit
wait_until paused
systemctl start --no-block $unit # as Amanda's hook does at the next dump
main=$(property MainPID)
systemctl stop $unit
none_paused && [ ! -e "/proc/$main" ] && echo "ok stop"

systemctl start --no-block $unit
wait_until paused
# pausetest is killed, and its guard isn't.
kill -KILL "$(property MainPID)"
wait_until none_paused
# The guard did it: what comes after the service found nothing left to do.
wait_until ended
[ "$(journalctl --unit=$unit --output=cat | grep -c '^continued ')" = 0 ] && echo "ok kill"

# Both are killed, as by "systemctl kill -s KILL": what comes after the service
# continues what they had stopped.
systemctl start --no-block $unit
wait_until paused
systemctl kill --signal=KILL $unit
wait_until none_paused && echo "ok both"

systemctl enable --now pausetest-check.timer
systemctl list-timers --no-pager pausetest-check.timer | grep 22:00:00 && echo "ok timer"
dpkg --purge pausetest
[ -z "$(find /etc/systemd -name 'pausetest*.timer')" ] && [ ! -e /var/lib/pausetest ] && echo "ok purge"
