#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container as seen from inside and outside: ids, namespaces, mounts, capabilities, system calls.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/container.sh"

echo secret >"$WORK/host-file"
mkdir "$STATE/shared" "$STATE/fixed"
echo shared >"$STATE/shared/file"
ok "it starts" -- start "log=$WORK/console.log" hostname=web1 "mount=$STATE/shared:/mnt/shared" \
	"mount=$STATE/fixed:/mnt/fixed:ro" sysctl=net.ipv4.ip_unprivileged_port_start:81 nofile=321
pid=$(field pid)
ok "its init runs" -- test -d "/proc/$pid"
is "$(tr -d '\r' <"$WORK/console.log")" "hello from init" "the console's output is in the log"

# ---- ids
is "$(inside id)" "uid=0(root) gid=0" "root inside"
is "$(sed 's/  */ /g' "/proc/$pid/uid_map")" " 0 1000000 65536" "has a range of its own outside"
is "$(sed 's/  */ /g' "/proc/$pid/gid_map")" " 0 1000000 65536" "for groups, too"
is "$(stat -c %u "/proc/$pid")" 1000000 "its process belongs to that range"
inside 'touch /root/made; chown 1000:1000 /root/made; mkdir /tmp/d; mv /bin /bin2; mv /bin2 /bin' >"$WORK/said"
is "$(cat "$WORK/said")" "" "files can be made, and a directory of the image renamed"
is "$(stat -c %u:%g "$LAYER/upper/root/made")" 1000:1000 "on disk they are unshifted"
is "$(find "$IMAGE" ! -uid 0)$(find "$IMAGE" -name made)" "" "and the image is untouched"
is "$(inside 'cat /root/made /bin/../etc/passwd | head -n 1')" "root:x:0:0::/root:/bin/sh" "the image's files are there"

# ---- the host's files
is "$(inside "cat $WORK/host-file")" "cat: can't open '$WORK/host-file': No such file or directory" "the host's files aren't there"
like "$(inside 'ls /proc/1/root/proc/1/root/..')" 'proc' "its root is its own all the way up"
is "$(inside 'echo x > /dev/sda; mknod /tmp/disk b 254 0 2>&1; ls /tmp/disk 2>&1 | head -c 3')" \
	"$(printf 'mknod: /tmp/disk: Operation not permitted\nls:')" "no block devices can be made"
rm -f "$LAYER/upper/dev/sda"
is "$(inside 'cat /mnt/shared/file; echo more > /mnt/shared/more; stat -c %u:%g /mnt/shared/more')" "$(printf 'shared\n0:0')" \
	"a directory of the host is shared, with its ids"
is "$(stat -c %u "$STATE/shared/more")" 0 "which are root's there"
like "$(inside 'touch /mnt/fixed/x')" 'Read-only file system' "a read-only one is"
is "$(inside 'probe remount-rw /mnt/fixed; probe umount /mnt/fixed')" "$(printf 'Operation not permitted\ndone')" \
	"and can't be made writable; without it there is only what the image has there"
is "$(inside 'probe remount-rw /; mount | grep -c lxdfs-test')" "$(printf 'Operation not permitted\n0')" \
	"nor can the root lose its nodev, nor are paths of the host to be read"

# ---- namespaces
for ns in user mnt pid net uts ipc cgroup; do
	isnt "$(readlink "/proc/$pid/ns/$ns")" "$(readlink "/proc/self/ns/$ns")" "its $ns namespace is its own"
done
is "$(inside 'for i in user mnt pid net cgroup; do readlink /proc/self/ns/$i; done')" \
	"$(readlink "/proc/$pid/ns/user" "/proc/$pid/ns/mnt" "/proc/$pid/ns/pid" "/proc/$pid/ns/net" "/proc/$pid/ns/cgroup")" \
	"a command joins them all"
is "$(inside hostname)" web1 "the host name"
isnt "$(hostname)" web1 "is not the host's"
is "$(inside 'cat /proc/sys/net/ipv4/ip_unprivileged_port_start')" 81 "a sysctl is set"
isnt "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" 81 "inside only"
is "$(inside 'sed 1d /proc/net/dev | sed 1d | cut -d : -f 1 | tr -d " "')" lo "there is no link but lo"
is "$(sed -n 's/^Max open files *\([0-9]*\) *\([0-9]*\) .*/\1 \2/p' "/proc/$pid/limits")" "321 321" "limits of init are set"
is "$(inside 'cat /proc/1/cgroup' | cut -d : -f 3 | sort -u)" / "its groups are the root of what it sees"
is "$(inside 'tr "\0" "\n" </proc/1/environ' | grep container)" container=lxc "init can tell where it is"

# ---- /dev, /proc, /sys
is "$(inside 'cd /dev; find . -type c -o -type l | sort' | grep -v -e fuse -e tun | tr '\n' ' ')" \
	"./console ./fd ./full ./null ./ptmx ./pts/0 ./pts/ptmx ./random ./stderr ./stdin ./stdout ./tty ./urandom ./zero " \
	"/dev holds what it must and nothing else"
is "$(inside 'echo x >/dev/null; head -c 2 /dev/zero | wc -c; head -c 2 /dev/urandom | wc -c; stat -c %g /dev/pts/0')" \
	"$(printf '2\n2\n5')" "and it works"
is "$(inside 'cat /proc/kcore /proc/keys /proc/timer_list /proc/sched_debug 2>/dev/null | wc -c')" 0 "nothing is read from masked files"
is "$(inside 'ls -A /sys/kernel/debug /sys/kernel/tracing /sys/kernel/security /sys/kernel/config /sys/fs/pstore 2>/dev/null' | grep -v '^/' | tr -d '\n')" "" \
	"nor found in masked directories"
like "$(inside 'echo b > /proc/sysrq-trigger')" 'Permission denied|nonexistent' "sysrq is out of reach"
like "$(inside 'echo x > /proc/sys/kernel/core_pattern')" 'Permission denied' "the host's sysctls are"
is "$(inside 'find / -xdev -name release_agent 2>/dev/null; find /sys/fs/cgroup -name release_agent')" "" "no release_agent"

# ---- rights
is "$(printf '%016x' $(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)))" "$(inside 'sed -n "s/^CapEff:\t//p" /proc/self/status')" "all capabilities, inside its namespace"
is "$(inside 'sed -n "s/^NoNewPrivs:\t//p;s/^Seccomp:\t//p" /proc/self/status' | tr '\n' ' ')" "0 2 " "a filter, and setuid programs work"
inside 'probe syscalls' >"$WORK/calls"
for call in kexec_load kexec_file_load open_by_handle_at init_module finit_module delete_module x32-init_module; do
	is "$(sed -n "s/^$call //p" "$WORK/calls")" ENOSYS "$call is denied"
done
is "$(sed -n 's/^umount2-force //p' "$WORK/calls")" EPERM "umount2 with MNT_FORCE is denied"
is "$(sed -n 's/^umount2 //p' "$WORK/calls")" "No such file or directory" "without it isn't"
is "$(sed -n 's/^getppid //p' "$WORK/calls")" allowed "what isn't on the list works"
is "$(inside 'probe syscalls32' | grep -c -e '_module ENOSYS' -e 'kexec_load ENOSYS' -e 'no such entry')" \
	"$(inside 'probe syscalls32' | grep -vc getppid)" "the 32-bit entry is filtered"

# ---- the other side
is "$(tr '\0' ' ' <"/proc/$(pgrep -x lxdfs-monitor)/cmdline")" "lxdfs-monitor " "the monitor's command line tells no name"
private=$(awk '/^Private/ { kb += $2 } END { print kb }' "/proc/$(pgrep -x lxdfs-monitor)/smaps_rollup")
case $BUILD in
*asan*) skip 1 "memory isn't measured in a sanitizer's build" ;;
*) ok "the monitor has less than 1 MiB of its own ($private KiB)" -- test "$private" -lt 1024 ;;
esac
is "$(sed -n 's/^CapPrm:\t//p;s/^NoNewPrivs:\t//p' "/proc/$(pgrep -x lxdfs-monitor)/status" | tr '\n' ' ')" \
	"0000000000000000 1 " "it gave up its rights"
refuses 16 "runs already" "a second one of that name is refused" start

ok "it is ended" -- ctl finish
nothing_left "and nothing is left"

done_testing
