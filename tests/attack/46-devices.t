#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Root of a container against what it was given of the host while it runs: attributes of its disks, devices that were
# taken from it again, and links in the way of a disk's source.
. "$(dirname "$0")/../lib/daemon.sh"

# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
foo=$LXD/instances/foo
inside() {
	local e=$foo/exec/t$BASHPID
	mkdir "$e"
	put "$1" "$e/command"
	put run "$e/state"
	cat "$e/stdout" "$e/stderr"
	rmdir "$e"
}
device() {
	local name=$1
	shift
	mkdir -p "$foo/devices/$name" &&
		perl -e 'open F, ">", shift or exit $!; print F map "$_\n", @ARGV; close F or die "$!\n"' "$foo/devices/$name/set" "$@"
}
mkdir -p "$STATE/shared/below" "$STATE/probe" "$STATE/given" "$STATE/secret"
cp "$BUILD/tools/probe" "$STATE/probe/"
echo "the host's secret" >"$STATE/secret/file"
chmod 777 "$STATE/shared" "$STATE/given"
mount -t tmpfs -o mode=755 below "$STATE/shared/below"
echo "hidden" >"$STATE/given/under"

mkdir "$foo"
device probe type=disk "source=$STATE/probe" path=/probe readonly=true
device boot type=disk "source=$STATE/shared" path=/srv/boot readonly=true raw.mount.options=nosuid,noexec,noatime
ok "it starts" -- put running "$foo/state"
ok "a disk is added" -- device hot type=disk "source=$STATE/shared" path=/srv/hot readonly=true recursive=true \
	raw.mount.options=nosuid,noexec,noatime

# ---- attributes
# fixed HOW: of both disks, nothing can be taken off
fixed() {
	local disk
	for disk in boot hot; do
		inside "/probe/probe loosen /srv/$disk" >"$WORK/loosened"
		like "$(wc -l <"$WORK/loosened")" '^(13|24)$' "$1, $disk: every way was tried"
		is "$(grep -e ' done$' -e allowed "$WORK/loosened")" "" "$1, $disk: no attribute can be taken off"
		is "$(inside "touch /srv/$disk/x 2>&1; mount -o remount,rw /srv/$disk 2>&1; mkdir -p /tmp/b; mount --rbind /srv/$disk /tmp/b || exit; mount -o remount,bind,rw /tmp/b 2>/dev/null; touch /tmp/b/x 2>/dev/null && echo written; umount -l /tmp/b" | grep written)" \
			"" "$1, $disk: nor of a copy of it"
	done
	is "$(find "$STATE/shared" -name x)" "" "$1: nothing was written"
	nok "$1: what is mounted below can't be taken off from what it covers" -- test "$(inside '/probe/probe umount /srv/hot/below')" = "done"
}
fixed unprivileged
put false "$foo/devices/hot/readonly"
put true "$foo/devices/hot/readonly"
inside '/probe/probe loosen /srv/hot' >"$WORK/loosened"
is "$(grep -e ' done$' -e allowed "$WORK/loosened")" "" "a disk that became read-only stays so"
put true "$foo/config/security.privileged"
ok "privileged" -- put 'restart force' "$foo/state"
fixed "privileged, at its start"
ok "taken off" -- rmdir "$foo/devices/hot"
ok "and added again" -- device hot type=disk "source=$STATE/shared" path=/srv/hot readonly=true recursive=true raw.mount.options=nosuid,noexec,noatime
fixed "privileged, while it runs"
ok "the one of the start" -- rmdir "$foo/devices/boot"
is "$(inside 'grep -c " /srv/boot " /proc/mounts')" 0 "goes as well"
put false "$foo/config/security.privileged"
ok "unprivileged" -- put 'restart force' "$foo/state"
inside 'mount -t tmpfs cover /srv/hot; mount -t tmpfs cover /srv/hot' >/dev/null
ok "covered by mounts of its own" -- rmdir "$foo/devices/hot"
is "$(inside 'ls -A /srv/hot; grep -c " /srv/hot " /proc/mounts')" 0 "it is found and taken off"
umount "$STATE/shared/below"

# ---- links in the way of a source, by who has the directory
ok "a directory that it may write to" -- device rw type=disk "source=$STATE/given" path=/srv/given shift=true
inside '(while :; do rm -rf /srv/given/way; ln -s ../secret /srv/given/way; rm -f /srv/given/way; ln -s '"$STATE"'/secret /srv/given/way; rm -f /srv/given/way; mkdir /srv/given/way; cat /proc/uptime /proc/self/status; cat /proc/uptime; cat /proc/uptime; done) >/dev/null 2>&1 & echo $! >/tmp/swapper' >/dev/null
hits=0 seen=
mkdir "$foo/devices/d"
for ((i = 0; i < 60; i++)); do
	device d type=disk "source=$STATE/given/way" path=/srv/d 2>/dev/null && hits=$((hits + 1)) && seen+=$(inside 'cat /srv/d/file' 2>/dev/null)
	rmdir "$foo/devices/d"
done
unlike "$seen" "the host's secret" "a source that it swaps for links never leads out"
diag "$hits of 60 were a directory at that moment"
inside 'kill $(cat /tmp/swapper)' >/dev/null
inside 'rm -rf /srv/given/way; ln -s ../secret /srv/given/way' >/dev/null
fails_with ELOOP 'a symbolic link on the way' "a link is refused with the reason" -- device d type=disk "source=$STATE/given/way" path=/srv/d
rmdir "$foo/devices/d" "$foo/devices/rw"

# ---- a path that it swaps
inside '(while :; do rm -rf /srv/way; ln -s ../../../../../../../.. /srv/way; rm -f /srv/way; ln -s /proc/1/root /srv/way; rm -f /srv/way; mkdir -p /srv/way/in; done) >/dev/null 2>&1 & echo $! >/tmp/swapper' >/dev/null
before=$(mounts)
for ((i = 0; i < 40; i++)); do
	device d type=disk "source=$STATE/given" path=/srv/way/in 2>/dev/null
	rmdir "$foo/devices/d"
done
is "$(mounts)" "$before" "a disk whose path is swapped for links is never mounted on the host"
ok "nor is a mount point made there" -- test ! -e /in
inside 'kill $(cat /tmp/swapper)' >/dev/null

# ---- devices
# the log of the kernel, which everybody may open to write
mknod "$WORK/kmsg" c 1 11
for privileged in false true; do
	if [ $privileged = true ]; then
		put true "$foo/config/security.privileged"
		put 'restart force' "$foo/state"
	fi
	device log type=unix-char "source=$WORK/kmsg" path=/dev/thing mode=0666
	inside 'touch /tmp/copy; mount --bind /dev/thing /tmp/copy; mkdir -p /tmp/dir; [ -e /tmp/dir/node ] || mknod /tmp/dir/node c 1 11' >/dev/null 2>&1
	is "$(inside ': >>/dev/thing && echo opened')" opened "privileged=$privileged: a device that it has, it can open"
	ok "it is taken away" -- rmdir "$foo/devices/log"
	like "$(inside '(: >>/tmp/copy) && echo opened; [ -c /tmp/dir/node ] && (: >>/tmp/dir/node) && echo opened')" 'not permitted|denied' "a copy of the node is no use then"
	unlike "$(inside '(: >>/tmp/copy) && echo opened; [ -c /tmp/dir/node ] && (: >>/tmp/dir/node) && echo opened')" opened "nor is one that it made"
	inside 'umount /tmp/copy; rm -rf /tmp/copy /tmp/dir' >/dev/null 2>&1
done
put 'stopped force' "$foo/state"
rmdir "$foo"
done_testing
