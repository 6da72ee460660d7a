#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An instance goes from one project to another: with all that is set on it, where all that it names is there too.
. "$(dirname "$0")/../lib/daemon.sh"
# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

P=$LXD/projects
A=$LXD/instances/foo
B=$P/web/instances/foo
C=$P/lab/instances/bar
mkdir "$P/web" "$P/lab" "$A" "$LXD/instances/other"
put 64MiB "$A/config/limits.memory"
put kept "$A/config/user.note"
uuid=$(cat "$A/uuid")
inode=$(stat -c %i "$A")

put running "$A/state"
fails_with EBUSY "when it is stopped" "one that runs stays" -- mv "$A" "$P/web/instances/"
mkdir "$A/exec/1"
put "touch /there" "$A/exec/1/command"
put run "$A/exec/1/state"
put "stopped force" "$A/state"

ok "one that is stopped goes" -- mv "$A" "$P/web/instances/"
nok "it is gone here" -- test -e "$A"
is "$(ls "$LXD/instances")" other "and not listed"
is "$(ls "$P/web/instances")" foo "it is there"
is "$(cat "$B/uuid") $(stat -c %i "$B")" "$uuid $inode" "the same one"
is "$(cat "$B/config/limits.memory" "$B/config/user.note" | xargs)" "64MiB kept" "with what is set on it"
is "$(cat "$P/web/profiles/default/used_by")" instances/foo "and with the profile of the project"
is "$(cat "$LXD/profiles/default/used_by")" instances/other "not the one that it had"
put 7 "$P/web/profiles/default/config/limits.processes"
is "$(cat "$B/config/limits.processes")" 7 "which reaches it"
put 200 "$P/web/profiles/default/config/limits.processes"
ok "it starts there" -- put running "$B/state"
mkdir "$B/exec/2"
put "ls /there" "$B/exec/2/command"
put run "$B/exec/2/state"
is "$(cat "$B/exec/2/stdout")" /there "with its files"
put "stopped force" "$B/state"

ok "it goes on to another project, with another name" -- mv "$B" "$C"
is "$(ls "$P/web/instances")$(ls "$P/lab/instances")" bar "and is there alone"
put x "$C/config/user.more"
is "$(cat "$C/config/user.more")" x "it can be written there"

"$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
daemon_again
is "$(ls "$P/web/instances")$(ls "$P/lab/instances")$(ls "$LXD/instances")" barother "so it is after a restart"
is "$(cat "$C/uuid")" "$uuid" "with its uuid"

# ---- what it names must be there
mkdir "$P/lab/profiles/own"
printf 'default\nown\n' >"$C/profiles"
fails_with EPERM "no profile own: mkdir $LXD/projects/web/profiles/own" "a profile that isn't there" -- mv "$C" "$B"
is "$(ls "$P/lab/instances")" bar "leaves it where it is"
mkdir "$P/web/profiles/own"
ok "one of that name will do" -- mv "$C" "$B"
fails_with EPERM "no profile own: mkdir $LXD/profiles/own" "at the top level too" -- mv "$B" "$LXD/instances/foo"
put default "$B/profiles"
mkdir "$LXD/storage/second"
put second "$P/lab/profiles/default/devices/root/pool"
fails_with EBUSY "can't leave pool default" "its files stay in their pool" -- mv "$B" "$C"
fails_with EEXIST "already" "a name that is taken" -- mv -T "$B" "$LXD/instances/other"
fails_with EPERM "can't be moved to another directory" "a profile stays" -- mv "$P/web/profiles/own" "$P/lab/profiles/two"
fails_with EPERM "can't be moved to another directory" "an instance is no profile" -- mv "$B" "$P/web/profiles/foo"
ok "and back to the top" -- mv "$B" "$A"
is "$(cat "$A/uuid")" "$uuid" "as it was"
ok "the project that it left is removed" -- sh -c 'rmdir "$1/profiles/own" "$1"' x "$P/web"
is "$(cat "$A/config/user.note")" kept "which leaves it"
rmdir "$A" "$LXD/instances/other"
ok "the other project goes" -- sh -c 'rmdir "$1/profiles/own" "$1"' x "$P/lab"
done_testing
