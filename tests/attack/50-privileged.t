#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A privileged container beside an unprivileged one, seen from the host: settings, others, its own limits (what it tries
# from inside: 15-reach.t).
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/attack.sh"

settings() { cat /proc/sys/kernel/core_pattern /proc/sys/kernel/modprobe 2>/dev/null; }
host_before=$(settings)
make unpriv
make priv security.privileged true limits.memory 128MiB limits.processes 200 limits.kernel.nofile 512
make other
is "$(settings)" "$host_before" "the host's settings are what they were"

# ---- others
run other 'sleep 12345 & true' >/dev/null
is "$(run priv 'cat /proc/[0-9]*/cmdline | tr "\0" " " | grep -c "[s]leep 12345"')" 0 "it sees no process of another container"
is "$(run priv 'ls /sys/class/net' | tr '\n' ' ')" "eth0 lo " "it sees no link of the host"
run priv 'find /sys/fs/cgroup -name release_agent' >"$WORK/agents"
is "$(cat "$WORK/agents")" "" "no release_agent"
agents() { cat /sys/fs/cgroup/*/release_agent 2>/dev/null; }
agents_before=$(agents)
for group in memory pids none,name=own; do
	run priv "mkdir -p /tmp/cg; mount -t cgroup -o $group,release_agent=/bin/probe c /tmp/cg; mount -o remount,$group,release_agent=/bin/probe /tmp/cg; find /tmp/cg -name release_agent; umount /tmp/cg" 2>/dev/null >"$WORK/agents"
	unlike "$(cat "$WORK/agents")" release_agent "none in a mount of its own of $group"
done
is "$(agents)" "$agents_before" "nor is one of the host's set by a mount's option"
is "$(run priv 'find /sys/fs/cgroup -name "*-*-*-*-*"')" "" "no control group of another"

# ---- its own limits
id_file() { find /sys/fs/cgroup -maxdepth 4 -path "*$NAME/*" -name "$1" -exec cat {} + 2>/dev/null | sort -u; }
before=$(id_file 'pids.max'; id_file 'memory.max'; id_file 'memory.limit_in_bytes')
run priv 'find /sys/fs/cgroup -name "*.max" -o -name "*limit_in_bytes" | while read -r f; do echo max >$f; echo -1 >$f; done; ulimit -Hn 4096' >/dev/null 2>&1
is "$(id_file 'pids.max'; id_file 'memory.max'; id_file 'memory.limit_in_bytes')" "$before" "its limits can't be raised from inside"
is "$(run priv 'ulimit -Hn 4096 2>/dev/null; ulimit -Hn')" 512 "those of processes neither"

# ---- said
ok "a warning tells that it isn't root-safe" -- grep -q "it runs privileged: its root is root of this host" "$BASE/log"
is "$(grep -c 'runs privileged' "$BASE/log")" 1 "for the privileged one alone"

# ---- a file system as a whole isn't its to change: not tried on a kernel that others use
if [ -n "${LXDFS_VM:-}" ]; then
	run priv 'mount -o remount,ro /sys; mount -o remount,ro /' >/dev/null
	is "$(grep -c ' - sysfs [^ ]* ro' /proc/self/mountinfo)" 0 "the host's /sys stays writable"
	make another
fi

# ---- beside it
is "$(run unpriv 'mkdir -p /tmp/p; mount -t proc proc /tmp/p 2>/dev/null; probe remount-rw /proc/kcore; echo x 2>/dev/null >/proc/sys/kernel/core_pattern || echo kept' | tail -n 1)" kept "root of an unprivileged one doesn't"
core_end
done_testing
