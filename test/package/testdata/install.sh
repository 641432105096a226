#!/bin/bash
# install.sh: install the package, use it, remove it, purge it.
set -e
all() { find / -xdev \( -path /mnt -o -path /proc -o -path /dev -o -path /run -o -path /tmp -o -path /var/cache -o -path /var/log -o -path /var/lib/dpkg \) -prune -o -print | sort; }
all >/tmp/before

dpkg -i /mnt/pausetest.deb
dpkg --verify pausetest
pausetest version
pausetest simulate --world quiet/collapse --runs 5 >/tmp/simulated
grep '^quiet/collapse ' /tmp/simulated
for page in 'pausetest' 'pausetest-run' '5 pausetest-schedule'; do
	# shellcheck disable=SC2086
	[ "$(man $page | wc -l)" -gt 20 ]
done
[ "$(whatis pausetest | wc -l)" = 1 ]

# One real completion, by the file that was installed.
# shellcheck disable=SC1091
. /usr/share/bash-completion/bash_completion
compopt() { :; } # readline isn't there to be told
complete_line() {
	COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	_completion_loader pausetest || :
	__start_pausetest
	echo "${COMPREPLY[@]}"
}
complete_line pausetest sim
[ "$(complete_line pausetest sim)" = simulate ]
complete_line pausetest run --mech | grep -- --mechanism

# Nothing is enabled by itself, and what somebody enables doesn't outlive it.
[ -z "$(find /etc/systemd -name 'pausetest*')" ]
systemd-analyze verify pausetest-check.service pausetest-check.timer

# What its service would leave.
mkdir -p /var/lib/pausetest/pausetest-runs/2026-11-23T031500Z-fs3
touch /var/lib/pausetest/pausetest-runs/2026-11-23T031500Z-fs3/recording.jsonl

dpkg --remove pausetest
[ -d /var/lib/pausetest/pausetest-runs ]
[ ! -e /usr/bin/pausetest ]
dpkg --purge pausetest
all >/tmp/after
diff /tmp/before /tmp/after && echo "nothing left"
