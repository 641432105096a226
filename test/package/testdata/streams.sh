# shellcheck shell=sh
# streams.sh: sourced by the other scripts. A network with nothing but loopback, and
# two dumps of another user in it, which the rule in rules.yaml finds.

# dumps PREFIX together|apart: start a sink and two dumps, PREFIX before their
# programs; they read from one disk together, or each from its own.
dumps() {
	ip link set lo up
	head=$1/dev/shm/testhead
	truncate --size=4096 "$head"
	chmod 666 "$head"
	[ "$2" = together ] || head=
	"$1/usr/local/bin/testsink" 127.0.0.1:7000 &
	until [ -n "$(ss -Hltn 'sport = :7000')" ]; do sleep 0.05; done
	for disk in /home /mail; do
		setpriv --reuid=65534 --regid=65534 --clear-groups \
			"$1/usr/local/bin/testdump" 127.0.0.1:7000 $disk ${head:+"$head"} &
		until grep -q '^wchar: [1-9]' "/proc/$!/io"; do sleep 0.05; done
	done
}
