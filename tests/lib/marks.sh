# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What tests/attack/probes look for outside of the container that they run in. After tests/lib/daemon.sh; gives
#
#	marks_show      shows a file, a process, a socket, shared memory, a key, a link and a control group; $MARKS is
#	                the environment that tells the program of them, as words VARIABLE=VALUE
#	marks_hide      takes them away
#	MARK_NAME       the name that a neighbour should have

MARK_NAME=atkmark0

marks_show() {
	local d
	echo "the host's" >"$BASE/mark"
	mkfifo "$BASE/marks"
	ip link add "$MARK_NAME" type bridge
	for d in /sys/fs/cgroup /sys/fs/cgroup/*/; do
		# shellcheck disable=SC2153 # NAME is daemon.sh's
		[ ! -e "$d/cgroup.procs" ] || mkdir "$d/$NAME-mark"
	done
	ATTACK_NAME=$MARK_NAME ATTACK_SECRET=secret "$BUILD/tools/attack" marks attack-victim <"$BASE/marks" >"$BASE/shown" &
	exec {marks_fd}>"$BASE/marks"
	eventually grep -q shown "$BASE/shown"
	# shellcheck disable=SC2034 # for the test
	MARKS="ATTACK_MARK=$BASE/mark ATTACK_NAME=$MARK_NAME ATTACK_GROUP=$NAME-mark ATTACK_PID=$! ATTACK_NODE=$(stat -L -c %d:%i /dev/null)"
}

marks_hide() {
	exec {marks_fd}>&-
	find /sys/fs/cgroup -maxdepth 2 -name "$NAME-mark" -exec rmdir {} +
	ip link del "$MARK_NAME"
}
