#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names: what other users of the host can learn about instances. Files of the kernel that list control groups are
# closed, and what lxdfs makes tells no instance's name.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/instancectl.sh"

slab=$KERNEL_FILES/sys/kernel/slab
chmod 444 "$KERNEL_FILES/proc/sched_debug" "$KERNEL_FILES/sys/kernel/debug/sched/debug"
modes() { stat -c %a "$slab" "$KERNEL_FILES/proc/sched_debug" "$KERNEL_FILES/sys/kernel/debug/sched/debug" | tr '\n' ' '; }

image=$ROOT/build/busybox.tar.xz
[ -e "$image" ] || "$ROOT/scripts/make-busybox-image" "$image"
core_start
does "a core, and an image" image "$image" busybox
is "$(modes)" "755 444 444 " "nothing is closed while nothing runs"
does "" set server server config lxdfs.hide_names false
c create secretname
does "an instance" start secretname
is "$(modes)" "755 444 444 " "nor where it isn't wanted"
does "wanted" set server server config lxdfs.hide_names true
is "$(modes)" "700 400 400 " "they are closed at once"
c stop secretname force
chmod 755 "$slab"
core_end
core_start
does "" unset server server config lxdfs.hide_names
chmod 755 "$slab"
core_kill
core_start
does "a new core" start secretname
is "$(stat -c %a "$slab")" 700 "closes them before its first start, unset too"

# ---- what another user sees
look() { as 4242 4242 sh -c "$1" 2>/dev/null; }
look 'cat /proc/[0-9]*/cmdline' >"$WORK/cmdlines"
# (the image's own DHCP client tells the network its host name, on its command line)
is "$(tr '\0' '\n' <"$WORK/cmdlines" | grep -v '^hostname:' | grep -c secretname)" 0 "command lines of lxdfs"
ok "which were read" -- grep -q lxdfs-monitor "$WORK/cmdlines"
is "$(look 'cat /proc/[0-9]*/comm /proc/[0-9]*/cgroup' | grep -c secretname)" 0 "names of processes and groups"
is "$(look 'find /sys/fs/cgroup -name "*secret*"')" "" "control groups"
is "$(look 'cat /proc/mounts /proc/[0-9]*/mountinfo' | grep -c secretname)" 0 "mounts"
is "$(look 'ip link; ls /sys/class/net; ls /run/netns' | grep -c secretname)" 0 "links"
is "$(look 'cat /proc/net/unix /proc/locks /sys/class/net/*/ifalias /sys/block/loop*/loop/backing_file' | grep -c secretname)" 0 \
	"sockets, locks, other names of links, loop devices"
ok "of which there are" -- test "$(look 'cat /proc/net/unix' | grep -c '\.sock')" -gt 0
is "$(look 'cat /proc/[0-9]*/environ /proc/[0-9]*/maps; ls -l /proc/[0-9]*/fd /proc/[0-9]*/cwd /proc/[0-9]*/root' | grep -c secretname)" 0 "files of processes"
is "$(look "find $STATE $RUN" | grep -c secretname)" 0 "files"
nok "the directory of all caches" -- as 4242 4242 ls "$slab"

# ---- where it can't be: a warning, and the instance starts all the same
c stop secretname force
core_kill
chmod 755 "$slab"
mount --bind "$slab" "$slab"
mount -o remount,bind,ro "$slab"
core_start
does "on a read-only file system it starts" start secretname
like "$(grep "can't be closed" "$BASE/log")" "$slab can't be closed to other users: Read-only" "and a warning says so"
core_end
umount "$slab"
done_testing
