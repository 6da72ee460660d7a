#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container whose process can't be killed, since it waits for itself in a FUSE file system of its own: it ends all the
# same, and a FUSE file system of the host that it sees goes on.
. "$(dirname "$0")/../lib/daemon.sh"
# as udev has it
mknod "$WORK/fuse" c 10 229
chmod 666 "$WORK/fuse"
mount --bind "$WORK/fuse" /dev/fuse
. "$ROOT/tests/lib/attack.sh"

# taken NAME: it waits
taken() { [ "$(run "$1" cat /tmp/said | tail -n 1)" = taken ]; }
for kind in plain privileged; do
	c create "$kind"
	[ $kind = plain ] || c set instance "$kind" config security.privileged true
	does "$kind starts" start "$kind"
	c job exec "$kind" 'asker selfish /tmp/fs >/tmp/said 2>&1'
	said() { [ -n "$(run "$kind" cat /tmp/said)" ]; }
	ok "a process mounts" -- eventually said
	if [ "$(run "$kind" cat /tmp/said)" = "fuse EPERM" ] && [ $kind = privileged ]; then
		skip 5 "without AppArmor a privileged container mounts no FUSE file system"
		gone "$kind"
		continue
	fi
	ok "and waits for itself" -- eventually taken "$kind"
	before=$(date +%s)
	does "the container is stopped" stop "$kind" force
	ok "soon" -- test $(($(date +%s) - before)) -lt 15
	is "$(pgrep -x asker)" "" "nothing of it is left"
	does "it starts again" start "$kind"
	gone "$kind"
done
# ---- calls that the host does end as well: a file system that doesn't answer holds up only who asked for it
does "a container whose mknod is done for it" create maker
c set instance maker config security.syscalls.intercept.mknod true
c set instance maker config security.syscalls.intercept.sysinfo true
does "it starts" start maker
c job exec maker 'asker selfish /tmp/fs >/tmp/said 2>&1'
ok "a file system that doesn't answer" -- eventually taken maker
for i in 1 2 3; do
	c job exec maker "asker mknod-1:3 /tmp/fs/$i >/tmp/out$i 2>&1"
done
# one outer process, and two for each call
waiting() { [ "$(pgrep -c -x lxdfs-intercept)" = 7 ]; }
ok "calls wait there" -- eventually waiting
is "$(run maker asker mknod-1:3 /tmp/other)" "mknod-1:3 reached" "others are done meanwhile"
kill -KILL "$(pgrep -o -x lxdfs-intercept)"
interrupted() { [ "$(run maker cat /tmp/out1 /tmp/out2 /tmp/out3 | grep -c EINTR)" = 3 ]; }
ok "who waits for a helper that is killed hears of it" -- eventually interrupted
is "$(run maker asker mknod-1:3 /tmp/another)" "mknod-1:3 reached" "and the next helper serves"
before=$(date +%s)
c job exec maker 'asker mknod-1:3 /tmp/fs/last'
does "it is stopped while a call waits" stop maker force
ok "soon" -- test $(($(date +%s) - before)) -lt 15
gone_all() { ! pgrep -x lxdfs-intercept >/dev/null; }
ok "and no helper is left" -- eventually gone_all
gone maker
core_end
umount /dev/fuse
done_testing
