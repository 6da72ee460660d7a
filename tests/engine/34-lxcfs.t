#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Where the host runs lxcfs, files of /proc tell an instance its limits; where lxcfs doesn't answer, it starts without.
. "$(dirname "$0")/../lib/daemon.sh"
command -v lxcfs >/dev/null || skip_all "no lxcfs (Debian's package of that name)"
[ -d /var/lib/lxcfs ] || skip_all "no /var/lib/lxcfs, where lxcfs is mounted"
lxcfs /var/lib/lxcfs >"$WORK/lxcfs" 2>&1 &
lxcfs=$!
mounted() { [ -e /var/lib/lxcfs/proc/meminfo ]; }
eventually mounted || { diag "$(cat "$WORK/lxcfs")"; skip_all "lxcfs doesn't start on this host"; }
# shellcheck disable=SC2119
daemon_start
ok "the image" -- use_busybox

foo=$LXD/instances/foo
inside() {
	local e=$1/exec/t$BASHPID
	mkdir "$e"
	put "$2" "$e/command"
	put run "$e/state" || cat "$ERROR_FILE"
	cat "$e/stdout" "$e/stderr"
	rmdir "$e"
}
ok "an instance" -- mkdir "$foo"
put 64MiB "$foo/config/limits.memory"
put 0-0 "$foo/config/limits.cpu"
begin=$SECONDS
ok "starts" -- put running "$foo/state"
is "$(inside "$foo" 'sed -n "s/^MemTotal: *//p" /proc/meminfo')" "65536 kB" "/proc/meminfo has limits.memory"
ok "and MemFree is within it" -- test "$(inside "$foo" 'sed -n "s/^MemFree: *\([0-9]*\).*/\1/p" /proc/meminfo')" -le 65536
is "$(inside "$foo" 'grep -c ^processor /proc/cpuinfo')" 1 "/proc/cpuinfo has limits.cpu"
is "$(inside "$foo" 'grep -c "^cpu[0-9]" /proc/stat')" 1 "/proc/stat too"
ok "/proc/uptime is the instance's" -- test "$(inside "$foo" 'cut -d . -f 1 /proc/uptime')" -le $((SECONDS - begin + 2))
like "$(inside "$foo" 'cat /proc/loadavg')" '^[0-9.]+ [0-9.]+ [0-9.]+ ' "/proc/loadavg"
for file in swaps diskstats; do
	ok "/proc/$file" -- inside "$foo" "cat /proc/$file"
done
put 128MiB "$foo/config/limits.memory"
is "$(inside "$foo" 'sed -n "s/^MemTotal: *//p" /proc/meminfo')" "131072 kB" "a new limit shows at once"
like "$(inside "$foo" 'echo x >/proc/meminfo 2>&1; ls /var/lib/lxcfs 2>&1')" 'No such file' "of lxcfs nothing else is seen"
put stopped "$foo/state"
put true "$foo/config/security.privileged"
ok "as a privileged one" -- put running "$foo/state"
is "$(inside "$foo" 'sed -n "s/^MemTotal: *//p" /proc/meminfo')" "131072 kB" "it is the same"
put stopped "$foo/state"
put false "$foo/config/security.privileged"
put true "$foo/config/security.nesting"
ok "with security.nesting" -- put running "$foo/state"
is "$(inside "$foo" 'grep -c lxcfs /proc/mounts; unshare -U -r -m -p -f mount -t proc proc /mnt; echo $?')" "$(printf '0\n0')" "nothing lies over /proc, so that containers in it mount theirs"
put stopped "$foo/state"
put false "$foo/config/security.nesting"

# ---- it dies
put running "$foo/state"
kill -KILL $lxcfs
wait $lxcfs 2>/dev/null
ok "an instance that runs stops, and another starts, when lxcfs has died" -- put stopped "$foo/state"
ok "it starts" -- put running "$foo/state"
like "$(cat "$LXD"/warnings/*/message)" "lxcfs is mounted and doesn't answer" "with a warning"
ok "and has the host's figures" -- inside "$foo" 'grep -q MemTotal /proc/meminfo'
put stopped "$foo/state"
umount -l /var/lib/lxcfs
ok "without lxcfs" -- put running "$foo/state"
is "$(inside "$foo" 'grep -c lxcfs /proc/mounts')" 0 "it is as ever"
done_testing
