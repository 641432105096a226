#!/bin/sh
# install-packages.sh [LIST]: see to it that the Debian packages in a list (default:
# debian-packages.txt, those of the tests) are installed. As root it installs what is missing; otherwise it names them
# and fails. When nothing is missing it does nothing and says nothing.
set -eu
list=${1:-$(dirname "$0")/debian-packages.txt}

command -v dpkg-query >/dev/null || {
	echo "install-packages: this is no Debian system; install what matches $list by hand" >&2
	exit 1
}
missing=
for package in $(sed 's/#.*//' "$list"); do
	state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) || state=
	[ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "install-packages: these Debian packages are missing:$missing" >&2
	echo "install-packages: run this as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi

# A package's maintainer script asks policy-rc.d before it starts a daemon.
# The tests run their own daemons, in namespaces; none may start out here.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap 'rm -f "$policy"' EXIT
	trap 'exit 1' HUP INT TERM
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
fi

echo "install-packages: installing$missing" >&2
export DEBIAN_FRONTEND=noninteractive
# $missing is split on purpose: one word a package.
# shellcheck disable=SC2086
install() {
	apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
		install -y --no-install-recommends $missing
}
# The lists of packages may be missing or too old on a fresh machine.
install || { apt-get -q update && install; }

# amanda-client enters amandad in /etc/inetd.conf, to be served from the next
# start of inetd on. Nobody asked for that who only runs these tests.
case " $missing " in
*" amanda-client "*) update-inetd --disable amanda ;;
esac

# These would start when the machine does.
for daemon in prometheus prometheus-node-exporter; do
	case " $missing " in
	*" $daemon "*) update-rc.d "$daemon" disable ;;
	esac
done
