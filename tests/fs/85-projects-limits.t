#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What the instances of a project may be together: counted at every way in, also when many come at once.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/tree.sh"
daemon_start --no-init

P=$LXD/projects
W=$P/web
I=$W/instances
mkdir "$LXD/storage/default" "$W" "$P/free"

# ---- how many
put 3 "$W/config/limits.instances"
for n in a b c d e f g h; do
	mkdir "$I/$n" 2>/dev/null &
done
wait
is "$(find "$I" -mindepth 1 -maxdepth 1 | wc -l)" 3 "of eight that are made at once three are there"
is "$(cat "$W/usage/instances")" 3 "as usage/ tells"
fails_with EDQUOT "project web may have 3 instances: its limits.instances" "a fourth isn't made" -- mkdir "$I/z"
mkdir "$P/free/instances/z"
fails_with EDQUOT "may have 3 instances" "nor moved in" -- mv "$P/free/instances/z" "$I/z"
fails_with EDQUOT "may have 2 instances" "what is there isn't forbidden" -- put 2 "$W/config/limits.containers"
rm "$W/config/limits.instances"
ok "without a bound it comes" -- mv "$P/free/instances/z" "$I/z"
for d in "$I"/*; do rmdir "$d"; done

# ---- memory, processes, CPUs together
mkdir "$I/one" "$I/two"
fails_with EDQUOT "instance one: limits.memory is not set" "a bound of what isn't set is none" -- put 1GiB "$W/config/limits.memory"
put 256MiB "$W/profiles/default/config/limits.memory"
ok "when each has its own" -- put 1GiB "$W/config/limits.memory"
is "$(cat "$W/usage/memory.bytes")" $((512 << 20)) "usage tells the sum"
ok "one may have more" -- put 768MiB "$I/one/config/limits.memory"
fails_with EDQUOT "limits.memory is 512MiB: with 768MiB of the other instances that is more than the 1GiB that project web may have" \
	"but not both" -- put 512MiB "$I/two/config/limits.memory"
fails_with EDQUOT "is not set" "none can do without" -- rm "$W/profiles/default/config/limits.memory"
fails_with EDQUOT "is 50%" "or with a part of the host's" -- put 50% "$I/two/config/limits.memory"
fails_with EDQUOT "more than the 1GiB" "a third has no room" -- mkdir "$I/three"
fails_with EDQUOT "two, which uses it" "a profile can't give more than there is" -- put 300MiB "$W/profiles/default/config/limits.memory"
is "$(cat "$I/two/config/limits.memory")" 256MiB "and nothing is changed"
fails_with EDQUOT "have 1GiB together" "the bound can't go below what is" -- put 900MiB "$W/config/limits.memory"
ok "it can go up" -- put 2GiB "$W/config/limits.memory"
mkdir "$P/free/instances/big"
put 4GiB "$P/free/instances/big/config/limits.memory"
fails_with EDQUOT "limits.memory is 4GiB" "one that is too big doesn't come by mv" -- mv "$P/free/instances/big" "$I/big"
put 1GiB "$I/one/config/limits.memory"
put 128MiB "$I/two/config/limits.memory"
# two that grow at one time have room for one
for i in 1 2 3 4 5 6; do
	put 1GiB "$W/config/limits.memory" 2>/dev/null
	put 128MiB "$I/one/config/limits.memory"
	put 128MiB "$I/two/config/limits.memory"
	put 1GiB "$W/config/limits.memory"
	put 700MiB "$I/one/config/limits.memory" 2>/dev/null &
	put 700MiB "$I/two/config/limits.memory" 2>/dev/null &
	wait
	cat "$W/usage/memory.bytes"
done | sort -u >"$WORK/sums"
unlike "$(cat "$WORK/sums")" "$((1400 << 20))" "two that grow at once don't both find room"
put 20 "$W/profiles/default/config/limits.processes"
ok "processes are bounded" -- put 50 "$W/config/limits.processes"
fails_with EDQUOT "limits.processes is 31: with 20 of the other instances" "alike" -- put 31 "$I/two/config/limits.processes"
put 1 "$W/profiles/default/config/limits.cpu"
ok "and CPUs" -- put 3 "$W/config/limits.cpu"
fails_with EDQUOT "limits.cpu is 3: with 1 of the other instances" "in number" -- put 3 "$I/two/config/limits.cpu"
fails_with EDQUOT "limits.cpu is 3: with 1" "or as a list" -- put 0-2 "$I/two/config/limits.cpu"
for k in limits.disk limits.networks limits.disk.pool.default; do
	fails_with EOPNOTSUPP "can't be set yet" "$k has nothing to count" -- put 1 "$W/config/$k"
done
daemon_stop
daemon_again
is "$(cat "$W/config/limits.memory")" 1GiB "all of it is kept"
fails_with EDQUOT "more than" "and in force" -- put 2GiB "$I/two/config/limits.memory"
done_testing
