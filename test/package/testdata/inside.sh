#!/bin/sh
# inside.sh BASE GUEST SCRIPT ARGS...: run GUEST/SCRIPT in the Debian in BASE, with
# GUEST as /mnt. What it changes is gone with it, but for what is in GUEST.
set -eu
base=$1 guest=$2 script=$3
shift 3
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o "lowerdir=$base,upperdir=/mnt/upper,workdir=/mnt/work" /mnt/root
cd /mnt/root
mount --bind "$guest" mnt
mount -t proc proc proc
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs dev/shm
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 chroot . "/mnt/$script" "$@"
