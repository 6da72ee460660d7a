#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A write that waits holds up no other: force gets past a clean stop, kill past the command that it is to end.
. "$(dirname "$0")/../lib/daemon.sh"
# shellcheck disable=SC2119 # no arguments: the daemon makes what a new host begins with
daemon_start
use_busybox || skip_all "the image busybox can't be made here"
foo=$LXD/instances/foo

mkdir "$foo"
ok "it runs" -- put running "$foo/state"

# a command that doesn't end by itself; it says when it has begun
mkdir "$foo/exec/1"
put 'echo begun > /tmp/begun; exec sleep 1000' "$foo/exec/1/command"
put run "$foo/exec/1/state" &
waits=$!
ok "it has begun" -- timeout 60 sh -c "until grep -qs begun '$foo/files/tmp/begun'; do sleep 0.05; done"
ok "its state can be read meanwhile" -- grep -q running "$foo/exec/1/state"
ok "kill gets past the one who waits" -- timeout 30 sh -c "echo kill > '$foo/exec/1/state'"
wait "$waits"
is $? 0 "who waited goes on"
is "$(cat "$foo/exec/1/status")" "signal 9" "the command was killed"

# an init that ignores every wish to stop
mkdir "$foo/exec/2"
put 'rm /sbin/init; printf "#!/bin/sh\ntrap : PWR USR1 USR2 TERM INT HUP\nwhile :; do sleep 1; done\n" >/sbin/init; chmod 755 /sbin/init' \
	"$foo/exec/2/command"
put run "$foo/exec/2/state"
is "$(cat "$foo/exec/2/status")" "exit 0" "its init is replaced"
ok "and it runs again" -- put "restart force" "$foo/state"
put 'stopped 600' "$foo/state" &
waits=$!
ok "a clean stop is under way" -- timeout 60 sh -c "until grep -Eq '^(1|64) ' /proc/$waits/syscall; do sleep 0.05; done"
start=$SECONDS
ok "force gets past it" -- timeout 60 sh -c "echo stopped force > '$foo/state'"
ok "and waited for nothing" -- test $((SECONDS - start)) -lt 60
wait "$waits"
is "$(cat "$foo/state")" stopped "it is stopped"

ok "rmdir" -- rmdir "$foo"
done_testing
