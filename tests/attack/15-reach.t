#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What root of a container reaches of its host and of a neighbour: each attack of tests/attack/probes in each kind of
# container. The same program outside of any container tells which of them mean anything on this machine.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/attack.sh"
. "$ROOT/tests/lib/marks.sh"

# What isn't stopped, and why: see doc/security.md, "Privileged containers". Root there is root.
open_to_privileged='nice real-time oom-score setrlimit pagemap'
# A container in which containers run mounts /proc and /sys, so nothing of them is covered: what is nobody's secret.
# AppArmor's files show it its own profiles.
open_to_nested='slab-names vmcoreinfo proc-acpi securityfs'

marks_show
# shellcheck disable=SC2086 # words
env $MARKS "$BUILD/tools/attack" control >"$WORK/control" {marks_fd}>&-
isnt "$(grep -c ' reached$' "$WORK/control")" 0 "root of the host reaches what it tries"
diag "of $(wc -l <"$WORK/control") attacks root of this host itself fails at: $(sed -n '/ reached$/!s/ .*//p' "$WORK/control" | tr '\n' ' ')"

make "$MARK_NAME"
kinds=(plain "" isolated "security.idmap.isolated true" nested "security.nesting true" privileged
	"security.privileged true limits.memory 128MiB limits.processes 200 limits.kernel.nofile 512")
for ((i = 0; i < ${#kinds[@]}; i += 2)); do
	kind=${kinds[i]}
	# shellcheck disable=SC2086 # pairs
	make "$kind" ${kinds[i + 1]}
	run "$kind" "$MARKS attack" >"$WORK/reached"
	is "$(cut -d ' ' -f 1 "$WORK/reached")" "$(cut -d ' ' -f 1 "$WORK/control")" "$kind: all attacks were run"
	may=
	case $kind in
	nested) may=$open_to_nested ;;
	privileged) may=$open_to_privileged ;;
	esac
	known=
	while read -r name outcome; do
		case $outcome:" ${may//[$'\n\t']/ } " in
		reached:*" $name "*)
			pass "$kind: $name: reached, as is known"
			known+=" $name"
			;;
		reached:* | *killed*) fail "$kind: $name: $outcome" ;;
		*) pass "$kind: $name: $outcome" ;;
		esac
	done <"$WORK/reached"
	[ -z "$known" ] || diag "$kind containers reach:$known"
	gone "$kind"
done
marks_hide
core_end
done_testing
