# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests of net/ without a daemon. After tests/lib/daemon.sh; gives
#
#	net VERB [NAME=VALUE...]                       netctl; its output on standard output, its sentence in $ERR
#	refuses ERRNO TEXT NAME VERB [NAME=VALUE...]   netctl fails with that number, and TEXT is in its sentence
#	tell VERB [NAME=VALUE...]                      one word of what it prints: `tell mtu link name=br0`
#	space NAME                                     a network namespace, with lo up; gone at the end
#	in_space NAME COMMAND...
#	spaces_gone                                    deletes all of them
#	index LINK [-n NAME]                           a link's number

ERR=$WORK/err
# shellcheck disable=SC2034 # for the tests
MAC1=00:16:3e:00:00:01 MAC2=00:16:3e:00:00:02 MAC3=00:16:3e:00:00:03

net() {
	timeout 60 "$BUILD/tools/netctl" "$@" 2>"$ERR"
}

tell() {
	local word=$1
	shift
	net "$@" | tr ' ' '\n' | sed -n "s/^$word=//p"
}

refuses() {
	local errno=$1 text=$2 name=$3
	shift 3
	if net "$@" >/dev/null; then
		fail "$name"
		diag "it succeeded: errno $errno was wanted"
		return
	fi
	case $(cat "$ERR") in
	"$errno: "*"$text"*) pass "$name" ;;
	*)
		fail "$name"
		diag "said: $(cat "$ERR")"
		diag "wanted: $errno: ...$text..."
		;;
	esac
}

space() {
	ip netns add "$1"
	ip -n "$1" link set lo up
}

in_space() {
	local name=$1
	shift
	ip netns exec "$name" "$@"
}

spaces_gone() {
	local name link
	for name in /run/netns/*; do
		[ -e "$name" ] || continue
		name=${name##*/}
		# by hand: the kernel takes its time with what a namespace held
		for link in $(ip -n "$name" -o link | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p' | grep -vx lo); do
			ip -n "$name" link delete "$link" 2>/dev/null
		done
		ip netns delete "$name"
	done
	umount /run/netns
}

index() {
	local link=$1
	shift
	ip "$@" -o link show dev "$link" | cut -d : -f 1
}
