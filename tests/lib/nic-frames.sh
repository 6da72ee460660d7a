# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# For tests that send frames out of running containers. After tests/lib/daemon.sh, filter-rows.sh; gives
#
#	two_containers           $C1 and $C2 run on lxdbr0, with addresses; a port mk0 for markers; VARS for rows
#	send_all NAME FILTERS NONE [RULE...]   every row, sent from the first: to the host, to the second, to all, to a group
#	key NAME VALUE           of the first's eth0
#	eventually COMMAND...    within five seconds
#	flood_begin BAD GOOD, flood_end NAME   frames out of the first's eth0 until then; the bad one never arrives

FRAME=$BUILD/tools/frame
C1=$LXD/instances/c1
C2=$LXD/instances/c2
X=00:16:3e:00:00:99

key() { put "$2" "$C1/devices/eth0/$1"; }
link_of() { echo "/proc/$(get "$1/pid")/ns/net:eth0"; }
# shellcheck disable=SC2120
has_addresses() { grep -q '^eth0 10[.]' "$1/addresses" && grep -q '^eth0 fd42:' "$1/addresses"; }
address4() { sed -n 's,^eth0 \(10[.][0-9.]*\).*,\1,p' "$1/addresses" | head -n 1; }
address6() { sed -n 's,^eth0 \(fd42:[0-9a-f:]*\).*,\1,p' "$1/addresses" | head -n 1; }
mac_of() { get "$1/config/volatile.eth0.hwaddr"; }
# eui64 PREFIX:: MAC
eui64() {
	perl -MSocket=:all -e 'my @m = map { hex } split /:/, $ARGV[1]; $m[0] ^= 2;
		print inet_ntop(AF_INET6, substr(inet_pton(AF_INET6, $ARGV[0]), 0, 8) . pack("C8", @m[0..2], 0xff, 0xfe, @m[3..5]))' "$1" "$2"
}

# vars [ADDRESS]: the variables of rows, as the first is now
# shellcheck disable=SC2120
vars() {
	local net6 m
	m=$(mac_of "$C1")
	gateway=$(get "$LXD/networks/lxdbr0/config/ipv4.address")
	gateway=${gateway%/*}
	net6=$(get "$LXD/networks/lxdbr0/config/ipv6.address")
	net6=${net6%1/64}
	A=${1:-$(address4 "$C1")}
	VARS=("port=$(link_of "$C1")" "other=$(link_of "$C2")" host=lxdbr0 marker=mk1 quiet=no "M=$m" "X=$X" "A=$A" "G=$gateway"
		"V=${gateway%.1}.254" "A6=$(eui64 "$net6" "$m")" "V6=${net6}9" "L=$(eui64 fe80:: "$m")" "VL=$(eui64 fe80:: $X)" N=::)
}

two_containers() {
	local c
	use_busybox >/dev/null
	for c in "$C1" "$C2"; do
		mkdir "$c" && put running "$c/state" || return
	done
	for c in "$C1" "$C2"; do
		eventually has_addresses "$c" || return
	done
	# rows say what the filters do, not what the inet hooks or the bridge's own care for groups do besides
	for c in /proc/sys/net/bridge/bridge-nf-call-*; do
		[ ! -e "$c" ] || echo 0 >"$c"
	done
	ip link set lxdbr0 type bridge mcast_snooping 0
	ip link add mk0 type veth peer name mk1
	ip link set mk0 master lxdbr0 up
	ip link set mk1 arp off up
	vars
}

# this release routes no networks to a NIC: the rows of those are left out
own_rows() { rows | grep -v '=R'; }

send_all() {
	local name=$1 filters=$2 none=$3 line n=0 bad=0
	while read -r line; do
		n=$((n + 1))
		case $line in
		"ok "*) ;;
		*)
			bad=$((bad + 1))
			diag "$name: $line"
			;;
		esac
	done < <(own_rows | $FRAME matrix "${VARS[@]}" "filters=$filters" "none=$none" 2>&1)
	is "$n rows, $bad wrong" "$(own_rows | wc -l) rows, 0 wrong" "$name: what becomes of each frame"
}

flood_begin() {
	mkfifo "$WORK/stop"
	"$FRAME" flood "${VARS[@]}" -- "$1 / $2" <"$WORK/stop" >"$WORK/flood" &
	flooder=$!
	exec 6>"$WORK/stop"
}

flood_end() {
	exec 6>&-
	wait "$flooder"
	rm "$WORK/stop"
	like "$(cat "$WORK/flood")" "^bad=[0-9]{3,} slipped=0 " "$1: nothing slips through ($(cat "$WORK/flood"))"
}
