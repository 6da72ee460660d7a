#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Disks and device nodes that come, change and go while an instance runs, and are found again by another core.
. "$(dirname "$0")/../lib/daemon.sh"

# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
foo=$LXD/instances/foo
d=$foo/devices
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
	mkdir -p "$d/$name" && perl -e 'open F, ">", shift or exit $!; print F map "$_\n", @ARGV; close F or die "$!\n"' "$d/$name/set" "$@"
}
notes() { find "$RUN/devices" -name '*=' -printf '%f\n' 2>/dev/null | tr -d '=' | sort; }
mkdir -p "$STATE/shared/sub" "$STATE/other"
echo shared >"$STATE/shared/file"
echo other >"$STATE/other/file"
echo alone >"$STATE/alone"

mkdir "$foo"
device boot type=disk "source=$STATE/shared" path=/srv/boot readonly=true
ok "it starts with a disk" -- put running "$foo/state"
is "$(inside 'cat /srv/boot/file')" shared "which is there"
like "$(inside 'touch /srv/boot/x')" 'Read-only' "read-only"

# ---- a disk comes and goes
ok "a disk is added while it runs" -- device data type=disk "source=$STATE/shared" path=/srv/data
is "$(inside 'cat /srv/data/file')" shared "it is there when the write returns"
like "$(inside 'echo x >/srv/data/x')" 'denied' "the host's root's files aren't the instance's root's"
is "$(inside 'stat -c %u:%g /srv/data/file')" 65534:65534 "they belong to nobody"
ok "it is shifted" -- put true "$d/data/shift"
is "$(inside 'echo x >/srv/data/x; stat -c %u:%g /srv/data/file')" 0:0 "then they do"
is "$(stat -c %u:%g "$STATE/shared/x")" 0:0 "and new ones are the host's root's"
ok "it is made read-only" -- put true "$d/data/readonly"
like "$(inside 'echo x >/srv/data/y')" 'Read-only' "at once"
ok "another path" -- put /srv/elsewhere "$d/data/path"
is "$(inside 'ls /srv/data; cat /srv/elsewhere/file')" shared "it moves"
ok "another source" -- put "$STATE/other" "$d/data/source"
is "$(inside 'cat /srv/elsewhere/file')" other "it changes"
ok "attributes" -- put noexec,nosuid,noatime "$d/data/raw.mount.options"
like "$(inside 'grep /srv/elsewhere /proc/mounts')" ' ro,nosuid,nodev,noexec,noatime' "are in force"
fails_with EINVAL 'has "fish": of ro, nosuid' "one that there isn't" -- put fish "$d/data/raw.mount.options"
fails_with ENOENT "$STATE/nothing" "a source that isn't there" -- put "$STATE/nothing" "$d/data/source"
is "$(inside 'cat /srv/elsewhere/file')" other "leaves it as it was"
fails_with EINVAL 'is "/srv/boot": ' "another's path" -- put /srv/boot "$d/data/path"
fails_with EINVAL '/dev, /proc and /sys are the instance' "a place of the kernel's file systems" -- put /proc/x "$d/data/path"
ok "it is removed" -- rmdir "$d/data"
is "$(inside 'ls -A /srv/elsewhere; grep -c /srv/elsewhere /proc/mounts')" 0 "and gone"
ok "one that it was started with" -- rmdir "$d/boot"
is "$(inside 'ls -A /srv/boot; grep -c /srv/boot /proc/mounts')" 0 "goes as well"
ok "a file" -- device one type=disk "source=$STATE/alone" path=/etc/alone
is "$(inside 'cat /etc/alone')" alone "can be one"
ok "one that isn't required" -- device maybe type=disk "source=$STATE/nothing" path=/srv/maybe required=false
is "$(inside 'ls /srv/maybe 2>/dev/null'; notes)" one "is left out while it isn't there"
fails_with EOPNOTSUPP 'the root disk' "the root disk stays what it is" -- device root type=disk pool=default path=/ readonly=true
rmdir "$d/maybe" "$d/one"

# ---- what is mounted below the source
mkdir "$WORK/tree" "$WORK/tree/below"
mount -t tmpfs -o mode=755 tree "$WORK/tree"
mkdir "$WORK/tree/below" "$WORK/tree/later"
mount -t tmpfs -o mode=755 below "$WORK/tree/below"
touch "$WORK/tree/below/deep"
ok "a tree" -- device tree type=disk "source=$WORK/tree" path=/srv/tree readonly=true
is "$(inside 'ls /srv/tree/below')" "" "without what is mounted in it"
ok "with it" -- put true "$d/tree/recursive"
is "$(inside 'ls /srv/tree/below')" deep "recursive"
like "$(inside 'touch /srv/tree/below/x')" 'Read-only' "read-only in all of it"
mount --make-shared "$WORK/tree"
mount -t tmpfs -o mode=755 later "$WORK/tree/later"
touch "$WORK/tree/later/now"
is "$(inside 'ls /srv/tree/later')" "" "what is mounted later isn't seen"
umount "$WORK/tree/later"
ok "it follows the host" -- put rslave "$d/tree/propagation"
mount -t tmpfs -o mode=755 later "$WORK/tree/later"
touch "$WORK/tree/later/now"
is "$(inside 'ls /srv/tree/later')" now "what is mounted later is seen"
umount "$WORK/tree/later"
is "$(inside 'ls /srv/tree/later')" "" "and gone with it"
inside 'mkdir -p /tmp/m; mount --bind /tmp /srv/tree/later 2>&1' >/dev/null
is "$(grep -c "$WORK/tree/later" /proc/self/mountinfo)" 0 "the host sees nothing of what is mounted inside"
rmdir "$d/tree"
umount "$WORK/tree/below" "$WORK/tree"

# ---- device nodes
mknod "$WORK/null" c 1 3
mknod "$WORK/mem" c 1 1
chmod 600 "$WORK/null" "$WORK/mem"
before=$(stat -c '%a %u:%g' "$WORK/null")
nok "no other device may be opened before" -- grep -q 'c 1:1' /sys/fs/cgroup/devices/"$NAME"/*/devices.list
ok "a device is added while it runs" -- device zero type=unix-char "source=$WORK/null" path=/dev/nothing uid=1000 gid=1001 mode=0640
is "$(inside 'stat -c "%F %t:%T %a %u:%g" /dev/nothing')" "character special file 1:3 640 1000:1001" "its node is there"
is "$(inside 'echo x >/dev/nothing && echo written')" written "and works"
inside 'chmod 777 /dev/nothing; chown 5:5 /dev/nothing' >/dev/null
is "$(stat -c '%a %u:%g' "$WORK/null")" "$before" "the host's keeps mode and owner"
ok "another mode" -- put 0600 "$d/zero/mode"
is "$(inside 'stat -c "%a %u" /dev/nothing')" "600 1000" "is in force at once"
fails_with EINVAL 'uid of zero is 4000000000' "an owner that it hasn't" -- put 4000000000 "$d/zero/uid"
is "$(inside 'stat -c "%a %u" /dev/nothing')" "600 1000" "changes nothing"
fails_with EINVAL 'which is no block device' "another kind" -- device wrong type=unix-block "source=$WORK/null" path=/dev/wrong
fails_with ENOENT 'the host has no device' "one that isn't there" -- put "$WORK/gone" "$d/zero/source"
rmdir "$d/wrong" 2>/dev/null
ok "by its numbers" -- device num type=unix-char path=/dev/full2 major=1 minor=7
is "$(inside 'echo x 2>&1 >/dev/full2 | grep -c "No space"')" 1 "it is that device"
ok "one that isn't required" -- device maybe type=unix-char source=/dev/no-such path=/dev/maybe required=false
is "$(inside 'ls /dev/maybe 2>/dev/null')" "" "is left out"
# one that comes and goes
hot=$WORK/hot/plug
ok "one that isn't there yet" -- device hot type=unix-char "source=$hot/tty" path=/dev/hot required=false
is "$(inside 'ls /dev/hot 2>/dev/null'; notes | grep hot)" "" "is left out"
in_there() { [ "$(inside "stat -c %t:%T /dev/hot 2>/dev/null")" = "$1" ]; }
mkdir -p "$hot"
mknod "$hot/tty" c 1 7
ok "it comes when it is there" -- eventually in_there 1:7
mknod "$hot/other" c 1 5
mv "$hot/other" "$hot/tty"
ok "a new one takes its place" -- eventually in_there 1:5
rm "$hot/tty"
ok "it goes with the host's" -- eventually in_there ""
rm -r "$WORK/hot"
mkdir -p "$hot"
mknod "$hot/tty" c 1 7
ok "and comes again, with the directories on its way" -- eventually in_there 1:7
ok "removed it comes no more" -- rmdir "$d/hot"
is "$(inside 'ls /dev/hot 2>/dev/null')" "" "and is gone"
ok "it is removed" -- rmdir "$d/zero"
is "$(inside 'ls /dev/nothing 2>/dev/null')" "" "and gone, with its file"
ok "all others" -- rmdir "$d/num" "$d/maybe"

# ---- at a start
device zero type=unix-char "source=$WORK/null" path=/dev/deep/down
device data type=disk "source=$STATE/shared" path=/srv/data
ok "it restarts with them" -- put 'restart force' "$foo/state"
is "$(inside 'stat -c "%t:%T" /dev/deep/down; cat /srv/data/file')" "1:3
shared" "both are there"
is "$(notes | tr '\n' ' ')" "data zero " "noted"

# ---- another core
device hot type=unix-char "source=$hot/tty" path=/dev/hot required=false
is "$(inside 'stat -c %t:%T /dev/hot')" 1:7 "one that may come and go"
core=$(pgrep -f "^$BIN/lxdfsd" | tail -n 1)
kill -STOP "$core"
rm "$hot/tty"
kill -KILL "$core"
is "$(cat "$foo/state")" running "the next core finds it"
ok "one that went meanwhile is taken off" -- eventually in_there ""
mknod "$hot/tty" c 1 7
ok "and still comes" -- eventually in_there 1:7
rmdir "$d/hot"
ok "takes one off that its forerunner added" -- rmdir "$d/data"
is "$(inside 'ls -A /srv/data; stat -c "%t:%T" /dev/deep/down')" 1:3 "and only that"
# a core that is killed at any moment of a change
in_kernel() { inside 'grep -c " /srv/torn " /proc/mounts; ls /dev/torn 2>/dev/null | wc -l; cat /srv/torn/file 2>/dev/null'; }
in_config() {
	local disk=0 node=0
	[ ! -e "$d/torn/path" ] || disk=1
	[ ! -e "$d/node/path" ] || node=1
	printf '%s\n%s\n' $disk $node
	[ $disk = 0 ] || echo shared
}
wrong=
for ((i = 0; i < 12; i++)); do
	(
		device torn type=disk "source=$STATE/shared" path=/srv/torn
		device node type=unix-char "source=$WORK/null" path=/dev/torn
		rmdir "$d/node"
		rmdir "$d/torn"
	) >/dev/null 2>&1 &
	sleep "0.0$((i * 7 % 10))$((i % 7))"
	kill -KILL "$(pgrep -f "^$BIN/lxdfsd" | tail -n 1)"
	wait $!
	cat "$foo/state" >/dev/null
	[ "$(in_kernel)" = "$(in_config)" ] || wrong+="$i: $(in_kernel | tr '\n' ' ') for $(in_config | tr '\n' ' ');"
	rmdir "$d/node" "$d/torn" 2>/dev/null
done
is "$wrong" "" "after each of $i crashes the kernel has what the config says"
is "$(in_kernel)" "$(printf '0\n0')" "and nothing at the end"

ok "it is frozen" -- put frozen "$foo/state"
ok "a frozen instance gets a disk" -- device data type=disk "source=$STATE/shared" path=/srv/frozen
ok "it is thawed" -- put running "$foo/state"
is "$(inside 'cat /srv/frozen/file')" shared "and has it"

ok "it stops" -- put 'stopped force' "$foo/state"
is "$(notes)" "" "no notes are left"
rmdir "$foo"
done_testing
