#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Instances through the tree: states and what changes them, waiting, ^C, ends that nobody asked for, commands,
# a core that dies, and a host that comes back.
. "$(dirname "$0")/../lib/daemon.sh"

# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
keeper() { pgrep -o -x lxdfsd; }
core() { pgrep -P "$(keeper)" -x lxdfsd; }
kill_core() {
	local pid
	pid=$(core) && kill -KILL "$pid" && timeout 30 tail --pid "$pid" -s 0.05 -f /dev/null
}
veths() { ip -o link | grep -c veth; }
cgroup_dirs() { find /sys/fs/cgroup -maxdepth 4 -type d -path "*$NAME/*-*" 2>/dev/null; }
monitor() { pgrep -o -x lxdfs-monitor; }
foo=$LXD/instances/foo

# ---- a life, as typed
ok "mkdir makes one" -- mkdir "$foo"
is "$(get "$foo/state") $(get "$foo/pid")" "stopped " "it is stopped, without a process"
fails_with EBUSY "isn't running" "it can't be frozen" -- put frozen "$foo/state"
fails_with EBUSY "is stopped" "nor restarted" -- put restart "$foo/state"
ok "stopping it changes nothing" -- put stopped "$foo/state"
fails_with EINVAL "running, stopped, frozen or restart" "nonsense is refused" -- put walking "$foo/state"
ok "it starts" -- put running "$foo/state"
is "$(get "$foo/state")" running "it runs"
ok "its process is there" -- test -d "/proc/$(get "$foo/pid")"
ok "the symlink files leads inside" -- test -e "$foo/files/etc/inittab"
is "$(get "$foo/source")" busybox "it tells what it is made of"
like "$(get "$foo/last_used_at")" '^20..-..-..T' "and when it was used"
ok "it has an address" -- eventually grep -q '^eth0 10\.' "$foo/addresses"
fails_with EBUSY "is running: echo stopped" "rmdir is refused while it runs" -- rmdir "$foo"
fails_with EBUSY "is running" "so is mv" -- mv "$foo" "$LXD/instances/bar"
ok "it freezes" -- put frozen "$foo/state"
is "$(get "$foo/state")" frozen "it is frozen"
ok "and thaws" -- put running "$foo/state"
pid=$(get "$foo/pid")
ok "it restarts" -- put 'restart force' "$foo/state"
isnt "$(get "$foo/pid")" "$pid" "as another process"

# ---- commands
mkdir "$foo/exec/1"
put web "$foo/config/environment.ROLE"
put 'echo $ROLE $MORE; id -u; echo oops >&2; exit 3' "$foo/exec/1/command"
put 'MORE=much' "$foo/exec/1/environment"
ok "a command is run" -- put run "$foo/exec/1/state"
is "$(get "$foo/exec/1/stdout")" "$(printf 'web much\n0')" "its output, with the instance's environment and its own"
is "$(get "$foo/exec/1/stderr")" oops "what it printed as errors"
is "$(get "$foo/exec/1/status")" "exit 3" "and how it ended"
fails_with EBUSY "already" "it can't be run twice" -- put run "$foo/exec/1/state"
mkdir "$foo/exec/2"
put 'id -un; pwd; cat' "$foo/exec/2/command"
put nobody "$foo/exec/2/user"
put /tmp "$foo/exec/2/cwd"
put 'from outside' "$foo/exec/2/stdin"
put run "$foo/exec/2/state"
is "$(get "$foo/exec/2/stdout")" "$(printf 'nobody\n/tmp\nfrom outside')" "as a user of the instance, with a directory and input"
mkdir "$foo/exec/3"
put true "$foo/exec/3/command"
put nosuch "$foo/exec/3/user"
fails_with EINVAL "no such user" "one that it hasn't is refused" -- put run "$foo/exec/3/state"
mkdir "$foo/exec/4"
put 'sleep 1000' "$foo/exec/4/command"
ok "a command goes on beside" -- put start "$foo/exec/4/state"
is "$(get "$foo/exec/4/status")" running "it runs"
fails_with EBUSY "still runs" "and isn't removed meanwhile" -- rmdir "$foo/exec/4"
kill_core
is "$(get "$foo/exec/4/status")" running "a new core finds it"
is "$(get "$foo/exec/1/status")" "exit 3" "and those that ended"
ok "it is killed" -- put 'kill TERM' "$foo/exec/4/state"
ok "" -- put wait "$foo/exec/4/state"
is "$(get "$foo/exec/4/status")" "signal 15" "by that signal"
mkdir "$foo/exec/5"
put 'yes & echo done >&2' "$foo/exec/5/command"
ok "what a command leaves running and printing doesn't keep it from ending" -- timeout 60 tee "$foo/exec/5/state" <<<run
is "$(get "$foo/exec/5/status") $(get "$foo/exec/5/stderr")" "exit 0 done" "with all that it printed itself"
ok "rmdir removes one" -- rmdir "$foo/exec/1"

# ---- waiting
fails_with ETIMEDOUT "still running" "a wait has an end" -- put 'stopped 1' "$foo/wait"
put 'stopped 30' "$foo/wait" &
waiter=$!
kill -KILL "$(get "$foo/pid")"
ok "it wakes when init dies" -- wait "$waiter"
is "$(get "$foo/state")" stopped "it is stopped then"
is "$(veths)$(cgroup_dirs)" 0 "with everything gone"
put running "$foo/state"
(timeout 20 inotifywait -q -e attrib,modify "$foo/state" >"$WORK/notified" 2>&1) &
waiter=$!
watched() { local p && p=$(pgrep -x inotifywait) && grep -q '^inotify wd' /proc/"$p"/fdinfo/*; }
eventually watched
kill -KILL "$(get "$foo/pid")"
ok "inotifywait sees it" -- wait "$waiter"

# ---- the monitor killed
put running "$foo/state"
kill -KILL "$(monitor)"
ok "the end of a monitor is seen" -- put 'stopped 30' "$foo/wait"
is "$(veths)$(cgroup_dirs)" 0 "with everything gone"
ok "it can be started again" -- put running "$foo/state"

# ---- reboot and power off from inside
mkdir "$foo/exec/r"
put 'reboot -f' "$foo/exec/r/command"
pid=$(get "$foo/pid")
put run "$foo/exec/r/state" 2>/dev/null
another() { local now && now=$(get "$foo/pid") && [ -n "$now" ] && [ "$now" != "$pid" ]; }
ok "reboot inside starts it again" -- eventually another
is "$(get "$foo/state")" running "it runs"
mkdir "$foo/exec/p"
put 'poweroff -f' "$foo/exec/p/command"
put start "$foo/exec/p/state" 2>/dev/null
ok "poweroff inside stops it" -- put 'stopped 60' "$foo/wait"

# ---- ^C
put running "$foo/state"
mkdir "$foo/exec/i"
put 'mv /sbin/init /sbin/old; printf "#!/bin/sh\ntrap \"touch /told\" USR2 PWR\nwhile :; do sleep 1; done\n" >/sbin/init; chmod 755 /sbin/init' \
	"$foo/exec/i/command"
put run "$foo/exec/i/state"
put 'restart force' "$foo/state"
# SIGINT, which a background job of a shell doesn't get otherwise
python3 -c 'import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
open(sys.argv[1], "w").write("stopped 60\n")' "$foo/state" &
stopper=$!
eventually test -e "$foo/files/told"
kill -INT "$stopper"
before=$(date +%s%N)
wait "$stopper"
ok "^C ends a stop that waits" -- test "$((($(date +%s%N) - before) / 1000000))" -lt 30000
is "$(get "$foo/state")" running "an init that doesn't listen goes on"
before=$(date +%s%N)
ok "a clean stop kills when its time is over" -- put 'stopped 1' "$foo/state"
took=$((($(date +%s%N) - before) / 1000000))
ok "not before ($took ms)" -- test "$took" -ge 1000 -a "$took" -lt 30000
rm -r "$foo" 2>/dev/null || rmdir "$foo"
nok "rm -r removes a stopped one" -- test -e "$foo"

# ---- limits and filters in force when the write returns, kept by a core that dies
mkdir "$foo"
put running "$foo/state"
limit() {
	cat /sys/fs/cgroup/"$NAME"/*/memory.max /sys/fs/cgroup/*/"$NAME"/*/memory.limit_in_bytes 2>/dev/null | head -n 1
}
ok "a limit" -- put 64MiB "$foo/config/limits.memory"
is "$(limit)" 67108864 "is in the kernel"
# a lease that is on its way would change what is pinned
eventually grep -q '^eth0 10\.' "$foo/addresses"
put true "$foo/devices/eth0/security.mac_filtering"
put true "$foo/devices/eth0/security.ipv4_filtering"
rules() { nft list table bridge "$NAME" 2>/dev/null | grep -v '^table'; }
has_address() {
	local address
	address=$(sed -n 's/^eth0 \(10\..*\)/\1/p' "$foo/addresses")
	[ -n "$address" ] && rules | grep -q "saddr $address accept"
}
ok "a filter is" -- eventually has_address
before=$(rules)
kill_core
is "$(get "$foo/state")" running "a new core has it"
is "$(rules)" "$before" "with the same rules"
is "$(limit)" 67108864 "and the same limit"
rm "$foo/devices/eth0/security.mac_filtering" "$foo/devices/eth0/security.ipv4_filtering"
unlike "$(rules)" 'port-' "rm takes them away"

# ---- NICs while it runs
mkdir "$foo/devices/eth1"
put nic "$foo/devices/eth1/type"
is "$(veths)" 1 "a NIC without a network isn't attached"
put lxdbr0 "$foo/devices/eth1/network"
is "$(veths)" 2 "with one it is"
ok "it is seen inside" -- test -e "$foo/network/eth1"
ok "rmdir of the device" -- rmdir "$foo/devices/eth1"
is "$(veths)" 1 "detaches it"

# ---- ephemeral
mkdir "$LXD/instances/brief"
put true "$LXD/instances/brief/ephemeral"
put running "$LXD/instances/brief/state"
ok "an ephemeral one" -- put 'stopped force' "$LXD/instances/brief/state"
ok "is gone when it stopped" -- eventually test ! -e "$LXD/instances/brief"

# ---- a start that fails
mkdir "$LXD/instances/bad"
put nosuch "$LXD/instances/bad/source"
fails_with ENOENT nosuch "an image that isn't there" -- put running "$LXD/instances/bad/state"
is "$(get "$LXD/instances/bad/state")" stopped "leaves it stopped"
like "$(get "$LXD/instances/bad/error")" nosuch "with the sentence in its error file"
put busybox "$LXD/instances/bad/source"
mkdir "$LXD/instances/bad/devices/eth9"
put nic "$LXD/instances/bad/devices/eth9/type"
fails_with EINVAL "eth9 isn't complete" "a device that isn't complete refuses a start" -- put running "$LXD/instances/bad/state"
rmdir "$LXD/instances/bad/devices/eth9"

# ---- the host goes down and comes back
put true "$LXD/instances/bad/config/boot.autostart"
mkdir "$LXD/instances/idle"
ok "the daemon stops with all that it runs" -- daemon_stop
is "$(veths)$(cgroup_dirs)$(monitor)" 0 "nothing runs any more"
ok "it starts again" -- daemon_again
ok "what ran runs again" -- put 'running 20' "$foo/wait"
ok "so does what is to start with the host" -- put 'running 20' "$LXD/instances/bad/wait"
is "$(get "$LXD/instances/idle/state")" stopped "nothing else"
put 'stopped force' "$LXD/instances/bad/state"
kill_core
is "$(get "$LXD/instances/bad/state")" stopped "a new core starts nothing that was stopped"
put 'stopped force' "$foo/state"
done_testing
