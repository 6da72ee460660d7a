#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Limits hold against who wants to break them: a fork bomb, a memory hog and a busy loop in one container, and the
# host, its neighbour and the core go on. Resource limits and sysctls are the instance's own.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/attack.sh"

set_key() { c set instance "$1" config "$2" "$3"; }
uuid_of() { for d in "$STATE"/pools/default/*/; do basename "$d"; done; }
# group CONTROLLER: the only instance's group
value() {
	local f
	for f in "$@"; do
		[ -e "$f" ] && { cat "$f"; return; }
	done
}
ms() { echo $(($(date +%s%N) / 1000000)); }
# timed WHAT COMMAND...: how long it took, for the reader
timed() {
	local what=$1 begin
	shift
	begin=$(ms)
	"$@"
	diag "$what: $(($(ms) - begin)) ms"
}

# ---- the weights and times that the kernel has, per hierarchy
make bad limits.processes 60 limits.memory 64MiB limits.cpu.allowance 20ms/100ms
id=$(uuid_of)
group() {
	local dir
	for dir in "/sys/fs/cgroup/$1" /sys/fs/cgroup/*,"$1" /sys/fs/cgroup/"$1",* /sys/fs/cgroup; do
		[ -d "$dir/$NAME/$id" ] && { echo "$dir/$NAME/$id"; return; }
	done
}
like "$(value "$(group cpu)/cpu.max" "$(group cpu)/cpu.cfs_quota_us")" '^20000' "a hard allowance"
set_key bad limits.cpu.allowance 50%
like "$(value "$(group cpu)/cpu.max" "$(group cpu)/cpu.cfs_quota_us")" '^(max|-1)' "a share is none"
like "$(value "$(group cpu)/cpu.weight" "$(group cpu)/cpu.shares")" '^(20|21|524)$' "but half the weight"
set_key bad limits.cpu.priority 0
like "$(value "$(group cpu)/cpu.weight" "$(group cpu)/cpu.shares")" '^(20|514)$' "less 10 with the lowest priority"
set_key bad limits.cpu.allowance 20ms/100ms
does "a neighbour" create good
does "starts" start good

# ---- all three at once
neighbour() { is "$(run good echo fine)" fine "$1"; }
timed "a command in the neighbour, before" neighbour "the neighbour answers"
c job exec bad 'while true; do :; done'
c job exec bad 'while true; do probe eat 500; done'
peak() { value "$(group memory)"/memory.{max_usage_in_bytes,peak}; }
# reached COMMAND...: at most 60 s, each look a question to the core, which must go on answering
reached() {
	local end=$((SECONDS + 60))
	until "$@"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		c processes bad
	done
}
much() { [ "$(peak)" -ge $((60 << 20)) ]; }
many() { [ "$(value "$(group pids)/pids.current")" -ge 55 ]; }
ok "memory was asked for" -- reached much
c job exec bad 'while true; do (while true; do sleep 1000 & done); done'
ok "the bomb went off" -- reached many
timed "a command in the neighbour, meanwhile" neighbour "the neighbour still answers"
timed "a start and stop of another" eval 'make third && gone third'
timed "a key of the attacked one" set_key bad limits.memory 65MiB
is "$SAID" ok "its limits can be set meanwhile"
timed "fifty processes on the host" ok "the host has processes to give" -- bash -c 'for i in $(seq 50); do true & done; wait'
ok "processes stay below the limit" -- test "$(value "$(group pids)/pids.current")" -le 60
ok "memory never had beyond the limit" -- test "$(peak)" -le $((65 << 20))
ok "nor has it now" -- test "$(value "$(group memory)"/memory.{usage_in_bytes,current})" -le $((65 << 20))
diag "$(value "$(group pids)/pids.current") processes, $(value "$(group memory)"/memory.{usage_in_bytes,current}) bytes in the attacked one"
does "it freezes" freeze bad
does "it thaws" start bad
timed "its end" does "it is stopped in spite of it" stop bad force
is "$(find /sys/fs/cgroup -maxdepth 4 -path "*$NAME/$id*")" "" "and nothing of it is left"
gone good
c remove bad

# ---- limits.cpu.nodes: this host has at least node 0
make near limits.cpu.nodes 0 limits.cpu 1
id=$(uuid_of)
is "$(value "$(group cpuset)/cpuset.mems")" 0 "a memory node"
set_key near limits.cpu.nodes balanced
is "$SAID" ok "balanced"
like "$(value "$(group cpuset)/cpuset.mems")" '^[0-9]+$' "is one of them"
refuses EINVAL "aren't all on this host" "one that there isn't" set instance near config limits.cpu.nodes 1000
like "$(value "$(group cpuset)/cpuset.mems")" '^[0-9]+$' "leaves it as it was"
c unset instance near config limits.cpu.nodes
like "$(value "$(group cpuset)/cpuset.mems")" "^($(cat /sys/devices/system/node/has_memory))?\$" "all of them again"
is "$(run near 'grep -c . /proc/self/cpuset')" 1 "it runs on"
gone near

# ---- limits.kernel.*
make lim limits.kernel.nofile 100:200 limits.kernel.core 0 limits.kernel.memlock 64KiB
is "$(run lim 'ulimit -Sn; ulimit -Hn; ulimit -c; ulimit -l' | tr '\n' ' ')" "100 200 0 64 " "limits of a command inside"
is "$(run lim "sed -n 's/^Max open files *//p' /proc/1/limits" | tr -s ' ')" "100 200 files" "and of init"
like "$(run lim 'ulimit -Hn 300 2>&1; ulimit -Hn')" '200$' "which can't be raised"
refuses EINVAL 'SOFT:HARD' "a wrong value" set instance lim config limits.kernel.nofile many
refuses EINVAL "limits.kernel.fsize is one" "a limit that there isn't" set instance lim config limits.kernel.files 5
set_key lim security.privileged true
c stop lim force
does "as a privileged one" start lim
like "$(run lim 'ulimit -Hn 300 2>&1; ulimit -Hn')" '200$' "they can't be raised either"
gone lim
make over limits.kernel.nofile 64
set_key over limits.kernel.nofile 99999999999
c stop over force
refuses EPERM fs.nr_open "more than the kernel has" start over
c remove over

# ---- linux.sysctl.*
before=$(cat /proc/sys/kernel/core_pattern /proc/sys/user/max_user_namespaces /proc/sys/net/ipv4/ip_default_ttl)
make ctl linux.sysctl.net.ipv4.ip_default_ttl 33 linux.sysctl.kernel.msgmax 9000 linux.sysctl.kernel.domainname inner \
	linux.sysctl.fs.mqueue.msg_max 11 linux.sysctl.user.max_inotify_watches 77 linux.sysctl.net.ipv4.tcp_keepalive_time 99
is "$(run ctl 'cd /proc/sys; cat net/ipv4/ip_default_ttl kernel/msgmax kernel/domainname fs/mqueue/msg_max user/max_inotify_watches net/ipv4/tcp_keepalive_time' | tr '\n' ' ')" \
	"33 9000 inner 11 77 99 " "settings of its own namespaces"
is "$(cat /proc/sys/kernel/core_pattern /proc/sys/user/max_user_namespaces /proc/sys/net/ipv4/ip_default_ttl)" "$before" "the host's are what they were"
for key in kernel.core_pattern vm.swappiness fs.file-max kernel.hostname; do
	refuses EOPNOTSUPP "isn't a setting that a container has" "$key" set instance ctl config "linux.sysctl.$key" 1
done
c stop ctl force
does "one that isn't a namespace's" set instance ctl config linux.sysctl.net.ipv4.tcp_mem "1 1 1"
c start ctl
isnt "$SAID" ok "fails the start"
c unset instance ctl config linux.sysctl.net.ipv4.tcp_mem
set_key ctl security.privileged true
refuses EINVAL "user.max_inotify_watches isn't a container's own" "user.* of a privileged one would be the host's" start ctl
c unset instance ctl config linux.sysctl.user.max_inotify_watches
does "others are its own there too" start ctl
is "$(run ctl cat /proc/sys/net/ipv4/ip_default_ttl)$(cat /proc/sys/net/ipv4/ip_default_ttl)" "33$(sed -n 3p <<<"$before")" "and not the host's"
core_end
done_testing
