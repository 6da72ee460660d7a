#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core is killed between any two steps of a start, a stop, a restart, a change, a removal: whatever the step, the
# next core finishes what was asked for, and nothing is left. Then a monitor. STRIDE=1 stops at every step.
. "$(dirname "$0")/../lib/daemon.sh"

[ "$(printf '%s\n' 6.9 "$(uname -r)" | sort -V | head -n 1)" = 6.9 ] || skip_all "this kernel doesn't send again what a core left unanswered (Linux 6.9)"
crash_points || skip_all "a sanitizer is preloaded"
SEED=${SEED:-$(od -A n -t u4 -N 4 /dev/urandom | tr -d ' ')}
diag "SEED=$SEED"
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
mkdir "$BASE/shared"
"$ROOT/tests/lib/tarball.pl" "file,metadata.yaml,data=architecture: $(uname -m)" dir,rootfs,mode=755 file,rootfs/f,fill=300000 >"$BASE/tiny.tar"

# sweep WHOM STRIDE
sweep() {
	local status
	timeout 1800 "$ROOT/tests/lib/operations.pl" "$LXD" "$STATE" "$RUN" "$NAME" "$BASE" "$SEED" 0 0 "$2" >"$WORK/said" 2>&1
	status=$?
	diag "$1: $(grep '^calls' "$WORK/said")"
	is "$status: $(grep -v -e '^steps' -e '^calls' "$WORK/said")" "0: " \
		"$1 is killed at $(sed -n 's/^steps: //p' "$WORK/said") points, and all that must hold holds"
}
sweep "the core" "${STRIDE:-47}"
is "$(grep 'the core' "$BASE/log" | grep -v -e 'signal 9 ' -e unanswered)" "" "no core died by itself"

# the same of a monitor, whose end is a container's: the start fails, or the container stops
find "$LXD/instances" -mindepth 1 -maxdepth 1 -exec rmdir {} +
daemon_stop
export LXDFS_CRASH_PROGRAM=lxdfs-monitor
ok "a daemon whose monitors are killed" -- daemon_again
sweep "the monitor" "${STRIDE:-13}"
for i in "$LXD"/instances/*; do
	[ ! -e "$i" ] || put 'stopped force' "$i/state"
done
done_testing
