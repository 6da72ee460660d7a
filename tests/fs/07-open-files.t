#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files and directories that are open while the core is killed: the next one goes on with them.
. "$(dirname "$0")/../lib/daemon.sh"

daemon_start --no-init
P=$LXD/profiles
core() { pgrep -f "^$BIN/lxdfsd --core[a-z-]* .*--name $NAME( |\$)"; }
# kill_core: and wait for the next one
kill_core() {
	local pid
	pid=$(core)
	kill -KILL "$pid"
	while [ "$(core)" = "$pid" ] || ! stat "$LXD/README" >/dev/null 2>&1; do sleep 0.1; done
}

mkdir "$P/one" "$P/two"
put "as it was" "$P/one/description"
exec 3<"$P/one/description" 4<"$P" 5>"$P/two/description" 6<"$P/one/config"
exec 7>"$LXD/images/x.tar.xz"
printf 'half of ' >&7
kill_core
is "$(timeout 5 cat <&3)" "as it was" "a file that was open is read"
ok "one that was open for writing" -- timeout 5 sh -c 'echo "written after" >&5'
is "$(get "$P/two/description")" "written after" "is written"
is "$(timeout 5 perl -e 'opendir(my $d, "/proc/self/fd/4") or die; print join(" ", sort grep { !/^\./ } readdir $d)')" \
	"one two" "a directory that was open is read"
nok "an image of which half came isn't taken for one" -- timeout 5 sh -c 'printf "an image" >&7'
exec 3<&- 4<&- 5>&- 6<&-
{ exec 7>&-; } 2>/dev/null
is "$(find "$LXD/images" -mindepth 1 -maxdepth 1 -type d ! -name aliases)" "" "and leaves nothing"
kill_core
ok "numbers of either core are told apart" -- sh -c 'exec 8<"$1" && cat <&8 && ls "$2"' - "$P/one/description" "$P"
is "$(grep -c 'killed by signal 11' "$BASE/log")" 0 "no core died of it"
is "$(core | wc -l)" 1 "one core serves"

done_testing
