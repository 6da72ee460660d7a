#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# lxdfs-shell: an admin's terminal in an instance. script(1) gives it one here.
. "$(dirname "$0")/../lib/daemon.sh"

command -v script >/dev/null || skip_all "needs script(1)"
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
foo=$LXD/instances/foo
mkdir "$foo"
ok "it starts" -- put running "$foo/state"
# typed TEXT ARGUMENT...: what shows when that is typed; then nothing more is, but it isn't hung up
typed() {
	local text=$1
	shift
	{
		printf '%b' "$text"
		sleep 1000 &
		echo $! >"$WORK/holds"
	} | { timeout 30 script -qec "stty rows 33 cols 99; $(printf '%q ' "$ROOT/scripts/lxdfs-shell" -t "$LXD" "$@")" /dev/null | tr -d '\r'; kill "$(cat "$WORK/holds")"; }
}
is "$(typed '' foo 'echo here; tty; stty size; exit 7')" $'here\n/dev/pts/1\n33 99' "a command has the terminal, with its size"
script -qec "$(printf '%q ' "$ROOT/scripts/lxdfs-shell" -t "$LXD" foo 'exit 7')" /dev/null </dev/null >/dev/null
is $? 7 "its status is the script's"
script -qec "$(printf '%q ' "$ROOT/scripts/lxdfs-shell" -t "$LXD" foo 'kill -9 $$')" /dev/null </dev/null >/dev/null
is $? 137 "a signal's too"
is "$(typed '' foo 'seq 3000' | tail -n 1)" 3000 "nothing is lost"
like "$(typed 'echo one $((1 + 1))\nexit\n' foo)" 'one 2' "a shell takes what is typed"
like "$(typed '' bar 2>&1)" "No such file" "an instance that isn't there"
is "$(find "$foo/exec" -mindepth 1)" "" "no command is left"
like "$("$ROOT/scripts/lxdfs-shell" -t "$LXD" foo true 2>&1 </dev/null)" "aren't a terminal" "without a terminal it says so"
put 'stopped force' "$foo/state"
like "$(typed '' foo true)" "the instance isn't running" "one that doesn't run"
is "$(find "$foo/exec" -mindepth 1)" "" "leaves nothing either"
rmdir "$foo"
done_testing
