#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The harness itself: a test that leaves something behind or fails must be seen to fail.
. "$(dirname "$0")/../lib/daemon.sh"

is "$(links)" lo "the network namespace holds lo alone"
is "$(cat /sys/class/net/lo/operstate 2>/dev/null || echo unknown)" unknown "sysfs shows no other link"
isnt "$(stat -f -c %T "$STATE")" tmpfs "the state directory is on a file system that can be idmapped"
is "$(stat -c %a "$BASE")" 755 "another user may enter the world"

# inner SCRIPT: its lines run as a test of their own
inner() {
	printf '. "%s/tests/lib/daemon.sh"\n%s\ndone_testing\n' "$ROOT" "$1" >"$WORK/inner.t"
	bash "$WORK/inner.t" >"$WORK/out" 2>&1
}

ok "a test that is clean passes" -- inner 'is 1 1 one'
is "$(tail -n 1 "$WORK/out")" "1..2" "and counts its tests"
for row in \
	'mount:mount -t tmpfs left "$WORK"' \
	'link:ip link add v0 type veth peer name v1' \
	'rule:nft add table inet left' \
	'process:sleep 1000 &' \
	'daemon that forked away:setsid sh -c "sleep 1000 & sleep 1000" &' \
	'network namespace:ip netns add left' \
	'cgroup:for d in /sys/fs/cgroup /sys/fs/cgroup/unified /sys/fs/cgroup/pids; do mkdir "$d/$NAME" 2>/dev/null && break; done'; do
	nok "a ${row%%:*} that is left fails it" -- inner "${row#*:}"
	like "$(cat "$WORK/out")" 'not ok 1 - nothing is left' "and says so (${row%%:*})"
done
inner 'echo "$BASE" >'"$WORK/base"'; mkdir "$BASE/lxd/x"; exit 3'
like "$(cat "$WORK/base")" '/lxdfs-test[.]' "a test that breaks off had a directory"
nok "and it is gone" -- test -e "$(cat "$WORK/base")"

ok "a failed comparison fails the test" -- eval '! inner "is 1 2 one"'
ok "the wrong errno fails it" -- eval '! inner "fails_with EPERM \"\" x -- cat /nowhere"'
ok "the right one passes" -- inner 'fails_with ENOENT "" x -- cat /nowhere'
ok "a success where a refusal was wanted fails it" -- eval '! inner "fails_with ENOENT \"\" x -- true"'
ok "a crash is no refusal" -- eval '! inner "fails_with ENOENT \"\" x -- sh -c \"cat /nowhere; kill -SEGV \\\$\\\$\""'
ok "the sentence counts" -- inner 'echo "eth7 is no nic" >"$LXD/error"; fails_with ENOENT "eth7" x -- cat /nowhere'
ok "the wrong sentence fails it" -- eval '! inner "echo a >\$LXD/error; fails_with ENOENT eth7 x -- cat /nowhere"'
inner 'exit 0'
nok "a test that ends early has no plan" -- grep -q '^1\.\.' "$WORK/out"
inner 'is "$(as 65534 65534 id -u) $(as 65534 65534,7 id -G)" "65534 65534 7" as; user 65534 7; is "$(get /proc/self/status | grep CapEff | tr -d 0)" "CapEff:	" caps'
is "$(grep -c '^ok' "$WORK/out")" 3 "as and user act as another user without capabilities"

done_testing
