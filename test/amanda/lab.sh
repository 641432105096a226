#!/bin/sh
# lab.sh: a fileserver and a backup host with a real Amanda, on one machine.
#
#   lab.sh data LAB MB           make the data: three entries of MB megabytes each
#   lab.sh up LAB AUTH LOOP      stand the two hosts up, until standard input ends
#   lab.sh rate LAB RATE|none    limit what the fileserver may send, e.g. 400mbit
#   lab.sh dump LAB              a full dump of all three entries at once
#   lab.sh verify LAB            is what was dumped equal to the data, without a retry?
#   lab.sh in LAB HOST CMD...    run a command on "fileserver" or "backuphost"
#
# LAB is a folder for everything (not below /tmp, which the hosts cover up).
# AUTH is bsd or bsdtcp. LOOP is shipped, or older for the copying loop and the
# socket buffers that Amanda had before 3.4. By hand: "lab.sh up" in one terminal, the rest in
# another, Ctrl-D in the first to end it.
#
# A host is a set of namespaces (processes, mounts, network, name), not just a
# network: a program on the fileserver sees that host's processes and no
# others, and all of them end with its first process, stopped ones too. That
# first process lives until its standard input ends, so whatever becomes of the
# one who called "up", no dump, mount or interface is left.
set -eu

user=backup # Amanda's user on Debian
entries="home mail projects"
client_addr=10.199.0.1
server_addr=10.199.0.2

die() {
	echo "lab.sh: $*" >&2
	exit 1
}

# --- data ---------------------------------------------------------------------

# data: incompressible, different in every file, the same every time.
data() {
	n=0
	for entry in $entries; do
		n=$((n + 1))
		mkdir -p "$lab/data/$entry/small"
		for part in 1 2 3 4; do
			head -c $(($1 * 250000)) /dev/zero |
				openssl enc -aes-128-ctr -nosalt -K "$(printf %032x $((n * 10 + part)))" \
					-iv 00000000000000000000000000000000 -out "$lab/data/$entry/big$part"
		done
		for size in 0 1 511 512 513 10240; do
			head -c $size "$lab/data/$entry/big1" >"$lab/data/$entry/small/of$size"
		done
	done
}

# --- the hosts ----------------------------------------------------------------

# configure: write what the two hosts have of their own below /etc.
configure() {
	auth=$1
	for host in fileserver backuphost; do
		mkdir -p "$lab/$host/etc/amanda/lab" "$lab/$host/log"
		cat >"$lab/$host/etc/hosts" <<-E
			127.0.0.1 localhost
			$client_addr fileserver
			$server_addr backuphost
		E
		# auth bsd looks up amanda/udp, which Debian's file does not have.
		{ cat /etc/services && echo "amanda 10080/udp"; } >"$lab/$host/etc/services"
	done
	echo "backuphost $user amdump" >"$lab/fileserver/etc/amandahosts"
	echo "backuphost $user amindexd amidxtaped" >"$lab/backuphost/etc/amandahosts"
	chmod 600 "$lab"/*/etc/amandahosts

	mkdir -p "$lab/fileserver/lists"
	: >"$lab/fileserver/amandates"
	cat >"$lab/fileserver/etc/amanda/amanda-client.conf" <<-E
		conf "lab"
		amandates "$lab/fileserver/amandates"
		gnutar-list-dir "$lab/fileserver/lists"
	E
	cat >"$lab/fileserver/etc/inetd.conf" <<-E
		10080 dgram udp wait $user /usr/lib/amanda/amandad amandad -auth=bsd amdump
		10080 stream tcp nowait $user /usr/lib/amanda/amandad amandad -auth=bsdtcp amdump
	E

	store=$lab/backuphost/store
	mkdir -p "$store/holding" "$store/vtapes/slot1" "$store/info" "$store/logs" "$store/index"
	: >"$store/tapelist"
	cat >"$lab/backuphost/etc/amanda/lab/amanda.conf" <<-E
		org "lab"
		dumpuser "$user"
		inparallel 3
		netusage 80 gbps
		dumpcycle 1 day
		runspercycle 1
		tapecycle 2
		infofile "$store/info"
		logdir "$store/logs"
		indexdir "$store/index"
		tapelist "$store/tapelist"
		tpchanger "chg-disk:$store/vtapes"
		autolabel "LAB-%%" any
		labelstr "^LAB-[0-9]*\$"
		tapetype VTAPE
		define tapetype VTAPE {
			length 200 gbytes
			filemark 4 kbytes
		}
		holdingdisk hd {
			directory "$store/holding"
			use 10 gbytes
		}
		define dumptype lab {
			auth "$auth"
			program "GNUTAR"
			compress none
			index yes
			estimate client
			strategy noinc
			maxdumps 3
		}
	E
	for entry in $entries; do
		echo "fileserver /mnt/$entry lab"
	done >"$lab/backuphost/etc/amanda/lab/disklist"
	chown -R "$user:$user" "$lab/fileserver" "$lab/backuphost"
}

# preload WHAT...: the environment variable that makes a program older.
preload() {
	list=
	for what in "$@"; do
		[ ! -e "$lab/older" ] || list="$list $lab/older/$what.so"
	done
	echo "LD_PRELOAD=$list"
}

# be_host: the first process of a host. Everything it mounts is seen here only.
be_host() {
	host=$1
	own=$lab/$host
	hostname "$host"
	mount -t sysfs none /sys # the one that shows this host's interfaces
	for dir in /run /tmp /dev/shm /mnt; do
		mount -t tmpfs none $dir
	done
	chmod 1777 /tmp /dev/shm
	mount --bind "$own/log" /var/log/amanda
	for name in hosts services amandahosts amanda; do
		mount --bind "$own/etc/$name" "/etc/$name"
	done
	if [ "$host" = fileserver ]; then
		for entry in $entries; do
			mkdir "/mnt/$entry"
			mount --bind "$lab/data/$entry" "/mnt/$entry"
		done
		# -E: what inetd finds in its environment, amandad gets.
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin "$(preload loop buffers)" \
			setsid inetd -E -i "$own/etc/inetd.conf" </dev/null &
		until grep -q ':2760 ' /proc/net/udp && grep -q ':2760 ' /proc/net/tcp; do
			sleep 0.05 # port 10080; "up" sets the time limit
		done
	fi
	: >"$own/ready"
	cat >/dev/null # until standard input ends; the shell reaps orphans meanwhile
}

# plug_in HOST ADDRESS
plug_in() {
	in_host "$1" ip link set lo up
	in_host "$1" ip addr add "$2/24" dev lab0
	in_host "$1" ip link set lab0 up
}

up() {
	auth=$1 loop=$2
	case $lab in /tmp/*) die "$lab lies below /tmp" ;; esac
	case $auth in bsd | bsdtcp) ;; *) die "auth is bsd or bsdtcp, not $auth" ;; esac
	[ -d "$lab/data" ] || die "no data in $lab"
	rm -rf "$lab/fileserver" "$lab/backuphost" "$lab/older"
	configure "$auth"
	case $loop in
	shipped) ;;
	older)
		mkdir "$lab/older"
		for what in loop buffers; do
			cc -shared -fPIC -o "$lab/older/$what.so" "$(dirname "$self")/older/$what.c"
		done
		;;
	*) die "the copying loop is shipped or older, not $loop" ;;
	esac
	# cat alone reads our input, which may be a terminal; both hosts, and we,
	# wait for the end of what it writes.
	cat | live
}

live() {
	exec 3<&0 # a shell gives what it puts in the background no standard input
	for host in fileserver backuphost; do
		unshare --net --mount --pid --ipc --uts --fork --kill-child --mount-proc \
			"$self" be_host "$lab" "$host" <&3 &
		echo $! >"$lab/$host/unshare"
	done
	tries=0
	until [ -e "$lab/fileserver/ready" ] && [ -e "$lab/backuphost/ready" ]; do
		tries=$((tries + 1))
		[ $tries -lt 200 ] || die "the hosts are not ready after 20 s"
		sleep 0.1
	done
	for host in fileserver backuphost; do
		pgrep -P "$(cat "$lab/$host/unshare")" >"$lab/$host/pid"
	done
	ip link add lab0 netns "$(cat "$lab/fileserver/pid")" type veth \
		peer name lab0 netns "$(cat "$lab/backuphost/pid")"
	plug_in fileserver $client_addr
	plug_in backuphost $server_addr
	echo "lab ready"
	wait
}

in_host() {
	host=$1
	shift
	nsenter --target "$(cat "$lab/$host/pid")" --net --mount --pid --ipc --uts -- "$@"
}

# as_amanda CMD...: on the backup host, as Amanda's user.
as_amanda() {
	in_host backuphost setpriv --reuid=$user --regid=$user --init-groups \
		env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/var/backups USER=$user LOGNAME=$user LC_ALL=C "$@"
}

# --- what is done with them ---------------------------------------------------

rate() {
	in_host fileserver tc qdisc del dev lab0 root 2>/dev/null || :
	[ "$1" = none ] ||
		in_host fileserver tc qdisc add dev lab0 root tbf rate "$1" burst 64k latency 20ms
}

# verify: Amanda's own check, then a comparison of every entry with its data.
verify() {
	as_amanda amreport lab --text=- >"$lab/report" 2>&1 </dev/null || :
	if ! grep -q 'STATISTICS' "$lab/report" || grep -E 'FAILED|retried|STRANGE' "$lab/report"; then
		die "the dumps did not go well; see $lab/report"
	fi
	as_amanda amcheckdump lab </dev/null >"$lab/checkdump" 2>&1 ||
		die "amcheckdump found fault; see $lab/checkdump"
	for entry in $entries; do
		as_amanda amfetchdump -a -p lab fileserver "^/mnt/$entry\$" </dev/null 2>"$lab/fetch" |
			tar --directory "$lab/data/$entry" --diff --verbose --file - >"$lab/diff" 2>&1 ||
			die "$entry differs from what was dumped; see $lab/diff and $lab/fetch"
		dumped=$(grep -c '^\./' "$lab/diff") there=$(find "$lab/data/$entry" | wc -l)
		[ "$dumped" = "$there" ] || die "$entry has $there files and folders, its dump $dumped"
		echo "$entry: equal, $there files and folders"
	done
}

self=$(readlink -f "$0")
[ $# -ge 2 ] || die "usage: see the head of $self"
[ "$(id -u)" = 0 ] || die "namespaces and mounts need root"
command=$1
mkdir -p "$2"
lab=$(readlink -f "$2")
shift 2
case $command in
data | up | rate | verify | be_host) "$command" "$@" ;;
dump) as_amanda env "$(preload buffers)" setsid --wait amdump lab </dev/null ;;
in) in_host "$@" ;;
*) die "no such command: $command" ;;
esac
