#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Operations in a random order, on the tree and on the processes behind it, with what must hold after each: see
# tests/lib/operations.pl. SEED=N does the same again, SECONDS_LONG=N goes on for longer (make fuzz-operations).
. "$(dirname "$0")/../lib/daemon.sh"

SEED=${SEED:-$(od -A n -t u4 -N 4 /dev/urandom | tr -d ' ')}
crash_points
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
mkdir "$BASE/shared"
"$ROOT/tests/lib/tarball.pl" "file,metadata.yaml,data=architecture: $(uname -m)" dir,rootfs,mode=755 file,rootfs/f,fill=300000 >"$BASE/tiny.tar"
diag "SEED=$SEED"
timeout $((${SECONDS_LONG:-15} + 120)) "$ROOT/tests/lib/operations.pl" "$LXD" "$STATE" "$RUN" "$NAME" "$BASE" "$SEED" \
	"${STEPS:-1000000}" "${SECONDS_LONG:-15}" >"$WORK/said" 2>&1
is "$?: $(grep -v '^steps' "$WORK/said")" "0: " "with seed $SEED, all that must hold holds after $(sed -n 's/^steps: //p' "$WORK/said") operations"
is "$(grep 'the core' "$BASE/log" | grep -v -e 'signal 9 ' -e unanswered)" "" "no core died by itself"
done_testing
