# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A world of its own for each test, with a daemon in it. A test begins with
#
#	#!/bin/bash
#	. "$(dirname "$0")/../lib/daemon.sh"
#	daemon_start            # its arguments go to lxdfsd: --no-init, ...
#
# and finds $LXD (the mounted tree), $STATE, $RUN, $NAME (cgroup root and nft table), $WORK (scratch, gone at the
# end), $ROOT (the source), $BIN (the programs). It runs in mount, pid, network, ipc and uts namespaces of its own,
# with lo up, /run private and /proc its own: whatever is started dies with it, and nothing is seen by its
# neighbours or by the host's own lxdfs. $STATE is on a file system that can be idmapped: the host's where that is
# possible, an ext4 image otherwise (in the virtual machine of tests/vm, in a container).
#
# done_testing stops the daemon and adds a test of its own: no mount, link, rule, process or cgroup was left.

# shellcheck disable=SC2034 # for the tests
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${LXDFS_BUILD:-$ROOT/build/release}
case $BUILD in /*) ;; *) BUILD=$PWD/$BUILD ;; esac
BIN=$BUILD/bin

if [ "$(id -u)" != 0 ]; then
	echo "1..0 # skip needs root: a mount, namespaces and a daemon of its own"
	exit 0
fi
if [ -z "${LXDFS_TEST_INSIDE:-}" ]; then
	LXDFS_TEST_INSIDE=yes exec unshare --mount --pid --net --ipc --uts --fork --kill-child --mount-proc \
		--propagation private bash "$0" "$@"
fi
unset LXDFS_TEST_INSIDE

# shellcheck source=tests/lib/tap.sh
. "$ROOT/tests/lib/tap.sh"

# The host's daemon-less parts of /run stay away: what `ip netns` and others put there is private.
mount -t tmpfs -o mode=755 run /run
ip link set lo up

BASE=$(mktemp -d "${LXDFS_TEST_DIR:-/var/tmp}/lxdfs-test.XXXXXX")
chmod 755 "$BASE"
NAME=lxdfs-test-${BASE##*.}
LXD=$BASE/lxd
STATE=$BASE/state
RUN=/run/$NAME
WORK=$BASE/work
ERROR_FILE=$LXD/error
AS=()
mkdir "$LXD" "$WORK"
# lxdfs.hide_names changes modes of files of the kernel: not those of the host. Nothing may be mounted over them, or
# no container could mount a sysfs of its own.
KERNEL_FILES=$BASE/kernel
mkdir -p "$KERNEL_FILES/sys/kernel/slab" "$KERNEL_FILES/proc" "$KERNEL_FILES/sys/kernel/debug/sched"
echo "cfs_rq[0]:/" | tee "$KERNEL_FILES/proc/sched_debug" >"$KERNEL_FILES/sys/kernel/debug/sched/debug"
export LXDFS_TEST_KERNEL_FILES=$KERNEL_FILES

# What a sanitizer finds, in whichever process, is a file here: tap_last fails the test for it. AddressSanitizer can't
# tell a leak from memory that a cloned child holds: unit tests and tests/fs/09-leaks.t look for leaks.
san=log_path=$BASE/sanitizer
export ASAN_OPTIONS=$san:abort_on_error=1:detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}
export UBSAN_OPTIONS=$san:abort_on_error=1:print_stacktrace=1${UBSAN_OPTIONS:+:$UBSAN_OPTIONS}
export LSAN_OPTIONS=$san:print_suppressions=0:suppressions=$ROOT/tests/lib/lsan.supp${LSAN_OPTIONS:+:$LSAN_OPTIONS}
export TSAN_OPTIONS=$san:halt_on_error=0:exitcode=0:suppressions=$ROOT/tests/lib/tsan.supp${TSAN_OPTIONS:+:$TSAN_OPTIONS}

base_loop=
case $(stat -f -c %T "$BASE") in
ext2/ext3 | btrfs | xfs) mkdir "$STATE" ;;
*)
	truncate -s "${LXDFS_TEST_DISK:-2G}" "$BASE/disk"
	mkfs.ext4 -q -F -E lazy_itable_init=1 "$BASE/disk"
	mkdir "$STATE"
	mount -o loop "$BASE/disk" "$STATE"
	base_loop=yes
	;;
esac
chmod 711 "$STATE"

# ---- the world before, to compare with at the end

mounts() { cut -d ' ' -f 5 /proc/self/mountinfo | sort; }
links() { ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort; }
rules() { nft list ruleset; }
netns() { find /run/netns -mindepth 1 2>/dev/null; }
cgroups() { find /sys/fs/cgroup -maxdepth 4 -type d -name "$NAME*" 2>/dev/null; }
# processes of this pid namespace but the test itself and what it runs for this look
processes() {
	local p name parent
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		parent=$(sed -n 's/^PPid:[[:space:]]*//p' "/proc/$p/status" 2>/dev/null) || continue
		[ "$p" = 1 ] || [ "$p" = $$ ] || [ "$p" = "$BASHPID" ] || [ "$parent" = "$BASHPID" ] && continue
		name=$(tr '\0' ' ' <"/proc/$p/cmdline" 2>/dev/null) || continue
		[ -n "$name$parent" ] && grep -q '^State:[[:space:]]*Z' "/proc/$p/status" 2>/dev/null && name="(zombie)"
		[ -d "/proc/$p" ] && [ -n "$name" ] && echo "$p $name"
	done
}
# what sanitizers said; where the file can't be opened (another root) it is said in the log
reports() {
	cat "$BASE"/sanitizer.* 2>/dev/null
	grep -aE 'ERROR: [A-Za-z]+Sanitizer|WARNING: ThreadSanitizer|runtime error:|open file.*sanitizer' "$BASE/log" 2>/dev/null
}
# what has ended and is only not waited for yet is given a moment; sets $running
await_ends() {
	local i
	for ((i = 0; i < 100; i++)); do
		running=$(processes)
		if [ -z "$running" ] || grep -qv ' (zombie)$' <<<"$running"; then
			break
		fi
		sleep 0.1
	done
}
mounts_before=$(mounts)

# ---- the daemon

daemon_args=()

# daemon_start [argument...]: returns when the tree is mounted, fails the test where it can't be
daemon_start() {
	daemon_args=("$@")
	daemon_again || { fail "lxdfsd starts"; done_testing; }
}

# daemon_again: starts it with the same arguments as before; the exit status is the daemon's
daemon_again() {
	env ${daemon_env[@]+"${daemon_env[@]}"} "$BIN/lxdfsd" --mount "$LXD" --state "$STATE" --run "$RUN" --libexec "$BIN" --name "$NAME" \
		${daemon_args[@]+"${daemon_args[@]}"} >>"$BASE/log" 2>&1 </dev/null && daemon_runs=yes
}

# daemon_stop: the daemon with all that it started
daemon_stop() {
	daemon_runs=
	"$BIN/lxdfsd" --stop --all --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
}
daemon_runs=

# crash_points: the core is one that can be killed at a chosen call (tests/preload/crashpoint.c). A sanitizer wants to be
# preloaded itself.
crash_points() {
	[ -e "$BUILD/tools/crashpoint.so" ] && ! grep -qa __asan_init "$BIN/lxdfsd" && ! grep -qa __tsan_init "$BIN/lxdfsd" || return
	export LXDFS_CRASH_FILE=$BASE/countdown LXDFS_CRASH_PROGRAM=lxdfsd LXDFS_CRASH_PARENT=lxdfsd
	printf '\0\0\0\0' >"$LXDFS_CRASH_FILE"
	daemon_env=(LD_PRELOAD="$BUILD/tools/crashpoint.so")
}
daemon_env=()

# ---- for the tests' own use

# as UID GID[,GID...] COMMAND...: as another user, without any capability
as() {
	local uid=$1 gids=$2
	shift 2
	setpriv --reuid "$uid" --regid "${gids%%,*}" --groups "$gids" --inh-caps=-all --bounding-set=-all "$@"
}

# user UID GID[,GID...]: put, get and fails_with act as this user from now on; user root: as root again
user() {
	if [ "$1" = root ]; then
		AS=()
	else
		AS=(setpriv --reuid "$1" --regid "${2%%,*}" --groups "$2" --inh-caps=-all --bounding-set=-all)
	fi
}

# put VALUE FILE: one write(2), newline included, as `echo VALUE > FILE` does
put() {
	if [ ${#AS[@]} = 0 ]; then
		printf '%s\n' "$1" >"$2"
	else
		"${AS[@]}" sh -c 'printf "%s\n" "$1" >"$2"' put "$1" "$2"
	fi
}

get() {
	${AS[@]+"${AS[@]}"} cat "$@"
}

lxd_gid() {
	getent group lxd | cut -d : -f 3
}

# fd_count PID: open descriptors, to compare before and after
fd_count() {
	find "/proc/$1/fd" -mindepth 1 | wc -l
}

# use_busybox: the image busybox, imported as first start does; its build is kept between tests
use_busybox() {
	local image=$ROOT/build/busybox.tar.xz
	[ "$image" -nt "$ROOT/scripts/make-busybox-image" ] || "$ROOT/scripts/make-busybox-image" "$image" || return
	"$ROOT/scripts/first-start" "$LXD" "$STATE" "$image"
}

# ---- the end

left() {
	local what=$1 text=$2
	[ -z "$text" ] || { diag "left behind, $what:"; diag "$text"; lefts=yes; }
}

tap_last() {
	local reports running lefts='' name='nothing is left: no mount, link, rule, process, cgroup'
	if [ -n "$daemon_runs" ] && ! daemon_stop; then
		fail "lxdfsd --stop --all"
	fi
	left mounts "$(comm -13 <(echo "$mounts_before") <(mounts))"
	# (the kernel makes those of GRE in each namespace)
	left links "$(links | grep -vxE 'lo|gre0|gretap0|erspan0|ip6gre0|tunl0|sit0|ip6tnl0')"
	left rules "$(rules)"
	left "network namespaces" "$(netns)"
	left cgroups "$(cgroups)"
	await_ends
	left processes "$running"
	reports=$(reports)
	[ -z "$reports" ] || { fail "no sanitizer reports anything"; diag "$reports"; }
	if [ -z "$lefts" ]; then
		pass "$name"
	else
		fail "$name"
	fi
	if [ $tap_failed != 0 ] && [ -s "$BASE/log" ]; then
		diag "--- the daemon's log:"
		diag "$(tail -n 40 "$BASE/log")"
	fi
}

# tear_down: whatever happened, the host keeps nothing; pid 1 takes all that still runs along
tear_down() {
	local p m c
	trap - EXIT
	# by force: who is killed while he waits for an answer waits on, as long as another of those holds /dev/fuse
	umount -f "$LXD" 2>/dev/null
	for p in /proc/[0-9]*; do
		p=${p#/proc/}
		[ "$p" = 1 ] || [ "$p" = $$ ] || kill -KILL "$p" 2>/dev/null
	done
	wait
	while read -r m; do
		umount -l "$m" 2>/dev/null
	done < <(comm -13 <(echo "$mounts_before") <(mounts) | sort -r)
	if [ -n "$base_loop" ]; then
		umount -l "$STATE"
	fi
	while read -r c; do
		find "$c" -depth -type d -exec rmdir {} + 2>/dev/null
	done < <(cgroups)
	rm -rf --one-file-system "$BASE"
	rm -f "$tap_out"
}
trap tear_down EXIT
trap 'exit 130' INT TERM HUP
