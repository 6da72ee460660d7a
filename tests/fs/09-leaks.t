#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# In the sanitizers' build: a core that did a little of everything ends without a leak.
. "$(dirname "$0")/../lib/daemon.sh"
grep -aq __asan_init "$BIN/lxdfsd" || skip_all "this build has no leak sanitizer (make check-asan has)"

ASAN_OPTIONS+=:detect_leaks=1
# shellcheck disable=SC2119
daemon_start
I=$LXD/instances
use_busybox
mkdir "$I/one" "$LXD/profiles/p" "$LXD/networks/br1"
put 64MiB "$LXD/profiles/p/config/limits.memory"
put $'default\np' "$I/one/profiles"
put running "$I/one/state"
put true "$I/one/devices/eth0/security.mac_filtering"
mkdir "$I/one/exec/1"
put 'echo hello' "$I/one/exec/1/command"
put run "$I/one/exec/1/state"
is "$(get "$I/one/exec/1/stdout")" hello "it works"
put fish "$I/one/config/limits.memory" 2>/dev/null
put nosuch "$I/one/config/nosuch" 2>/dev/null
sed -i 's/64/65/' "$LXD/profiles/p/config/limits.memory"
find "$LXD" -path "$LXD/events" -prune -o -type f -exec cat {} + >/dev/null 2>&1
timeout 1 cat "$LXD/events"
put stopped "$I/one/state"
mv "$I/one" "$I/two"
rmdir "$I/two" "$LXD/profiles/p" "$LXD/networks/br1"
cp "$ROOT/README.md" "$LXD/images/" 2>/dev/null
ok "it ends" -- daemon_stop
is "$(cat "$BASE"/sanitizer.* 2>/dev/null)" "" "without a leak"

done_testing
