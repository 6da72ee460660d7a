#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Starts that fail: the sentence says why, and nothing is left.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/container.sh"

fails() {
	local errno=$1 text=$2 name=$3
	shift 3
	refuses "$errno" "$text" "$name" "$@"
	nothing_left "$name: nothing is left"
}

mkdir "$STATE/shared"
fails 2 "the container has no /sbin/nothing" "no init" start init=/sbin/nothing
fails 13 "/etc/passwd can't be executed" "an init that isn't executable" start init=/etc/passwd
ln -s nowhere "$IMAGE/sbin/broken"
fails 2 "link, interpreter or loader is missing" "an init whose link leads nowhere" start init=/sbin/broken
fails 22 "must be a path from / on" "an init without a path" start init=sh
fails 22 "kernel.core_pattern isn't a container's own" "a sysctl of the host" start sysctl=kernel.core_pattern:x
fails 22 "vm.swappiness isn't a container's own" "another" start sysctl=vm.swappiness:1
fails 2 "no sysctl net.no.such" "a sysctl that isn't there" start sysctl=net.no.such:1
fails 22 "doesn't take" "a sysctl with a wrong value" start sysctl=net.ipv4.ip_default_ttl:fish
fails 98 "as it was asked to" "a NIC that fails" start attach=fail
fails 2 "/nowhere can't be mounted at /mnt/x" "a mount without a source" start mount=/nowhere:/mnt/x
fails 22 "/dev, /proc and /sys are the container's own" "a mount over /proc" start "mount=$WORK:/proc/self"
fails 22 "/dev, /proc and /sys are the container's own" "a mount over /" start "mount=$WORK:/"
fails 20 "can't be mounted at /etc/passwd" "a directory over a file" start "mount=$STATE/shared:/etc/passwd"
fails 2 "image directory $WORK/none" "an image that isn't there" ctl start "image=$WORK/none" "layer=$LAYER"
fails 95 "can't be mapped" "a file system that can't be idmapped" ctl start rootfs=/proc
fails 22 "0-1,3" "CPUs that are none" start cpus=fish
fails 22 "aren't all on this host" "CPUs that aren't there" start cpus=500
fails 22 "1 to 64 characters" "a host name that is too long" start "hostname=$(printf 'x%.0s' {1..65})"
UUID=../etc fails 22 "is no UUID" "a name that isn't one" start
fails 22 "is no UUID" "an upper-case one" eval 'UUID=0A1B2C3D-0000-4000-8000-0123456789AB start'

# ---- links in the image lead nowhere else
mkdir -p "$WORK/host" "$STATE/src" "$IMAGE$WORK/host"
ln -s "$WORK/host" "$IMAGE/link"
ln -s ../../../../../.. "$IMAGE/up"
ok "a mount below a link" -- start "mount=$STATE/src:/link/a" "mount=$STATE/src:/up/b"
is "$(ls "$WORK/host")" "" "makes nothing on the host"
is "$(inside 'ls -d /b')$(ls -d "$LAYER/upper$WORK/host/a")" "/b$LAYER/upper$WORK/host/a" "but below the container's root"
ok "ended" -- ctl finish
rm -rf "$LAYER"
for dir in dev proc sys; do
	mv "$IMAGE/$dir" "$IMAGE/real"
	ln -s "$WORK/host" "$IMAGE/$dir"
	start log="$WORK/log"
	is "$(ls -A "$WORK/host")$(grep -c "$WORK/host" /proc/self/mountinfo)" 0 "a link at /$dir mounts nothing on the host"
	ctl finish
	ctl clear
	rm "$IMAGE/$dir"
	mv "$IMAGE/real" "$IMAGE/$dir"
	rm -rf "$LAYER"
done
nothing_left "nothing is left after links"

# ---- the core dies in the middle of a start
start attach=abort
monitor=$(pgrep -x lxdfs-monitor)
[ -z "$monitor" ] || tail --pid="$monitor" -f /dev/null
is "$(pgrep -x lxdfs-monitor | grep -v defunct)" "" "its monitor gives up"
ok "the next core can start it" -- start
ok "ended" -- ctl finish
nothing_left "nothing is left after all"

done_testing
