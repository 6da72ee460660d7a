# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of what a container can reach. After tests/lib/daemon.sh; starts a core (see instancectl.sh) with an image
# that holds tests/tools/probe.c, asker.c and tests/attack/probes, and gives
#
#	make NAME [KEY VALUE]...    an instance with these keys, started
#	run NAME COMMAND...         a shell line in it: what it prints
#	gone NAME                   killed and removed
# shellcheck source=tests/lib/instancectl.sh
. "$ROOT/tests/lib/instancectl.sh"

attack_image() {
	local image=$ROOT/build/busybox.tar.xz
	[ -e "$image" ] || "$ROOT/scripts/make-busybox-image" "$image"
	mkdir "$WORK/image"
	tar -xf "$image" -C "$WORK/image"
	# shellcheck disable=SC2153 # daemon.sh's
	cp "$BUILD"/tools/{probe,asker,attack} "$WORK/image/rootfs/bin/"
	tar -cf "$WORK/image.tar" -C "$WORK/image" .
	c image "$WORK/image.tar" busybox
}

make() {
	local name=$1
	shift
	c create "$name"
	while [ $# -gt 1 ]; do
		c set instance "$name" config "$1" "$2"
		[ "$SAID" = ok ] || diag "$name: $1: $SAID"
		shift 2
	done
	does "$name starts" start "$name"
}

run() {
	c exec "$@"
	sed '$d' <<<"$OUT"
}

gone() {
	c stop "$1" force
	c remove "$1"
}

core_start
is "$SAID" ok "a core starts"
attack_image
is "$SAID" ok "with an image that holds the probe"
