#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A real distribution: Debian 12 made by debootstrap boots its systemd, gets its address, runs commands, shuts down
# and restarts. LXDFS_DEBIAN_IMAGE is an image that tests/lib/debian-image made before: the virtual machine has no
# network to make one by.
image=${LXDFS_DEBIAN_IMAGE:-$(dirname "$0")/../../build/debian.tar.gz}
if [ "$(id -u)" = 0 ] && [ -z "${LXDFS_TEST_INSIDE:-}" ] && [ ! -e "$image" ]; then
	if ! why=$("$(dirname "$0")/../lib/debian-image" "$image" 2>&1); then
		echo "1..0 # skip ${why//$'\n'/ }"
		exit 0
	fi
fi
export LXDFS_TEST_DISK=${LXDFS_TEST_DISK:-3G}
. "$(dirname "$0")/../lib/daemon.sh"

foo=$LXD/instances/foo
# inside COMMAND [USER]: its output; what it printed as errors and a status other than 0 follow
inside() {
	local e=$foo/exec/t$BASHPID
	mkdir "$e" || return
	put "$1" "$e/command"
	[ -z "${2:-}" ] || put "$2" "$e/user"
	put run "$e/state" || cat "$ERROR_FILE"
	cat "$e/stdout" "$e/stderr"
	[ "$(cat "$e/status")" = "exit 0" ] || echo "($(cat "$e/status"))"
	rmdir "$e"
}
booted() {
	case $(inside 'systemctl is-system-running --wait 2>&1') in running* | degraded*) return 0 ;; esac
	return 1
}
# patiently COMMAND: as eventually, for what an emulated machine does in many minutes
patiently() {
	local i
	for i in 1 2 3 4 5 6 7 8 9 10; do
		eventually "$@" && return
	done
	return 1
}
address() { grep -m 1 -o '^eth0 10\.[0-9.]*' "$foo/addresses" | cut -d ' ' -f 2 | grep .; }
log() { tail -n 60 "$STATE"/logs/*/console.log "$foo/console.log" 2>/dev/null | tr -d '\r'; }
# what is wrong in it, for the reader of a failed test
tell() {
	diag "$(inside 'systemctl --failed --no-legend --plain; systemctl list-jobs; journalctl -b -p warning --no-pager | tail -n 60')"
}

# shellcheck disable=SC2119
daemon_start
ok "the image is imported" -- cp "$image" "$LXD/images/"
ln -s "../$(sha256sum "$image" | cut -d ' ' -f 1)" "$LXD/images/aliases/debian"
ok "an instance is made of it" -- eval 'mkdir "$LXD/instances/foo" && put debian "$foo/source"'
put 512MiB "$foo/config/limits.memory"
ok "it starts" -- put running "$foo/state"
before=$(date +%s)
ok "systemd comes up" -- patiently booted
diag "after $(($(date +%s) - before)) s"

# ---- what runs
is "$(inside 'systemctl is-active multi-user.target')" active "it reaches multi-user.target"
failed=$(inside 'systemctl --failed --no-legend --plain')
is "$failed" "" "no unit failed"
[ -z "$failed" ] || tell
is "$(inside 'systemd-detect-virt')" lxc "it knows what it runs in"
is "$(inside 'hostname')" foo "its host name"
like "$(inside 'cat /etc/machine-id')" '^[0-9a-f]{32}$' "it made itself a machine id"
like "$(inside 'journalctl -b --no-pager | head -n 100')" 'systemd' "its journal is kept"
like "$(inside 'ls -l /dev/console')" 'root' "the console is its root's"
is "$(inside 'id -un; pwd')" "$(printf 'root\n/root')" "a command as root"
is "$(inside 'id -un; echo $HOME; pwd' debian)" "$(printf 'debian\n/home/debian\n/home/debian')" "and as a user"
is "$(inside 'systemd-run -q --wait -p MemoryMax=64M -p TasksMax=50 true')" "" "it makes groups with limits of its own"
is "$(inside 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null; true' | head -n 1)" \
	536870912 "limits.memory is seen"

# ---- its network
ok "it has an address of the bridge" -- patiently address
a=$(address)
like "$(inside 'ip -4 -o addr show dev eth0')" "$a/24" "it knows it"
like "$(inside 'ip route')" 'default via 10\.' "and a way out"
like "$(inside 'resolvectl query -4 --legend=no foo.lxd')" "foo.lxd: $a" "names are resolved by the bridge"
like "$(inside 'getent ahostsv4 foo.lxd')" "$a" "for every program"

# ---- restarts
pid=$(get "$foo/pid")
another() { local now && now=$(get "$foo/pid") && [ -n "$now" ] && [ "$now" != "$pid" ]; }
put 'reboot' "$(mkdir "$foo/exec/r" && echo "$foo/exec/r/command")"
put start "$foo/exec/r/state"
ok "reboot inside starts it again" -- patiently another
ok "it comes up" -- patiently booted
is "$(inside 'systemctl --failed --no-legend --plain')" "" "no unit failed"
pid=$(get "$foo/pid")
ok "echo restart" -- put restart "$foo/state"
ok "restarts it" -- another
ok "it comes up" -- patiently booted
ok "it has its address again" -- patiently address
is "$(address)" "$a" "the same one"

# ---- with more rights
for key in security.nesting security.privileged; do
	put true "$foo/config/$key"
	ok "it restarts with $key" -- put restart "$foo/state"
	ok "it comes up" -- patiently booted
	is "$(inside 'systemctl --failed --no-legend --plain')" "" "no unit failed"
	if [ "$key" = security.nesting ]; then
		like "$(inside 'unshare -Ur -mpnf --mount-proc sh -c "mount -t sysfs x /mnt && ls /mnt/class/net && echo \$\$"')" \
			$'lo\n1' "a container in it can have a /proc and a /sys of its own"
		bwrap='bwrap --ro-bind / / --proc /proc --dev /dev --tmpfs /tmp --unshare-all --as-pid-1 sh -c "id -un; echo \$\$; test \$(ls -d /proc/[0-9]* | wc -l) -lt 6 && echo alone"'
		is "$(inside "$bwrap")" "$(printf 'root\n1\nalone')" "bubblewrap runs in it"
		is "$(inside "$bwrap" debian)" "$(printf 'debian\n1\nalone')" "for a user of it, too"
		# crun 1.8 wants a host of cgroup v2 alone
		bundle='mkdir -p /root/b/rootfs && cd /root/b && crun spec && mount --bind / rootfs && sed -i "s/\"terminal\": true/\"terminal\": false/; s/\"sh\"/\"sh\", \"-c\", \"id -u; hostname\"/; s/\"readonly\": true/\"readonly\": false/" config.json'
		if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
			is "$(inside "$bundle && crun run one; umount /root/b/rootfs")" "$(printf '0\ncrun')" "crun runs in it"
		else
			skip 1 "crun needs a host of cgroup v2 alone"
		fi
	fi
	put false "$foo/config/$key"
done
ok "it restarts without them" -- put restart "$foo/state"
ok "it comes up" -- patiently booted

# ---- and ends
before=$(date +%s%N)
ok "it stops" -- put 'stopped 300' "$foo/state"
took=$((($(date +%s%N) - before) / 1000000))
diag "in $took ms"
like "$(log)" 'Halting system\.' "by itself, not killed"
is "$(get "$foo/state")" stopped "it is stopped"
ok "and goes" -- rmdir "$foo"
done_testing
