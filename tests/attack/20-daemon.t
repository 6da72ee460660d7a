#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's root against the daemon that serves it: descriptors, links that change under a mount or a command,
# files that aren't what they were, names and output made to be read, and all that there is used up.
. "$(dirname "$0")/../lib/daemon.sh"

# Its layer lies on a small file system, so that it can be filled.
mkdir "$STATE/pools"
truncate -s 64M "$BASE/pool"
mkfs.ext4 -q -F -N 1500 "$BASE/pool"
mount -o loop "$BASE/pool" "$STATE/pools" || skip_all "needs a loop device"

# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }
evil=$LXD/instances/evil
echo "the host's secret" >"$STATE/secret"
mkdir "$STATE/shared"
echo shared >"$STATE/shared/file"
mkdir "$evil" "$LXD/instances/other"

# x COMMAND [KEY=VALUE]...: runs it inside, prints what it printed
x() {
	local dir command=$1 key
	dir=$(mktemp -u "$evil/exec/XXXXXXXX")
	shift
	mkdir "$dir" || return
	for key; do put "${key#*=}" "$dir/${key%%=*}"; done
	put "$command" "$dir/command"
	timeout 60 bash -c 'echo run >"$1/state"' x "$dir" 2>/dev/null || cat "$LXD/error"
	cat "$dir/stdout" "$dir/stderr"
}
# soon COMMAND...: within ten seconds it holds
soon() {
	timeout 10 bash -c 'until "$@"; do sleep 0.1; done' x "$@"
}
lively() {
	ok "$1" -- timeout 5 bash -c 'ls -lR "$1" >/dev/null && cat "$1"/instances/*/state' x "$LXD"
}
ok "it starts" -- put running "$evil/state"

# ---- what a command is given
is "$(x 'ls /proc/self/fd' | tr '\n' ' ')" "0 1 2 3 " "a command has its three descriptors, and the one of ls"
is "$(x 'ls -l /proc/self/fd' | grep -c -e "$STATE" -e "$RUN" -e '-> /run' -e lxdfs)" 0 "and none of the host"
for fd in 3 4 5 6 7 8 9 10 11 12; do
	unlike "$(x 'pwd; cat secret ../secret ../../secret ../../../../../../../../etc/hostname' "cwd=/proc/self/fd/$fd" 2>&1)" \
		"the host's secret" "no descriptor $fd leads out as its directory"
done
sum() { sha256sum "$BIN"/* "$(command -v busybox)"; }
before=$(sum)
x 'for p in /proc/[0-9]* /proc/self; do (echo evil >$p/exe) 2>/dev/null && echo "wrote $p"; done; cp /proc/self/exe /tmp/e' >"$WORK/out"
unlike "$(cat "$WORK/out")" wrote "no program that runs inside can be written to"
is "$(sum)" "$before" "and the host's are what they were"

# ---- links that change: of a disk's path, while it is attached
x 'mkdir -p /srv/real; (while :; do rm -rf /srv/way; ln -s ../../../../../../../../.. /srv/way; rm -f /srv/way; mkdir /srv/way; rm -rf /srv/way; ln -s /proc/1/root/etc /srv/way; rm -f /srv/way; mkdir -p /srv/way/in; done) >/dev/null 2>&1 & echo $! >/tmp/swapper' >/dev/null
host_mounts=$(mounts)
mkdir "$evil/devices/d"
hits=0
for i in $(seq 30); do
	printf 'type=disk\nsource=%s\npath=/srv/way/in\n' "$STATE/shared" >"$evil/devices/d/set" 2>/dev/null
	[ "$(mounts)" = "$host_mounts" ] || hits=$((hits + 1))
	: | cat "$evil/state" >/dev/null
	rmdir "$evil/devices/d" 2>/dev/null
	mkdir "$evil/devices/d" 2>/dev/null
done
is "$hits" 0 "a disk whose path is swapped for links is never mounted on the host"
is "$(mounts)" "$host_mounts" "nor is anything left"
is "$(cat "$evil/state")" running "the container runs on"
rmdir "$evil/devices/d" 2>/dev/null

# of a command's directory
out=
for i in $(seq 20); do
	out+=$(x 'pwd; cat secret shadow etc/shadow 2>/dev/null; ls -d ../../../lxdfs* 2>/dev/null' cwd=/srv/way/in 2>&1)
done
unlike "$out" "the host's secret|lxdfs-test|root:\\$" "a command's directory that is swapped stays inside"
x 'kill $(cat /tmp/swapper); rm -rf /srv/way; ln -s / /srv/way; ln -s /../../../../.. /srv/up' >/dev/null
is "$(x 'ls' cwd=/srv/up | tr '\n' ' ')" "$(x 'ls' cwd=/ | tr '\n' ' ')" "and the way up ends at its own root"

# before a start
ok "it stops" -- put 'stopped force' "$evil/state"
printf 'devices/d/\ndevices/d/type=disk\ndevices/d/source=%s\ndevices/d/path=/srv/way/mnt\n' "$STATE/shared" >"$evil/set"
put running "$evil/state" 2>/dev/null
is "$(mounts | grep -v -e "$STATE/pools/default")" "$(echo "$host_mounts" | grep -v -e "$STATE/pools/default")" \
	"a link that it left in the path of a disk leads nowhere at its next start"
nok "nothing was made on the host" -- test -e /mnt/mnt -o -e /way
put 'stopped force' "$evil/state" 2>/dev/null
rmdir "$evil/devices/d"
ok "without it, it starts" -- put running "$evil/state"

# ---- files that aren't what they were
x 'rm -f /etc/passwd /etc/group; mkfifo /etc/passwd /etc/group' >/dev/null
ok "a FIFO as /etc/passwd keeps nobody" -- timeout 10 bash -c 'mkdir "$1/exec/p"; echo id >"$1/exec/p/command"; echo web >"$1/exec/p/user"; ! echo run >"$1/exec/p/state"' x "$evil"
like "$(cat "$LXD/error")" 'web|passwd' "and the sentence says it"
x 'rm -f /etc/passwd; ln -s /proc/kcore /etc/passwd' >/dev/null
nok "nor does a link out of it" -- timeout 10 bash -c 'mkdir "$1/exec/q"; echo id >"$1/exec/q/command"; echo web >"$1/exec/q/user"; echo run >"$1/exec/q/state"' x "$evil"
x 'rm -f /etc/passwd; truncate -s 8G /etc/passwd' >/dev/null
nok "nor one of 8 GiB" -- timeout 10 bash -c 'mkdir "$1/exec/r"; echo id >"$1/exec/r/command"; echo web >"$1/exec/r/user"; echo run >"$1/exec/r/state"' x "$evil"
x 'rm -f /etc/passwd; printf "web:x:-1:99999999999:../../..:\$(reboot)\nweb2:x:0\n:::::\n" >/etc/passwd' >/dev/null
nok "nor one with numbers that are none" -- timeout 10 bash -c 'mkdir "$1/exec/s"; echo id >"$1/exec/s/command"; echo web >"$1/exec/s/user"; echo run >"$1/exec/s/state"' x "$evil"
lively "the daemon serves others meanwhile"
x 'rm -f /etc/passwd /etc/group; echo "root:x:0:0::/root:/bin/sh" >/etc/passwd' >/dev/null

x 'cp /bin/busybox /root/su; chmod 4755 /root/su; mkdir -m 777 /root/open; mkfifo /root/pipe; chmod 755 /root' >/dev/null
planted=$(find "$STATE" -name su -perm -4000 2>/dev/null | head -n 1)
isnt "$planted" "" "a setuid program of its root is the host root's on the disk"
nok "but no user of the host gets there" -- as 42001 42001 "$planted" true
nok "nor sees it" -- as 42001 42001 ls "${planted%/su}"
nok "nor through /lxd" -- as 42001 "42001,$(stat -c %g "$LXD/instances")" ls "$evil/files/"
ok "who reads the tree isn't led into the container" -- timeout 20 bash -c 'grep -r x "$1" --exclude=events >/dev/null; find "$1" -name pipe | wc -l | grep -qx 0' x "$LXD"

# ---- names and output
x 'hostname "\$(touch /tmp/owned);rm -rf /"; hostname >/dev/null; (timeout 15 udhcpc -i eth0 -n -q -s /bin/true -x "hostname:\$(id);;.." >/dev/null 2>&1)' >/dev/null
is "$(find /tmp -maxdepth 1 -name owned)" "" "a host name isn't run"
is "$(cat "$LXD/networks/lxdbr0/leases" "$evil/addresses" | tr -d '\n' | LC_ALL=C grep -c '[[:cntrl:]]')" 0 \
	"leases and addresses hold no control characters"
unlike "$(cat "$LXD/networks/lxdbr0/leases")" '[$;(]' "nor does a name that is none get into leases"
x "ip link set eth0 down; ip link set eth0 name \"\$(printf '\\033[31m')\"; ip link set \"\$(printf '\\033[31m')\" up" >/dev/null
is "$(cat "$evil/addresses" "$evil/set" "$evil/error" | tr -d '\n' | LC_ALL=C grep -c '[[:cntrl:]]')" 0 "nor does the name of a link"
lively "such a link keeps nobody from looking"
x "ip link set \"\$(printf '\\033[31m')\" down; ip link set \"\$(printf '\\033[31m')\" name eth0; ip link set eth0 up" >/dev/null

x 'printf "\033]0;owned\007\033[2Jx" >/dev/console; yes 0123456789abcdef | head -c 30000000 >/dev/console; echo end-of-it >/dev/console' >/dev/null
soon grep -q -a end-of-it "$evil/console.log"
ok "30 MB on the console: its end is in console.log" -- grep -q -a end-of-it "$evil/console.log"
ok "of which there is at most a MiB ($(stat -c %s "$evil/console.log"))" -- test "$(stat -c %s "$evil/console.log")" -le $((1 << 20))
log=$(du -sk "$STATE/logs" 2>/dev/null | cut -f 1)
ok "and a few on the disk (${log:-0} KiB)" -- test "${log:-0}" -le 20480
is "$(x 'head -c 40000000 /dev/zero; echo x >&2' | wc -c | awk '{ print ($1 < 40000000) }')" 1 "what a command prints is bounded"
lively "the daemon is well"

# ---- all that there is
put 40 "$evil/config/limits.processes"
x '(b() { b | b & b; }; b) >/dev/null 2>&1 & sleep 2' >/dev/null
lively "a fork bomb with limits.processes: the tree answers"
ok "another one starts beside it" -- timeout 20 bash -c 'echo running >"$1/state"' x "$LXD/instances/other"
ok "at most 40 are in it ($(cat "$evil/processes"))" -- test "$(cat "$evil/processes")" -le 40
ok "and it is stopped" -- timeout 20 bash -c 'echo "stopped force" >"$1/state"' x "$evil"
is "$(pgrep -u 1000000-1065535 -c 2>/dev/null; find /sys/fs/cgroup -path "*$NAME*$(cat "$evil/uuid")*" -name cgroup.procs -exec cat {} + 2>/dev/null | wc -l)" \
	"$(pgrep -u 1000000-1065535 -c 2>/dev/null; echo 0)" "with all of them"
rm "$evil/config/limits.processes"
ok "it starts again" -- put running "$evil/state"
like "$(x 'dd if=/dev/zero of=/big bs=1M 2>&1; echo x >/more' )" 'No space left' "it fills its layer"
ok "a key can be set" -- put full "$evil/config/user.note"
lively "the tree answers"
ok "a command that frees it runs" -- bash -c 'd=$1/exec/free; mkdir "$d" && echo "rm /big" >"$d/command" && echo run >"$d/state"' x "$evil"
x 'mkdir /full; i=0; while [ $i -lt 100000 ] && : >/full/f$i; do i=$((i + 1)); done' >/dev/null 2>&1
ok "no inodes: it is stopped all the same" -- put 'stopped force' "$evil/state"
fails_with ENOSPC "No space left" "it isn't started without room for that, which the sentence says" -- put running "$evil/state"
ok "who may, frees some by way of files/" -- rm -r "$(readlink "$evil/files")/full"
ok "and it starts" -- put running "$evil/state"
# ---- a console that leads elsewhere
x 'umount /dev/console; rm -f /dev/console; ln -s '"$STATE"'/secret /dev/console' >/dev/null
console=$(readlink "$evil/console")
ok "the link to the console leads to a terminal" -- test -c "$console"
echo "typed by the admin" >"$console"
is "$(cat "$STATE/secret")" "the host's secret" "and what is typed there never goes to a file that the container named"

# ---- its end
x 'kill -9 -1' >/dev/null
x 'kill -9 1; kill -TERM 1' >/dev/null
lively "it kills whom it sees, and that isn't us"

put 'stopped force' "$evil/state" 2>/dev/null
put 'stopped force' "$LXD/instances/other/state"
ok "it is removed, with all of that" -- rmdir "$evil"
rmdir "$LXD/instances/other"
is "$(find "$STATE/pools" -name su -o -name big)" "" "nothing of it is left"
daemon_stop
umount "$STATE/pools"
done_testing
