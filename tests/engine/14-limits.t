#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits are in force, live, and hold what is inside; groups can't be written from there.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/container.sh"

# group CONTROLLER: the container's group on whichever hierarchy has it
group() {
	local dir
	for dir in "/sys/fs/cgroup/$1" /sys/fs/cgroup/*,"$1" /sys/fs/cgroup/"$1",* /sys/fs/cgroup; do
		[ -d "$dir/$NAME/$UUID" ] && { echo "$dir/$NAME/$UUID"; return; }
	done
}
value() {
	local file
	for file in "$@"; do
		[ -e "$file" ] && { cat "$file"; return; }
	done
}
memory() { value "$(group memory)"/memory.{limit_in_bytes,max}; }
pids() { value "$(group pids)/pids.max"; }

ok "it starts with limits" -- start memory=67108864 pids=40 cpus=0 quota=50000
is "$(memory)" 67108864 "memory"
is "$(pids)" 40 "processes"
is "$(value "$(group cpuset)/cpuset.cpus")" 0 "CPUs"
is "$(inside 'grep Cpus_allowed_list /proc/self/status | tr -d "[:alpha:]_:\t"')" 0 "which the container sees"
like "$(value "$(group cpu)"/cpu.{cfs_quota_us,max})" '^50000' "CPU time"

ok "a write changes them live" -- ctl set memory=134217728 pids=30
is "$(memory) $(pids)" "134217728 30" "at once"
ok "and takes them away" -- ctl set memory=none pids=none cpu_count=0 quota=none
like "$(memory) $(pids)" '^(9223372036854771712|max) max$' "memory and processes"
like "$(value "$(group cpu)"/cpu.{cfs_quota_us,max})" '^(-1|max)' "CPU time"
is "$(value "$(group cpuset)/cpuset.cpus")" "$(value /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/cpuset.cpus.effective)" "CPUs"
ok "one CPU" -- ctl set cpu_count=1
is "$(nproc) $(inside nproc)" "$(nproc) 1" "is one CPU inside"
ok "shares" -- ctl set shares=512
like "$(value "$(group cpu)"/cpu.{shares,weight})" '^(512|20)$' "shares"

ok "a limit" -- ctl set memory=67108864 pids=33
refuses 22 "aren't all on this host" "a wrong one is refused" ctl set pids=20 memory=50331648 cpus=999
is "$(memory) $(pids)" "67108864 33" "and what came before it is as it was"
inside 'dd if=/dev/zero of=/dev/shm/x bs=1M count=20 2>/dev/null' >/dev/null
refuses 16 "more than 4194304" "less memory than it uses is refused" ctl set memory=4194304
is "$(memory)" 67108864 "and the limit stays"
inside 'rm /dev/shm/x' >/dev/null

# ---- they hold
like "$(inside 'probe eat 30')" 'ate 30' "memory below the limit can be had"
ctl exec "dir=$WORK/eat" arg=/bin/probe arg=eat arg=200
is "$(cat "$WORK/eat/status") $(cat "$WORK/eat/stdout")" "signal 9 " "memory beyond it can't"
ok "the container lives on" -- ctl adopt
like "$(inside 'probe bomb')" '^(2[0-9]|3[0-2]) Resource temporarily unavailable' "a fork bomb ends at the limit"
ok "and the container can be reached" -- test "$(inside 'echo yes')" = yes

# ---- use
ok "use can be read" -- ctl adopt
for what in memory cpu_ns pids; do
	ok "$what" -- test "$(field "$what")" -gt 0
done

# ---- not from inside
for f in memory.limit_in_bytes memory.max pids.max cpuset.cpus; do
	inside "find /sys/fs/cgroup -name $f 2>/dev/null | while read -r f; do echo 0 >\$f; done" >/dev/null
done
is "$(memory) $(pids)" "67108864 33" "limits can't be written from inside"
is "$(inside 'mkdir /sys/fs/cgroup/unified/sub 2>/dev/null || mkdir /sys/fs/cgroup/sub; echo made')" made "groups of its own can be made"
ok "a bomb doesn't hinder the end" -- eval 'ctl exec "dir=$WORK/bomb" "command=while true; do sleep 1000 & done" wait=no; ctl finish'
nothing_left "and nothing is left, its own groups neither"

# ---- privileged: root inside is root, yet the limits are not its own
PRIVILEGED=yes
ok "a privileged one starts" -- start privileged=yes memory=67108864 pids=44
for f in memory.limit_in_bytes memory.max pids.max; do
	inside "find /sys/fs/cgroup -name $f 2>/dev/null | while read -r f; do echo 9999999999 >\$f; echo max >\$f; done" >/dev/null
done
is "$(memory) $(pids)" "67108864 44" "limits can't be written from inside"
is "$(inside 'probe mknod /tmp/disk')" "Operation not permitted" "no disk's node can be made"
is "$(inside 'echo x >/dev/null && head -c 1 /dev/zero | wc -c')" 1 "other devices work"
inside 'probe syscalls' >"$WORK/calls"
for call in bpf perf_event_open userfaultfd open_by_handle_at init_module; do
	is "$(sed -n "s/^$call //p" "$WORK/calls")" ENOSYS "$call is denied"
done
is "$(inside 'for c in 16 17 25 32 33; do capsh --print 2>/dev/null; done; sed -n "s/^CapBnd:\t//p" /proc/self/status')" \
	"$(printf '%016x' $((0x$(sed -n 's/^CapBnd:\t//p' /proc/1/status) & ~(1 << 16 | 1 << 17 | 1 << 25 | 1 << 32 | 1 << 33 | 1 << 34 | 1 << 35 | 1 << 36))))" \
	"capabilities that reach the host are gone"
for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/power/state; do
	like "$(inside "echo x >$f")" 'Read-only|nonexistent|No such|Permission|not permitted' "$f can't be written"
done
is "$(inside 'find /sys/fs/cgroup -name release_agent')" "" "no release_agent"
ok "ended" -- ctl finish
nothing_left "nothing is left"

done_testing
