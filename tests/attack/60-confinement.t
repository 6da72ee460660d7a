#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The file `confinement` tells what the kernel holds an instance with: unprivileged, isolated, privileged.
. "$(dirname "$0")/../lib/daemon.sh"
# shellcheck disable=SC2119
daemon_start
ok "the image" -- use_busybox

I=$LXD/instances
ok "an instance" -- mkdir "$I/foo"
is "$(get "$I/foo/confinement")" "" "nothing is said of one that isn't running"
fails_with EACCES "" "it can't be written" -- put x "$I/foo/confinement"
ok "it starts" -- put running "$I/foo/state"
pid=$(get "$I/foo/pid")
get "$I/foo/confinement" >"$WORK/said"
said() { sed -n "s/^$1 //p" "$WORK/said"; }
is "$(said namespaces)" "user mnt pid net ipc uts cgroup" "its namespaces"
is "$(said uid_map)" "$(tr -s ' ' <"/proc/$pid/uid_map" | sed 's/^ //')" "its ids, as the kernel has them"
is "$(said seccomp)" filter "a filter"
is "$(said no_new_privs)" false "setuid programs work"
is "$(said capabilities_dropped)" "" "capabilities are those of its own user namespace"
isnt "$(said profile)" "" "its profile, or none"
ok "files of the kernel are hidden" -- grep -q "^hidden /" "$WORK/said"
is "$(while read -r how file; do [ "$how" = hidden ] && cat "/proc/$pid/root$file" 2>/dev/null; done <"$WORK/said")" "" "what is said to be hidden is empty"

ok "stopped" -- put stopped "$I/foo/state"
is "$(get "$I/foo/confinement")" "" "nothing is said any more"
put true "$I/foo/config/security.idmap.isolated"
ok "isolated" -- put running "$I/foo/state"
like "$(get "$I/foo/confinement")" 'uid_map 0 [0-9]+ 65536' "has 65536 ids"
ok "stopped" -- put stopped "$I/foo/state"
put false "$I/foo/config/security.idmap.isolated"
put true "$I/foo/config/security.privileged"
ok "privileged" -- put running "$I/foo/state"
get "$I/foo/confinement" >"$WORK/said"
is "$(said namespaces)" "mnt pid net ipc uts cgroup" "has no user namespace"
for cap in sys_module sys_rawio sys_time mac_admin syslog; do
	like "$(said capabilities_dropped)" "$cap" "can't have $cap"
done
ok "/proc/sys is read-only" -- grep -qx "read_only /proc/sys" "$WORK/said"
ok "/sys/devices/virtual/net isn't" -- grep -qx "writable /sys/devices/virtual/net" "$WORK/said"
like "$(cat "$LXD"/warnings/*/message)" "runs privileged: its root is root of this host" "and there is a warning"
put stopped "$I/foo/state"
put false "$I/foo/config/security.privileged"
ok "unprivileged again" -- put running "$I/foo/state"
unlike "$(cat "$LXD"/warnings/*/message 2>/dev/null)" "runs privileged" "the warning is gone"
done_testing
