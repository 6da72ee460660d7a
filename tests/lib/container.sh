# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of the container runtime without a daemon. After tests/lib/daemon.sh; gives
#
#	ctl VERB [NAME=VALUE...]     containerctl on container $UUID; its output in $OUT, its sentence in $ERR
#	start [NAME=VALUE...]        ctl start from the busybox image $IMAGE with layer $LAYER
#	inside COMMAND               a shell line inside; stdout and stderr of it on standard output
#	refuses ERRNO TEXT NAME [VERB NAME=VALUE...]   ctl fails with that number, and TEXT is in its sentence
#	nothing_left NAME            a test: no group, no process, no file, no mount of a container is there
#	field NAME                   of what `ctl adopt` prints

UUID=${UUID:-0a1b2c3d-0000-4000-8000-0123456789ab}
IMAGE=$STATE/image
LAYER=$STATE/layer
PROBE=$BUILD/tools/probe
OUT=$WORK/out
ERR=$WORK/err
mkdir -p "$RUN"

ctl() {
	local verb=$1
	shift
	# shellcheck disable=SC2153 # NAME is daemon.sh's
	timeout 60 "$BUILD/tools/containerctl" "$BIN" "$RUN" "$NAME" "$verb" "$UUID" "$@" >"$OUT" 2>"$ERR"
}

make_image() {
	local applet
	mkdir -p "$IMAGE"/{bin,sbin,etc,root,tmp,proc,sys,dev,run,mnt}
	cp "$(command -v busybox)" "$IMAGE/bin/busybox"
	cp "$PROBE" "$IMAGE/bin/probe"
	for applet in $("$IMAGE/bin/busybox" --list); do
		[ "$applet" = busybox ] || ln -sf busybox "$IMAGE/bin/$applet"
	done
	ln -sf ../bin/busybox "$IMAGE/sbin/init"
	echo 'root:x:0:0::/root:/bin/sh' >"$IMAGE/etc/passwd"
	echo 'web:x:1000:1000::/tmp:/bin/sh' >>"$IMAGE/etc/passwd"
	printf '::sysinit:/bin/echo hello from init\n::respawn:/bin/sleep 100000\n' >"$IMAGE/etc/inittab"
	chmod 755 "$IMAGE"
}

start() {
	ctl start "image=$IMAGE" "layer=$LAYER" "$@"
}

inside() {
	local dir
	dir=$(mktemp -d "$WORK/exec.XXXXXX")
	ctl exec "dir=$dir" ${PRIVILEGED:+privileged=yes} "command=$1" || cat "$ERR"
	cat "$dir/stdout" "$dir/stderr" 2>/dev/null
}

field() {
	ctl adopt && sed -n "s/^$1 //p" "$OUT"
}

refuses() {
	local errno=$1 text=$2 name=$3 said
	shift 3
	if "$@"; then
		fail "$name"
		diag "it succeeded: $errno was wanted"
		return
	fi
	said=$(cat "$ERR")
	case $said in
	"$errno: "*"$text"*) pass "$name" ;;
	*)
		fail "$name"
		diag "said: $said"
		diag "wanted: $errno: ...$text..."
		;;
	esac
}

nothing_left() {
	local left pid
	# who has nobody to tell ends by itself, a moment later
	for pid in $(pgrep -x lxdfs-monitor); do
		timeout 20 tail --pid="$pid" -f /dev/null
	done
	# who was killed is gone when the kernel says so: the files are what a core looks at
	left=$(find /sys/fs/cgroup -maxdepth 4 -type d -path "*$NAME/*" 2>/dev/null)
	left+=$(find "$RUN/monitors" -mindepth 1 2>/dev/null)
	left+=$(pgrep -a -x lxdfs-monitor | grep -v defunct)
	left+=$(pgrep -a -x lxdfs-enter | grep -v defunct)
	left+=$(grep -F "$LAYER" /proc/self/mountinfo)
	is "$left" "" "$1"
}

make_image
