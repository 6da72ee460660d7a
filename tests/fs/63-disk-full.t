#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# No space is left for the state: each change is refused with ENOSPC and a sentence, nothing has changed in the tree or
# in the kernel, and all goes on when there is space again.
. "$(dirname "$0")/../lib/daemon.sh"
truncate -s 96M "$BASE/small"
mkfs.ext4 -q -F -m 0 "$BASE/small"
mount -o loop "$BASE/small" "$STATE"
chmod 711 "$STATE"
# shellcheck disable=SC2119 # its arguments are the daemon's
daemon_start
ok "an image is there" -- use_busybox
foo=$LXD/instances/foo
mkdir "$foo" "$LXD/profiles/web"
put 'a value' "$foo/config/user.key"
ok "a container starts" -- put running "$foo/state"

# what there is, in the tree, on the disk and in the kernel
world() {
	find "$LXD" -name set -exec grep -H . {} + | sort
	find "$STATE/objects" -name '*.conf' -exec sha256sum {} + | sort
	find "$STATE/objects" -name '*.new'
	ls "$LXD/instances" "$LXD/profiles" "$LXD/networks" "$LXD/images" "$LXD/images/aliases"
	nft list ruleset
	ip -o addr | sed 's/valid_lft.*//'
	cat /sys/fs/cgroup/"$NAME"/*/memory.max /sys/fs/cgroup/memory/"$NAME"/*/memory.limit_in_bytes 2>/dev/null
	get "$foo/state" "$foo/pid"
}
dd if=/dev/zero of="$STATE/filler" bs=64k status=none 2>"$WORK/full"
dd if=/dev/zero of="$STATE/filler2" bs=1 status=none 2>>"$WORK/full"
like "$(cat "$WORK/full")" "No space left" "the disk is full"
before=$(world)

# refused NAME -- COMMAND...: for want of space, and nothing has changed
refused() {
	local name=$1
	fails_with ENOSPC "No space left" "$name" -- "${@:3}"
	is "$(world)" "$before" "and nothing has changed"
}
# what may have many lines is taken when it is closed, which a shell doesn't look at
refused "a key of many lines" -- sh -c 'echo another value | dd of="$1" status=none' dd "$foo/config/user.key"
refused "a new key" -- sh -c 'echo 1 | dd of="$1" status=none' dd "$foo/config/user.new"
refused "a key of one line" -- put 5 "$foo/config/boot.autostart.priority"
refused "a key that comes into force at once" -- put 64MiB "$foo/config/limits.memory"
refused "a filter" -- put true "$foo/devices/eth0/security.mac_filtering"
refused "a key's removal" -- rm "$foo/config/user.key"
refused "a profile's key, with an instance that runs" -- put 77MiB "$LXD/profiles/default/config/limits.memory"
refused "an instance" -- mkdir "$LXD/instances/bar"
refused "a profile" -- mkdir "$LXD/profiles/other"
refused "a network" -- mkdir "$LXD/networks/br9"
refused "a network's key" -- put false "$LXD/networks/lxdbr0/config/ipv4.nat"
refused "another name" -- mv "$LXD/profiles/web" "$LXD/profiles/net"
refused "a mode" -- chmod 600 "$foo/config/user.key"
refused "an alias" -- ln -s "../$(basename "$(readlink "$LXD/images/aliases/busybox")")" "$LXD/images/aliases/second"
ok "reading goes on" -- test "$(get "$foo/config/user.key")" = 'a value'
ok "what needs no space does: a profile goes" -- rmdir "$LXD/profiles/web"

kill -KILL "$(pgrep -P "$(cat "$RUN/pid")")"
is "$(get "$foo/state")" running "the next core starts on a full disk and finds what runs"

rm "$STATE/filler" "$STATE/filler2"
ok "with space again a key is set" -- put 'another value' "$foo/config/user.key"
ok "and comes into force" -- put 64MiB "$foo/config/limits.memory"
ok "and an instance is made" -- mkdir "$LXD/instances/bar"
is "$(find "$STATE/objects" -name '*.new' -o -name '*.bad')" "" "no staged or broken state file is left"

ok "the daemon stops" -- daemon_stop
umount "$STATE"
done_testing
