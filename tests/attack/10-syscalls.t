#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# System calls that a container may not make: each row of the default list in each kind of container, through each
# of the processor's entries, and what the keys make of it.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/attack.sh"

denied='kexec_load ENOSYS
kexec_file_load ENOSYS
open_by_handle_at ENOSYS
init_module ENOSYS
finit_module ENOSYS
delete_module ENOSYS
umount2-force EPERM
umount2 No such file or directory'
denied_privileged='bpf ENOSYS
perf_event_open ENOSYS
userfaultfd ENOSYS
keyctl ENOSYS
add_key ENOSYS
request_key ENOSYS
swapon ENOSYS
swapoff ENOSYS
ioctl-next-mount-ns Inappropriate ioctl for device
ioctl-previous-mount-ns Inappropriate ioctl for device'

kinds=(plain "" isolated "security.idmap.isolated true" nested "security.nesting true" privileged
	"security.privileged true")
for ((i = 0; i < ${#kinds[@]}; i += 2)); do
	kind=${kinds[i]}
	# shellcheck disable=SC2086 # pairs
	make "$kind" ${kinds[i + 1]}
	run "$kind" probe syscalls >"$WORK/calls"
	while read -r line; do
		ok "$kind: $line" -- grep -qxF "$line" "$WORK/calls"
	done <<<"$denied"
	if [ "$kind" = privileged ]; then
		while read -r line; do
			ok "$kind: $line" -- grep -qxF "$line" "$WORK/calls"
		done <<<"$denied_privileged"
	fi
	ok "$kind: x32-init_module ENOSYS" -- grep -qx "x32-init_module ENOSYS" "$WORK/calls"
	ok "$kind: others pass" -- grep -qx "getppid allowed" "$WORK/calls"
	run "$kind" probe syscalls32 >"$WORK/calls"
	is "$(grep -v getppid "$WORK/calls" | grep -cv -e ' ENOSYS$' -e 'no such entry$')" 0 "$kind: the 32-bit entry denies the same"
	gone "$kind"
done

# ---- what the keys do: hostname(1) makes a call whose error it prints
does "an instance" create foo
set_key() { c set instance foo config "$@"; }
restart() { c stop foo force && c start foo; }
set_key security.syscalls.deny "sethostname errno 28"
is "$SAID" ok "a call is denied"
does "and it starts" start foo
like "$(run foo hostname x 2>&1)" "No space left" "the call fails with that error"
unlike "$(run foo hostname)" "No space" "others don't"
set_key security.syscalls.deny "sethostname errno 5"
like "$(run foo hostname x)" "No space left" "what runs keeps the filter that it has"
restart
like "$(run foo hostname x)" "I.*O error|Input/output" "the next start takes the new one"
set_key security.syscalls.deny sethostname
restart
like "$(c exec foo 'hostname x; echo status $?'; echo "$OUT")" "status 159" "a name alone kills who calls"
c unset instance foo config security.syscalls.deny
set_key security.syscalls.allow execve
restart
c exec foo true
isnt "$SAID: $OUT" "ok: 0" "with execve alone nothing runs"
c stop foo force
c unset instance foo config security.syscalls.allow
set_key security.syscalls.deny_default false
does "without the default list" start foo
like "$(run foo probe syscalls)" "open_by_handle_at (EBADF|EPERM|Bad address)" "what it denied reaches the kernel"
set_key security.syscalls.deny_compat true
restart
run foo probe syscalls32 >"$WORK/calls"
is "$(grep -cv -e ' ENOSYS$' -e 'no such entry$' "$WORK/calls")" 0 "deny_compat: no call of the 32-bit entry"
c unset instance foo config security.syscalls.deny_compat
c unset instance foo config security.syscalls.deny_default

# ---- refused where it is written
refuses EINVAL 'is kexec_load meant?' "a slip of the finger" set instance foo config security.syscalls.deny kexec_laod
refuses EINVAL "doesn't allow execve" "a list that starts nothing" set instance foo config security.syscalls.allow read
c set instance foo config security.syscalls.deny ptrace
refuses EINVAL "security.syscalls.deny besides it" "two lists" set instance foo config security.syscalls.allow execve
refuses EINVAL 'begins with a line "2"' "a policy without its head" set instance foo config raw.seccomp ptrace
c set instance foo config security.syscalls.deny frobnicate_the_host
is "$SAID" ok "a name that nothing is like may be a newer kernel's"
does "it is left out" start foo
core_end
done_testing
