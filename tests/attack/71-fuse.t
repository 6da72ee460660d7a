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
core_end
umount /dev/fuse
done_testing
