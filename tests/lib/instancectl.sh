# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of instances without a tree. After tests/lib/daemon.sh; gives
#
#	core_start              a core over $STATE and $RUN: its answer in $SAID
#	core_kill               kill -9 of it, as a crash
#	core_end                everything stopped and taken down, the core ended
#	c ORDER...              an order to it (see instancectl.c); what it prints in $OUT, "ok" or the sentence in $SAID
#	does NAME ORDER...      a test: it answers "ok"
#	refuses ERRNO TEXT NAME ORDER...   a test: it answers with that number, and TEXT is in its sentence
#	says TEXT NAME ORDER... a test: it prints that and "ok"

c_answer() {
	local line
	OUT=
	SAID="no answer"
	while read -r -t 90 line <&"${core_out}"; do
		case $line in
		ok | E[A-Z0-9]*:*)
			SAID=$line
			return
			;;
		esac
		OUT+=${OUT:+$'\n'}$line
	done
}

core_start() {
	mkdir -p "$RUN"
	mkfifo "$WORK/to.$$" "$WORK/from.$$"
	# shellcheck disable=SC2153 # NAME is daemon.sh's
	"$BUILD/tools/instancectl" "$LXD" "$STATE" "$RUN" "$NAME" "$BIN" <"$WORK/to.$$" >"$WORK/from.$$" 2>>"$BASE/log" &
	core_pid=$!
	exec {core_in}>"$WORK/to.$$" {core_out}<"$WORK/from.$$"
	rm "$WORK/to.$$" "$WORK/from.$$"
	c_answer
}

core_close() {
	exec {core_in}>&- {core_out}<&-
	wait "$core_pid" 2>/dev/null
}

core_kill() {
	kill -KILL "$core_pid"
	core_close
}

core_end() {
	c stop-all
	core_close
}

c() {
	printf '%s\n' "$*" >&"${core_in}"
	c_answer
}

does() {
	local name=$1
	shift
	c "$@"
	is "$SAID" ok "$name"
}

refuses() {
	local errno=$1 text=$2 name=$3
	shift 3
	c "$@"
	case $SAID in
	"$errno: "*"$text"*) pass "$name" ;;
	*)
		fail "$name"
		diag "said: $SAID"
		diag "wanted: $errno: ...$text..."
		;;
	esac
}

says() {
	local text=$1 name=$2
	shift 2
	c "$@"
	is "$SAID: $OUT" "ok: $text" "$name"
}
