#!/bin/sh
# boot.sh BASE GUEST: boot a real systemd in the Debian in BASE, have it run
# GUEST/service.sh, and halt. What they write to BASE is gone with them.
set -eu
mount -t tmpfs tmpfs /run # nspawn's own notes
exec systemd-nspawn --quiet --directory="$1" --volatile=overlay --bind="$2:/mnt" \
	--private-network --register=no --keep-unit --link-journal=no --machine="ptest$$" \
	--bind-ro="$2/boot.target:/etc/systemd/system/boot.target" \
	--bind-ro="$2/probe.service:/etc/systemd/system/probe.service" \
	--boot systemd.unit=boot.target </dev/null
